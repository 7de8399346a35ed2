"""What a recipe is: everything that decides a result, as data."""

import ast
import dataclasses
import itertools
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Self

from cnnzoo.errors import InputError, unknown


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """An experiment that anyone can repeat. Vary it by `replace` or `--set`, never by copying it.

    Attributes:
        model: name of the model, one of `cnnzoo.list_models()`.
        data: name of the data set, as `cnnzoo.data.load` takes it.
        epochs: passes over the training images; ≥ 1.
        learning_rate: the largest learning rate of the run; > 0.
        model_options: further arguments of the model's function, such as `{"head": "softmax"}`.
        batch_size: images in one step; ≥ 1.
        optimizer: name of a Keras optimizer, or `"classicsgd"` or `"muon"` for those of `cnnzoo.optimizers`.
        optimizer_options: further arguments of the optimizer, such as `{"weight_decay": 0.1}`.
        schedule: `"constant"`, `"cosine"` for a decay to 0 at the end of the run, or `"step"` for the drops.
        warmup: share of the run in which the rate first rises from 0; in [0, 1). With `"cosine"` only: the
            other schedules begin at `learning_rate`.
        drops: with `"step"`, the epochs after which the rate is multiplied by `drop_factor`, such as
            `(30, 60, 80)`; increasing, from 1. What lies at or beyond the last epoch never comes.
        drop_factor: what each drop multiplies the rate by; in (0, 1).
        augment: name of an augmentation, one of `cnnzoo.data.AUGMENTATIONS`.
        whitening: whether a `cnnzoo.layers.ZCAWhitening`, adapted to the training images, is made the model's first
            layer; it comes after the model's preprocessing and after augmentation.
        validation: share of the training images held out to watch or to choose by; in [0, 1).
        image_size: `(height, width)` for data sets whose images have many sizes, or `None`.
        stream: whether images stay on disk, as `cnnzoo.data.load` says; `None` for where they do not fit
            into half of the memory. It decides the order, so a recipe for a large set states it.
        on_error: what to do with a broken file in a folder of images: `"raise"` ends the run and names it, `"skip"`
            leaves it out, says so, and lists it in the run's `metrics.json`.
        examples: number of training images to use with their labels, or `None` for all; the first ones.
        repeats: how often each of them comes in an epoch; ≥ 1. For few examples, whose epochs would be too short.
        pretraining: what trains the hidden layers one by one before the whole, on all training images without
            their labels; empty for none. `epochs` is needed; the others are `corruption`, `optimizer`,
            `learning_rate`, `schedule` (`"constant"` or `"cosine"`), `optimizer_options`, `batch_size`, `loss`,
            `layers`, `tied`, `cache` and `examples` (the number of images), as `cnnzoo.LayerwisePretraining` and
            this recipe say.
        weights: what to start from, as the model's function takes it: the name of published weights, such as
            `"imagenet"`, or a path. The head, its last layer with weights, stays fresh, for the data's own classes.
        frozen: what is trained before the whole, for further epochs, while the features stay as they are; empty for
            nothing. `epochs` is needed; the others are `until`, the last layer that is frozen (by default all but the
            head are), and `learning_rate`, which is constant there (by default the recipe's).
        test_examples: number of test images to judge by, or `None` for all; only for trying out.
        test_crops: 1, or 10 to judge by the mean answer to the ten crops of AlexNet's paper, of images that are larger
            than the model's input.
        seed: decides initial weights, order, dropout and augmentation.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.
        steps_per_execution: at most so many steps between two returns to Python, for speed. Where no
            number up to it, and above its half, divides the epoch, the epoch loses its last few steps.
        name: name of the recipe; the file's name where it is loaded from a file.

    Raises:
        InputError: a value is of the wrong type or out of range.

    Example:
    >>> recipe = Recipe(model="lenet", data="digits", epochs=3, learning_rate=1e-3)
    >>> recipe.replace(epochs=5).epochs
    5
    """

    model: str
    data: str
    epochs: int
    learning_rate: float
    model_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    batch_size: int = 128
    optimizer: str = "adamw"
    optimizer_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    schedule: str = "cosine"
    warmup: float = 0.1
    drops: tuple[int, ...] = ()
    drop_factor: float = 0.1
    augment: str = "none"
    whitening: bool = False
    validation: float = 0.0
    image_size: tuple[int, int] | None = None
    stream: bool | None = None
    on_error: str = "raise"
    examples: int | None = None
    repeats: int = 1
    pretraining: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    weights: str | None = None
    frozen: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    test_examples: int | None = None
    test_crops: int = 1
    seed: int = 0
    precision: str = "float32"
    steps_per_execution: int = 32
    name: str = "recipe"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field.name, getattr(self, field.name)))
        for name in ("epochs", "batch_size", "repeats", "steps_per_execution"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("examples", "test_examples"):
            value = getattr(self, name)
            _require(value is None or value >= 1, name, "None or at least 1", value)
        _require(0 < self.learning_rate < float("inf"), "learning_rate", "positive", self.learning_rate)
        for name in ("warmup", "validation"):
            _require(0 <= getattr(self, name) < 1, name, "at least 0 and below 1", getattr(self, name))
        _require(0 <= self.seed < 2**31, "seed", "from 0 to 2³¹ − 1", self.seed)
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise unknown(name, getattr(self, name), map(str, allowed), plural=f"allowed values of {name}")
        self._check_schedule()
        self._check_pretraining()
        self._check_frozen()

    def _check_frozen(self) -> None:
        given = self.frozen
        for name in given:
            if name not in FROZEN:
                raise unknown("entry of frozen", name, FROZEN, plural="entries of frozen")
        if given and "epochs" not in given:
            raise InputError(f"frozen needs its epochs, such as frozen.epochs=5, not only {dict(given)!r}")
        epochs, until = given.get("epochs", 1), given.get("until", "")
        rate = given.get("learning_rate", self.learning_rate)
        _require(_is_integer(epochs) and epochs >= 1, "frozen.epochs", "an integer of at least 1", epochs)
        _require(isinstance(until, str), "frozen.until", "the name of a layer", until)
        fits = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < float("inf")
        _require(fits, "frozen.learning_rate", "a positive number", rate)

    def _check_pretraining(self) -> None:
        given = self.pretraining
        for name in given:
            if name not in PRETRAINING:
                raise unknown("entry of pretraining", name, PRETRAINING, plural="entries of pretraining")
        if given and "epochs" not in given:
            raise InputError(
                f"pretraining needs its epochs, one number or one for each layer, such as pretraining.epochs=10, "
                f"not only {dict(given)!r}"
            )
        # What else there is, `LayerwisePretraining` checks, which knows the layers.
        rate, name = given.get("learning_rate", self.learning_rate), given.get("optimizer", self.optimizer)
        fits = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < float("inf")
        _require(fits, "pretraining.learning_rate", "a positive number", rate)
        _require(isinstance(name, str), "pretraining.optimizer", "a name", name)
        schedule = given.get("schedule", "constant")
        _require(schedule in ("constant", "cosine"), "pretraining.schedule", "'constant' or 'cosine'", schedule)
        examples = given.get("examples")
        fits = examples is None or (_is_integer(examples) and examples >= 1)
        _require(fits, "pretraining.examples", "None or an integer of at least 1", examples)
        options = given.get("optimizer_options", {})
        _require(isinstance(options, Mapping), "pretraining.optimizer_options", "a mapping", options)

    def _check_schedule(self) -> None:
        _require(0 < self.drop_factor < 1, "drop_factor", "above 0 and below 1", self.drop_factor)
        rising = all(one < other for one, other in itertools.pairwise((0, *self.drops)))
        _require(rising, "drops", "epochs that increase, the first at least 1", self.drops)
        if (self.schedule == "step") != bool(self.drops):
            raise InputError(
                f"schedule='step' and drops go together, such as drops=30,60,80; "
                f"not schedule={self.schedule!r} with drops={self.drops!r}"
            )
        if self.schedule != "cosine" and self.warmup not in (0, type(self).warmup):
            raise InputError(
                f"only schedule='cosine' has a warmup; leave out warmup={self.warmup!r} with {self.schedule!r}"
            )

    def replace(self, **changes: Any) -> Self:
        """Return the recipe with other values.

        Raises:
            InputError: a recipe has no such value, or it is of the wrong type or out of range.
        """
        for name in changes:
            if name not in FIELDS:
                raise unknown("recipe value", name, FIELDS)
        return dataclasses.replace(self, **changes)

    def override(self, settings: Iterable[str]) -> Self:
        """Return the recipe with values set as on the command line.

        Args:
            settings: texts such as `"epochs=5"`, or `"model_options.head=softmax"` for one entry of a mapping.

        Raises:
            InputError: a text is not of that form, or as `replace`.

        Example:
        >>> recipe = Recipe(model="lenet5", data="digits", epochs=3, learning_rate=1e-3)
        >>> recipe.override(["model_options.head=softmax", "epochs=1"]).model_options
        {'head': 'softmax'}
        """
        changes: dict[str, Any] = {}
        for key, value in parse_settings(settings).items():
            name, dot, entry = key.partition(".")
            if name not in FIELDS:
                raise unknown("recipe value", name, FIELDS)
            if dot:
                mapping = changes.get(name, getattr(self, name))
                if not isinstance(mapping, Mapping):
                    raise InputError(f"{name} is one value, so {key!r} cannot be set; set {name} itself")
                value = {**mapping, entry: value}
            changes[name] = value
        return self.replace(**changes)  # all at once: some values are allowed only together

    def smoke(self) -> Self:
        """Return the same recipe cut to seconds: few images to train and to judge by, two epochs.

        Example:
        >>> Recipe(model="lenet", data="mnist", epochs=50, learning_rate=1e-3).smoke().epochs
        2
        """
        batch_size = min(self.batch_size, 32)
        few = 4 * batch_size
        pretraining = {**self.pretraining, "epochs": 1, "batch_size": batch_size, "examples": few}
        return self.replace(
            epochs=min(self.epochs, 2),
            examples=few,
            repeats=1,
            test_examples=few,
            batch_size=batch_size,
            pretraining=pretraining if self.pretraining else {},
            frozen={**self.frozen, "epochs": 1} if self.frozen else {},
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the recipe that `to_dict` gave the values of.

        Raises:
            InputError: a value is missing, unknown, of the wrong type or out of range.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"these are not the values of a recipe of this version of cnnzoo: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return all values as plain types; `from_dict` gives the recipe back."""
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()}


PRETRAINING = (
    "epochs",
    "corruption",
    "optimizer",
    "learning_rate",
    "schedule",
    "optimizer_options",
    "batch_size",
    "loss",
    "layers",
    "tied",
    "cache",
    "examples",
)
FROZEN = ("epochs", "until", "learning_rate")
FIELDS = [field.name for field in dataclasses.fields(Recipe)]
CHOICES = {
    "schedule": ("constant", "cosine", "step"),
    "on_error": ("raise", "skip"),
    "test_crops": (1, 10),
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
}
_TYPES = typing.get_type_hints(Recipe)


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Return `key=value` texts as a mapping; a value is a Python literal, else a text.

    Raises:
        InputError: a text is not of that form.

    Example:
    >>> parse_settings(["epochs=5", "augment=affine", "image_size=32,32"])
    {'epochs': 5, 'augment': 'affine', 'image_size': (32, 32)}
    """
    parsed = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not (key and equals):
            raise InputError(f"a setting is written key=value, such as epochs=5, not {setting!r}")
        try:
            parsed[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            parsed[key] = text  # an unquoted word
    return parsed


def _checked(name: str, value: Any) -> Any:
    """Return `value` in the type that the field `name` declares, or refuse it."""
    hint = _TYPES[name]
    optional = isinstance(hint, types.UnionType)
    if optional and value is None:
        return None
    hint = typing.get_args(hint)[0] if optional else hint
    kind = typing.get_origin(hint) or hint
    if kind is float and _is_integer(value):
        return float(value)
    if kind is tuple and isinstance(value, list):
        value = tuple(value)
    if kind is Mapping and isinstance(value, Mapping):
        return dict(value)
    fits = _is_integer(value) if kind is int else isinstance(value, kind)
    if kind is tuple and fits:
        ends = typing.get_args(hint)[-1] is not Ellipsis  # tuple[int, int], but tuple[int, ...]
        fits = all(_is_integer(number) and number > 0 for number in value) and not (ends and len(value) != 2)
    if not fits:
        raise InputError(f"{name} must be {_IN_WORDS[hint]}{' or None' if optional else ''}, not {value!r}")
    return value


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_IN_WORDS = {
    int: "an integer",
    float: "a number",
    str: "a text",
    bool: "True or False",
    tuple[int, int]: "two positive integers (height, width)",
    tuple[int, ...]: "positive integers such as 30,60 or (30,)",
    Mapping[str, Any]: "a mapping, set by its entries as in model_options.head=softmax",
}


def _require(fulfilled: bool, name: str, rule: str, value: Any) -> None:
    if not fulfilled:
        raise InputError(f"{name} must be {rule}, not {value!r}")
