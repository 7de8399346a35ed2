"""Weights that come with cnnzoo: those of the models in `saved_models/`, each trained by one of its recipes."""

import dataclasses
import importlib
import json
import math
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnzoo.errors import InputError, unknown

if TYPE_CHECKING:
    import keras

CARD = Path("assets.extra") / "card.json"  # in a version's folder; servers ignore `assets.extra`
WEIGHTS = CARD.with_name("model.weights.h5")
RENAMED_KEYS = {"licence": "license"}  # of the cards that earlier versions wrote; each of those cards has it


@dataclasses.dataclass(frozen=True)
class Shipped:
    """Trained weights that come with cnnzoo.

    Attributes:
        model: name of the model's function.
        weights: the value of its argument `weights`: the data set that they were trained on.
        folder: the version of the SavedModel, which holds them a second time, in Keras' own file beside the card.
        card: the model card: recipe, seed, test metrics, versions.
    """

    model: str
    weights: str
    folder: Path
    card: dict[str, Any] = dataclasses.field(repr=False)

    @property
    def test(self) -> str:
        """Their metrics on the test images, formatted."""
        return formatted_metrics(self.card["test"])

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes, or `None` for an autoencoder."""
        return tuple(self.card["class_names"]) if self.card["class_names"] else None

    @property
    def preprocess_input(self) -> Callable[[Any], Any]:
        """The function that turns pixels into the model's input."""
        return importlib.import_module(self.card["module"]).preprocess_input

    @property
    def call(self) -> str:
        """The call that builds the model with these weights, and with the recipe's own options."""
        options = {"weights": self.weights, **self.card["recipe"]["model_options"]}
        return f"cnnzoo.{self.model}({', '.join(f'{name}={value!r}' for name, value in options.items())})"

    def __str__(self) -> str:
        return f"{self.call}  {self.test}; by {self.card['name']}"


def list_weights() -> list[Shipped]:
    """Return the weights that come with cnnzoo, each with its test metrics, sorted by model.

    Example:
    >>> [(entry.model, entry.weights) for entry in list_weights()][:2]
    [('cuda_convnet', 'cifar10'), ('deep_autoencoder', 'mnist')]
    """
    entries = sorted(map(_read, _folder().glob(f"*/*/{CARD}")), key=lambda entry: int(entry.folder.name))
    newest = {(entry.model, entry.weights): entry for entry in entries}
    return [newest[names] for names in sorted(newest)]


def shipped(model: str, weights: str) -> Shipped:
    """Return weights that come with cnnzoo.

    Args:
        model: name of the model's function.
        weights: the data set that they were trained on.

    Raises:
        InputError: no weights have these names.

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
    """Return the values of a model's argument `weights` for which weights come with cnnzoo."""
    return [entry.weights for entry in list_weights() if entry.model == model]


def check_fits(model: "keras.Model", entry: Shipped) -> None:
    """Refuse a model whose layers are not those that the weights were trained in; it may lack the head.

    Raises:
        InputError: the model has other weights, or a layer that computes something else with them.
    """
    layers = entry.card["layers"]
    for name, layer in layers_of(model).items():
        for setting, trained in _by_registered_names(layers.get(name, {})).items():
            if layer.get(setting) != trained:
                difference = (
                    f"layer {name!r} has {setting} {layer.get(setting)!r}, and they were trained with {trained!r}"
                )
                raise _mismatch(model, entry, f"{difference}; build it by {entry.call}")
    for weight, trained in zip_longest(model.weights, entry.card["weights"][: len(model.weights)]):
        if weight.path != trained:
            raise _mismatch(model, entry, f"they have {trained or 'none'} for {weight.path}; build it by {entry.call}")


def layers_of(model: "keras.Model") -> dict[str, dict[str, Any]]:
    """Return what each layer computes, by its name: its class and the settings that its outputs depend on.

    Example:
    >>> import cnnzoo
    >>> layers_of(cnnzoo.lenet())["S2"]["class"], layers_of(cnnzoo.lenet())["C1"]["activation"]
    ('AveragePooling2D', 'tanh')
    """
    import keras

    layers = {}
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer | keras.layers.Dropout):
            config = {key: value for key, value in layer.get_config().items() if not _only_for_training(key)}
            content = json.loads(json.dumps({"class": type(layer).__name__, **config}, default=str))
            layers[layer.name] = _by_registered_names(content)
    return layers


def _by_registered_names(value: Any) -> Any:
    """Return a value of a config with the registered name of each function and class in it, and not its module.

    Keras 3.16 writes another module than those before it, and of a function another `registered_name`; what loads it is
    its `config`, as before.
    """
    if isinstance(value, list):
        return [_by_registered_names(each) for each in value]
    if not isinstance(value, dict):
        return value
    serialized = {"module", "class_name", "registered_name"} <= value.keys()
    if serialized and value["class_name"] == "function":
        return value["config"]
    return {key: _by_registered_names(each) for key, each in value.items() if not (serialized and key == "module")}


def _only_for_training(setting: str) -> bool:
    suffixes = ("_initializer", "_regularizer", "_constraint")
    return setting in ("name", "dtype", "trainable") or setting.endswith(suffixes)


def _mismatch(model: "keras.Model", entry: Shipped, why: str) -> InputError:
    return InputError(f"the weights {entry.weights!r} of {entry.model} do not fit {model.name}: {why}")


def formatted_metrics(metrics: dict[str, Any]) -> str:
    """Return metrics of test images as text; cards, reports and the command line use the same form.

    An accuracy has the 95 % interval that so many images allow; what another seed would change is not in it.

    Args:
        metrics: `accuracy`, or `squared_error`, with `loss`, `reconstruction` and `kl` of a variational autoencoder;
            optionally also the number of `images`, their `kind` if they are none, and of runs, `n`.

    Example:
    >>> formatted_metrics({"accuracy": 0.99, "images": 10_000, "n": 1})
    'accuracy 99.00 % (95 % interval 98.79 to 99.18 %) on 10,000 test images, n=1'
    >>> formatted_metrics({"squared_error": 1.5, "loss": 0.1})
    'squared error per image 1.500'
    """
    images = metrics.get("images")
    if "accuracy" in metrics:
        text = f"accuracy {100 * metrics['accuracy']:.2f} %"
        if images:
            low, high = wilson_interval(metrics["accuracy"], images)
            text += f" (95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
    else:
        each = {"rows": "row", "signals": "signal"}.get(metrics.get("kind", ""), "image")
        text = f"squared error per {each} {metrics['squared_error']:.3f}"
        if "kl" in metrics:
            parts = f"reconstruction {metrics['reconstruction']:.2f}, KL {metrics['kl']:.2f}"
            text = f"loss {metrics['loss']:.2f} nats per {each} ({parts}), {text}"
    text += f" on {images:,} test {metrics.get('kind', 'images')}" if images else ""
    return text + (f", n={metrics['n']}" if "n" in metrics else "")


def wilson_interval(fraction: float, examples: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a fraction of so many examples, such as an accuracy.

    It holds every true fraction p from which the observed one is at most 1.96 standard deviations √(p(1 − p)/examples)
    away, and stays between 0 and 1.

    Args:
        fraction: the observed fraction, from 0 to 1.
        examples: number of examples, ≥ 1.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.

    Example:
    >>> [round(100 * end, 2) for end in wilson_interval(0.9891, 10_000)]
    [98.69, 99.1]
    """
    spread = 1.959963984540054**2 / examples
    middle = (fraction + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (fraction * (1 - fraction) + spread / 4)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def _read(card: Path) -> Shipped:
    """Return the weights that a card describes.

    Raises:
        InputError: the card has a key of an earlier version.
    """
    content = json.loads(card.read_text(encoding="utf-8"))
    for old in RENAMED_KEYS.keys() & content.keys():
        raise InputError(
            f"{str(card)!r} was written by an earlier version of cnnzoo: its key {old!r} is now {RENAMED_KEYS[old]!r}; "
            "export the model again"
        )
    return Shipped(content["model"], content["recipe"]["data"], card.parent.parent, content)


def _folder() -> Path:
    """Return the folder of the SavedModels: inside an installed wheel, next to the package in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "saved_models"
    return installed if installed.is_dir() else package.parent / "saved_models"
