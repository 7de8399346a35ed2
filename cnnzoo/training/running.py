"""Run a recipe from its first step to its last file."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from cnnzoo import data, distribute
from cnnzoo import run as runs
from cnnzoo.data.augmentation import augmentation
from cnnzoo.errors import InputError
from cnnzoo.files import whole_file, write_json
from cnnzoo.recipe import Recipe, load_recipe
from cnnzoo.run import Run
from cnnzoo.steps import executions
from cnnzoo.training.fitting import fit, pretrain
from cnnzoo.training.judging import judged, principal_components
from cnnzoo.training.preparing import compile_for_its_task, compiled, images_of, labelled_part
from cnnzoo.training.tasks import RECONSTRUCT, task_of
from cnnzoo.weights import count_parameters


def train(
    recipe: Recipe | str,
    *,
    workdir: str | Path | None = None,
    resume: bool = False,
    data_dir: str | Path | None = None,
    verbose: str | int = "auto",
    pretrained: str | Path | None = None,
    **changes: Any,
) -> Run:
    """Run a recipe and judge what it trained on the test images.

    The test images are looked at once, after the last epoch; nothing is chosen by them. A run that
    was stopped, killed or interrupted resumes at its last whole epoch; on one machine it ends with
    the same weights as one that was not.

    Args:
        recipe: a `Recipe`, the name of one, or the path of a recipe file.
        workdir: a new or empty folder for the run; default the next number in `runs/<recipe>`.
        resume: go on with the run in `workdir`, by default the latest one of this recipe.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: Keras' `verbose`; `"auto"` is a progress bar in a terminal and a line an epoch elsewhere.
        pretrained: a folder in which runs with the same pretraining share its layers; by default each run keeps
            its own.
        changes: other values for the recipe, such as `epochs=5`.

    Returns:
        The finished `Run`.

    Raises:
        InputError: a value that cannot be used, or a loss that is no number any more.

    Example:
    >>> import cnnzoo, tempfile
    >>> run = cnnzoo.train("lenet5_digits", workdir=tempfile.mkdtemp(), epochs=1, verbose=0)
    >>> sorted(run.metrics["test"])
    ['accuracy', 'loss']
    """
    recipe = (recipe if isinstance(recipe, Recipe) else _loaded(recipe)).replace(**changes)
    run = _resumed(recipe, workdir) if resume else None
    if run and run.metrics_file.is_file():
        return run
    if not run:
        runs.check_free(workdir)
    slices = 1 if _penalised(recipe) else distribute.slices_for(recipe.batch_size)
    with _session(recipe), data.broken_files_named():
        source, unlabelled, validation_split = images_of(recipe, data_dir)
        train_split = labelled_part(recipe, unlabelled)
        # Made once before the model, too: Keras seeds layers in the order of their making, and so the
        # published figures with distortions were measured.
        augmentation(recipe.augment, source.image_shape)
        steps, together = executions(data.steps_per_epoch(train_split, recipe.batch_size), recipe.steps_per_execution)
        model = compiled(recipe, source, steps, steps_per_execution=together)
        # Only now, so that input refused above leaves no folder behind.
        run = run or runs.begin(workdir, recipe.name, {"recipe": recipe.to_dict(), **_circumstances()})
        try:
            fitted = distribute.in_slices(model, slices)
            if fitted is not model:
                compile_for_its_task(fitted, model.optimizer, model.loss, steps_per_execution=together)
            learned = pretrain(recipe, run, model, unlabelled, pretrained, verbose) if recipe.pretraining else {}
            fit(recipe, run, model, fitted, train_split, validation_split, steps, verbose)
        except InputError:
            if not resume:
                run.discard_if_empty()
            raise
        metrics = _judgement(recipe, run, model, source, steps * recipe.batch_size)
        if recipe.pretraining:
            metrics["pretraining"] = learned
        with whole_file(run.model_file) as part:
            model.save(part)
        write_json(run.metrics_file, metrics)
    return run


def _penalised(recipe: Recipe) -> bool:
    """Return whether a recipe's model penalises activations: then it does not go in slices, and threads stay."""
    return any(recipe.model_options.get(option) for option in ("sparsity", "contractive"))


def _loaded(name: str) -> Recipe:
    recipe = load_recipe(name)
    if not isinstance(recipe, Recipe):
        raise InputError(f"{name!r} is a study, not a recipe: it is run by cnnzoo.studies.run, or `cnnzoo train`")
    return recipe


def _resumed(recipe: Recipe, workdir: str | Path | None) -> Run:
    """Return the run to go on with, which must have been begun with the same recipe."""
    run = runs.reopen(workdir, recipe.name)
    wanted = json.loads(json.dumps(recipe.to_dict()))  # as the file holds it: tuples are lists there
    for name, value in json.loads(json.dumps(Recipe.from_dict(run.recipe).to_dict())).items():
        if (now := wanted[name]) != value:
            raise InputError(
                f"the run in {str(run.folder)!r} was begun with {name}={value!r}, not {now!r}; "
                "resume it with the same values, or begin another run"
            )
    return run


def _circumstances() -> dict[str, Any]:
    packages = ("cnnzoo", "keras", "tensorflow", "tensorflow-datasets", "numpy", "scikit-learn")
    return {
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "machine": {"python": platform.python_version(), "platform": platform.platform(), "cores": os.cpu_count()},
    }


@contextmanager
def _session(recipe: Recipe) -> Iterator[None]:
    """Seed everything and set the precision, and put the precision back afterwards."""
    before = keras.config.dtype_policy()
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(recipe.precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _judgement(recipe: Recipe, run: Run, model: keras.Model, source: data.Source, images: int) -> dict[str, Any]:
    history, test = run.history, source.test
    seconds = sum(row["seconds"] for row in history)
    metrics = {
        "recipe": recipe.name,
        "model": recipe.model,
        "parameters": count_parameters(model.trainable_weights),
        "fixed_parameters": count_parameters(model.non_trainable_weights),
        "data": recipe.data,
        "image_shape": list(source.image_shape),
        "class_names": list(source.class_names),
        "seed": recipe.seed,
        "epochs": len(history),
        "train_seconds": round(seconds, 2),
        "images_per_second": round(images * len(history) / seconds),
        "test": judged(recipe, model, test),
        "test_examples": len(test),
    }
    if task_of(model) is RECONSTRUCT:
        metrics["principal_components"] = principal_components(recipe, model, source.train, test)
    return metrics
