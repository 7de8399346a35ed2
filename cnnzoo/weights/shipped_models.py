"""Weights that come with cnnzoo: those of the SavedModels in `saved_models/`, each trained by a recipe of it."""

import dataclasses
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnzoo.errors import InputError, unknown

if TYPE_CHECKING:
    import keras

CARD = Path("assets.extra") / "card.json"  # in a version's folder; servers pass over `assets.extra`


@dataclasses.dataclass(frozen=True)
class Shipped:
    """Trained weights that come with cnnzoo.

    Attributes:
        model: name of the model's function.
        weights: what its argument `weights` calls them: the data set that they were trained on.
        folder: the version of the SavedModel that holds them.
        card: the model card: recipe, seed, test figure, versions.
    """

    model: str
    weights: str
    folder: Path
    card: dict[str, Any] = dataclasses.field(repr=False)

    @property
    def test(self) -> str:
        """What they get right on the test images, in words."""
        return figure_in_words(self.card["test"])

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes, or `None` for an autoencoder."""
        return tuple(self.card["class_names"]) if self.card["class_names"] else None

    @property
    def preprocess_input(self) -> Callable[[Any], Any]:
        """What turns pixels into the model's input."""
        return importlib.import_module(self.card["module"]).preprocess_input

    @property
    def call(self) -> str:
        """The call that builds the model with these weights, and with the recipe's own options."""
        options = {"weights": self.weights, **self.card["recipe"]["model_options"]}
        return f"cnnzoo.{self.model}({', '.join(f'{name}={value!r}' for name, value in options.items())})"

    def __str__(self) -> str:
        return f"{self.call}  {self.test}; by {self.card['name']}"


def list_weights() -> list[Shipped]:
    """Return the weights that come with cnnzoo, each with its test figure, by model.

    Example:
    >>> [(entry.model, entry.weights) for entry in list_weights()][:2]
    [('cuda_convnet', 'cifar10'), ('deep_autoencoder', 'mnist')]
    """
    found = [_of(card) for card in _folder().glob(f"*/*/{CARD}")]
    newest: dict[tuple[str, str], Shipped] = {}
    for entry in sorted(found, key=lambda of: int(of.folder.name)):
        newest[entry.model, entry.weights] = entry
    return sorted(newest.values(), key=lambda of: (of.model, of.weights))


def shipped(model: str, weights: str) -> Shipped:
    """Return weights that come with cnnzoo.

    Args:
        model: name of the model's function.
        weights: the data set that they were trained on.

    Raises:
        InputError: there are none of these names.

    Example:
    >>> import keras
    >>> fashion = shipped("lenet", "fashion_mnist")
    >>> fashion.class_names[0], fashion.preprocess_input(keras.ops.zeros((1, 28, 28, 1))).shape
    ('T-shirt/top', TensorShape([1, 32, 32, 1]))
    """
    names = {f"{entry.model} on {entry.weights}": entry for entry in list_weights()}
    wanted = f"{model} on {weights}"
    if wanted not in names:
        raise unknown("weights", wanted, names, plural="weights that come with cnnzoo")
    return names[wanted]


def names_for(model: str | None) -> list[str]:
    """Return what a model's `weights` can be called of those that come with cnnzoo."""
    return [entry.weights for entry in list_weights() if entry.model == model]


def load_shipped(model: "keras.Model", entry: Shipped) -> None:
    """Load weights into all layers of `model`, which may lack the head, all or none.

    Raises:
        InputError: a layer has no weights there, or of another shape.
    """
    import tensorflow as tf

    _check_layers(model, entry)
    reader = tf.train.load_checkpoint(str(entry.folder / "variables" / "variables"))
    position = {path: number for number, path in enumerate(entry.card["weights"])}
    values = []
    for weight in model.weights:
        if weight.path not in position:
            raise _unfit(model, entry, f"they have none for {weight.path}")
        value = reader.get_tensor(f"stored/{position[weight.path]}/.ATTRIBUTES/VARIABLE_VALUE")
        if value.shape != tuple(weight.shape):
            raise _unfit(model, entry, f"{weight.path} has the shape {tuple(weight.shape)}, and there {value.shape}")
        values.append(value.astype(weight.dtype))
    for weight, value in zip(model.weights, values, strict=True):
        weight.assign(value)


def layers_of(model: "keras.Model") -> dict[str, dict[str, Any]]:
    """Return what each layer calculates, by its name: its class and those of its settings that bear on its answers.

    Example:
    >>> import cnnzoo
    >>> layers_of(cnnzoo.lenet())["S2"]["class"], layers_of(cnnzoo.lenet())["C1"]["activation"]
    ('AveragePooling2D', 'tanh')
    """
    import keras

    layers = {}
    for layer in model.layers:
        config = {key: value for key, value in layer.get_config().items() if not _only_for_training(key)}
        if not isinstance(layer, keras.layers.InputLayer | keras.layers.Dropout):
            layers[layer.name] = json.loads(json.dumps({"class": type(layer).__name__, **config}, default=str))
    return layers


def _only_for_training(setting: str) -> bool:
    return setting in ("name", "dtype", "trainable") or setting.endswith(
        ("_initializer", "_regularizer", "_constraint")
    )


def _check_layers(model: "keras.Model", entry: Shipped) -> None:
    """Refuse a model whose layers have the same weights, but calculate something else with them."""
    for name, found in layers_of(model).items():
        trained = entry.card["layers"].get(name)
        for setting in trained or ():
            if found.get(setting) != trained[setting]:
                raise _unfit(
                    model,
                    entry,
                    f"layer {name!r} has {setting} {found.get(setting)!r}, and they were trained with "
                    f"{trained[setting]!r}; build it by {entry.call}",
                )


def _unfit(model: "keras.Model", entry: Shipped, why: str) -> InputError:
    return InputError(f"the weights {entry.weights!r} of {entry.model} do not fit {model.name}: {why}")


def figure_in_words(test: dict[str, Any]) -> str:
    """Return a test figure as a person says it.

    Example:
    >>> figure_in_words({"accuracy": 0.99, "images": 10_000, "n": 1})
    'accuracy 99.00 % on 10,000 test images, n=1'
    """
    figure = (
        f"accuracy {100 * test['accuracy']:.2f} %"
        if "accuracy" in test
        else f"squared error {test['squared_error']:.3f}"
    )
    return f"{figure} on {test['images']:,} test images, n={test['n']}"


def _of(card: Path) -> Shipped:
    content = json.loads(card.read_text(encoding="utf-8"))
    return Shipped(content["model"], content["recipe"]["data"], card.parent.parent, content)


def _folder() -> Path:
    """Return the folder of the SavedModels: inside an installed wheel, beside the package in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "saved_models"
    return installed if installed.is_dir() else package.parent / "saved_models"
