"""What a page is asked to show, as nets: a model, a run's folder, a `.keras` file, or a name."""

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from cnnzoo import models, weights
from cnnzoo.checks import refusal
from cnnzoo.errors import InputError, unknown
from cnnzoo.experiments.recipe import Recipe
from cnnzoo.experiments.run import Run, load_model
from cnnzoo.weights.shipped_models import WEIGHTS, Shipped, formatted_metrics

# Values of a recipe by which `cnnzoo.data.load` has its images.
DATA_OPTIONS = ("image_size", "binarize", "label", "on_error")


@dataclasses.dataclass(frozen=True, eq=False)
class Net:
    """A net and what is known of it.

    Attributes:
        model: the model.
        title: its name and what it was trained on.
        python: a call that returns it.
        family: name of the model function that built it; `None` for a net of the user's own.
        data: name of the data set that it was trained on.
        data_options: further arguments of `cnnzoo.data.load`.
        class_names: name of each class, where they are known.
        figure: its test metrics and them as text.
        run: the run that trained it.
    """

    model: keras.Model
    title: str
    python: str
    family: str | None = None
    data: str | None = None
    data_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    figure: dict[str, Any] | None = None
    run: Run | None = None

    @property
    def reconstructs(self) -> bool:
        """Whether it is an autoencoder."""
        if self.family is not None:
            return models.reconstructs(self.family)
        return self.model.output_shape == self.model.input_shape


def net_of(given: Any) -> Net:
    """Return the net that is meant.

    Args:
        given: a Keras model, a `Run`, or a text or a path: the folder of a run, a `.keras` file, or a name: that of
            trained weights as `lenet5_mnist`, or that of a model, with its trained weights where it has some.

    Raises:
        InputError: it is none of these.

    Example:
    >>> net_of("lenet5").title, net_of("mlp").title
    ('lenet5 on mnist', 'mlp, untrained')
    """
    if isinstance(given, Run):
        return of_run(given)
    if isinstance(given, keras.Model):
        return _of_model(given, 'keras.saving.load_model("…")')
    if not isinstance(given, str | Path):
        raise refusal("model", "a Keras model, a cnnzoo.Run, a path or a name", given)
    path = Path(given)
    if path.is_dir():
        return of_run(Run(path))
    if path.is_file() or path.suffix == ".keras":
        return _of_file(path)
    return _of_name(str(given))


def of_run(run: Run, model: keras.Model | None = None) -> Net:
    """Return the net of a finished run.

    Args:
        run: the run.
        model: its model, where it is loaded already.

    Raises:
        InputError: the run is not finished.
    """
    python = f"cnnzoo.load_model({run.model_file.as_posix()!r})"
    metrics = run.metrics
    figure = {**metrics["test"], "text": formatted_metrics({**metrics["test"], "images": metrics["test_examples"]})}
    return _of_recipe(run, model or run.model(), python, "", figure)


def _of_recipe(run: Run, model: keras.Model, python: str, when: str, figure: dict[str, Any] | None) -> Net:
    recipe: Recipe = run.recipe
    names = None if models.reconstructs(recipe.model) else tuple(run.class_names)
    return Net(
        model,
        f"{recipe.model} on {recipe.data}{when}",
        python,
        recipe.model,
        recipe.data,
        {name: getattr(recipe, name) for name in DATA_OPTIONS},
        names,
        figure,
        run,
    )


def _of_file(path: Path) -> Net:
    model, python = load_model(path), f"cnnzoo.load_model({path.as_posix()!r})"
    # One of the models that a run keeps of its epochs.
    run = Run(path.parent if path.parent.name != "epochs" else path.parent.parent)
    if run.recipe_file.is_file() and run.metrics_file.is_file():
        when = f", epoch {path.stem}" if path.parent.name == "epochs" else ""
        return _of_recipe(run, model, python, when, None)
    return _of_model(model, python)


def _of_model(model: keras.Model, python: str) -> Net:
    """Return a model as a net, with all that is known where its weights are some that come with cnnzoo."""
    if not model.built or not isinstance(getattr(model, "input_shape", None), tuple):
        raise InputError(f"{model.name} must be built and take one tensor of images to be put into a page")
    for entry in weights.list():
        if entry.model == model.name and _has_weights_of(model, entry):
            return _of_shipped(entry, model)
    family = model.name if model.name in models.FAMILIES else None
    return Net(model, model.name, python, family)


def _has_weights_of(model: keras.Model, entry: Shipped) -> bool:
    trained: list[np.ndarray] = []

    def collect(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            trained.append(item[()])

    with h5py.File(entry.folder / WEIGHTS) as file:
        file.visititems(collect)
    own = [np.asarray(keras.ops.convert_to_numpy(each)) for each in model.trainable_weights]
    return all(any(np.array_equal(each, other) for other in trained if each.shape == other.shape) for each in own)


def _of_shipped(entry: Shipped, model: keras.Model) -> Net:
    figure = {**entry.card["test"], "text": entry.test}
    title = f"{entry.model} on {entry.weights}"
    return Net(model, title, entry.call, entry.model, entry.weights, {}, entry.class_names, figure)


def _of_name(name: str) -> Net:
    entries = weights.list()
    chosen = [entry for entry in entries if entry.card["name"] == name]
    chosen = chosen or [entry for entry in entries if entry.model == name]
    if len(chosen) == 1:
        [entry] = chosen
        options = entry.card["recipe"]["model_options"]
        return _of_shipped(entry, models.create(entry.model, weights=entry.weights, compile=False, **options))
    if chosen:
        names = ", ".join(entry.card["name"] for entry in chosen)
        raise InputError(f"{name} comes with several weights: name one of {names}")
    if name in models.FAMILIES:
        model = models.create(name, compile=False)
        return Net(model, f"{name}, untrained", f"cnnzoo.{name}()", name)
    known = [*models.FAMILIES, *(entry.card["name"] for entry in entries)]
    error = unknown("model", name, known)
    raise InputError(f"{error} There is no file or folder of that name either")
