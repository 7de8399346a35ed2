"""The `Recipe`: everything that decides a result, as data."""

import ast
import dataclasses
import functools
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from cnnzoo.errors import InputError, unknown
from cnnzoo.experiments import checks


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Parse strings of the form `key=value`; a value is a Python literal, else a string.

    Args:
        settings: the strings.

    Returns:
        A mapping from each key to its value.

    Raises:
        InputError: a string is not of that form.

    Example:
    >>> parse_settings(["epochs=5", "augment=affine", "image_size=32,32"])
    {'epochs': 5, 'augment': 'affine', 'image_size': (32, 32)}
    """
    parsed = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not (key and equals):
            raise InputError(f"a setting must have the form key=value, such as epochs=5. Received: {setting!r}")
        try:
            parsed[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            parsed[key] = text  # an unquoted word
    return parsed


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
        schedule: `"constant"`, `"cosine"` for a decay to 0 at the end of the run, or `"step"` for `lr_drop_epochs`.
        warmup: fraction of the run in which the learning rate first rises from 0; in [0, 1). With `"cosine"` only: the
            other schedules start at `learning_rate`.
        lr_drop_epochs: with `"step"`, the epochs after which the learning rate is multiplied by `lr_drop_factor`, such
            as `(30, 60, 80)`; increasing, from 1. They count epochs, where the `boundaries` of Keras'
            `PiecewiseConstantDecay` count steps. Drops at or after the last epoch have no effect.
        lr_drop_factor: the factor by which each drop multiplies the learning rate; in (0, 1).
        keep_epochs: epochs after which the model is kept in the run's folder, such as `(1, 5)`, to compare early and
            late; increasing, from 1, those of `frozen` counted. Epochs after the last one have no effect.
        augment: name of an augmentation, one of `cnnzoo.data.AUGMENTATIONS`.
        binarize: `"none"`; or binary images, for `variational_autoencoder`, each pixel white with the probability that
            its gray says: `"dynamic"`, where training draws them anew at each visit, or `"fixed"`, where they are drawn
            once. Those of test and validation are drawn once, the same in each run.
        whitening: whether a `cnnzoo.layers.ZCAWhitening`, adapted to the training images, is made the model's first
            layer; it comes after the model's preprocessing and after augmentation.
        validation_split: fraction of the training images that is held out as validation images; in [0, 1). They are
            drawn at random, by `seed`, where Keras' `validation_split` takes the last part. A data set's own
            validation images are then not used, which is said.
        anomalies: labels of classes that an autoencoder is not trained on, and that count as anomalies in the
            evaluation; empty for none.
        label: name of the column of a CSV file that holds the classes, or `None`; see `cnnzoo.data.load`.
        image_size: `(height, width)` for data sets whose images have many sizes, or `None`.
        stream: whether images stay on disk, as `cnnzoo.data.load` says; `None` for where they do not fit
            into half of the memory. It decides the order, so a recipe for a large set states it.
        cache: folder to keep the decoded images in, as `cnnzoo.data.load` says, or `None`.
        on_error: what to do with a broken file in a folder of images: `"raise"` ends the run with an error that names
            it, `"skip"` leaves it out, warns, and lists it in the run's `metrics.json`.
        train_examples: number of training images to use with their labels, or `None` for all; the first ones, or of a
            folder, which is in the order of its classes, evenly spread ones.
        repeat: how often each of them comes in an epoch; ≥ 1. For few examples, whose epochs would be too short.
        pretraining: greedy layer-wise pretraining of the hidden layers, on all training images without their labels,
            before the whole model is trained; empty for none. `epochs` is required; the others are `method`,
            `corruption`, `optimizer` (by default Adam, or with `method="rbm"` the rule of 2006, whose `learning_rate`
            is one number or one per layer), `learning_rate`, `schedule` (`"constant"` or `"cosine"`),
            `optimizer_options`, `batch_size`, `loss`, `layers`, `tied`, `sparsity`, `contractive`, `variational`,
            `gibbs_steps`, `persistent`, `sample_visible`, `cache` and `train_examples` (the number of images), as
            `cnnzoo.LayerwisePretraining` and this recipe say.
        class_weight: weights of the classes in the training loss, by their labels, as `{0: 1.0, 1: 5.0}`; classes that
            are not named have 1, as in Keras' `fit`. Metrics and validation are not weighted.
        weights: initial weights, as the model's function takes them: the name of published weights, such as
            `"imagenet"`, or a path. The head of a classifier, its last layer with weights, is initialized anew, for the
            data's classes.
        frozen: a phase of further epochs before the whole model is trained, in which the features are frozen; empty
            for none. `epochs` is required; the others are `until`, the last layer that is frozen (by default all but
            the head are), and `learning_rate`, which is constant in this phase (by default the recipe's).
        test_examples: number of test images to evaluate on, or `None` for all; only for trying out.
        test_crops: 1, or 10 to evaluate the mean prediction for the ten crops of AlexNet's paper, of images that are
            larger than the model's input.
        seed: decides initial weights, order, dropout and augmentation.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.
        steps_per_execution: most steps in one execution of a `tf.function`, for speed. Where no number up to it, and
            above its half, divides the steps of an epoch, the epoch loses its last few steps.
        name: name of the recipe; the file's name where it is loaded from a file.

    Raises:
        InputError: a value is unknown, of the wrong type or out of range.

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
    lr_drop_epochs: tuple[int, ...] = ()
    lr_drop_factor: float = 0.1
    keep_epochs: tuple[int, ...] = ()
    augment: str = "none"
    binarize: str = "none"
    whitening: bool = False
    validation_split: float = 0.0
    anomalies: tuple[int, ...] = ()
    label: str | None = None
    image_size: tuple[int, int] | None = None
    stream: bool | None = None
    cache: str | None = None
    on_error: str = "raise"
    train_examples: int | None = None
    repeat: int = 1
    pretraining: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    class_weight: Mapping[str, Any] = dataclasses.field(default_factory=dict)
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
            object.__setattr__(self, field.name, checks.typed(field.name, getattr(self, field.name), _TYPES))
        checks.check(self)

    def replace(self, **changes: Any) -> Self:
        """Return the recipe with other values.

        Raises:
            InputError: a recipe has no such value, or it is of the wrong type or out of range.
        """
        return dataclasses.replace(self, **changes)

    def override(self, settings: Iterable[str] | Mapping[str, Any]) -> Self:
        """Return the recipe with values set as on the command line.

        Args:
            settings: strings such as `"epochs=5"`, or `"model_options.head=softmax"` for one entry of a mapping; or
                a mapping of such keys to their values, as `read_overrides` returns it.

        Raises:
            InputError: a string is not of that form, or as `replace`.

        Example:
        >>> recipe = Recipe(model="lenet5", data="digits", epochs=3, learning_rate=1e-3)
        >>> recipe.override(["model_options.head=softmax", "epochs=1"]).model_options
        {'head': 'softmax'}
        """
        changes: dict[str, Any] = {}
        values = settings if isinstance(settings, Mapping) else parse_settings(settings)
        check_names(values)
        for key, value in values.items():
            name, dot, entry = key.partition(".")
            if dot:
                mapping = changes.get(name, getattr(self, name))
                if not isinstance(mapping, Mapping):
                    raise InputError(f"`{name}` has no entries, so `{key}` cannot be set; set `{name}` itself")
                value = {**mapping, entry: value}
            changes[name] = value
        return self.replace(**changes)  # all at once: some values are allowed only together

    def smoke(self) -> Self:
        """Return the same recipe cut to seconds: few training and test images, two epochs.

        Example:
        >>> Recipe(model="lenet", data="mnist", epochs=50, learning_rate=1e-3).smoke().epochs
        2
        """
        batch_size = min(self.batch_size, 32)
        few = 4 * batch_size
        pretraining = {**self.pretraining, "epochs": 1, "batch_size": batch_size, "train_examples": few}
        return self.replace(
            epochs=min(self.epochs, 2),
            train_examples=few,
            repeat=1,
            test_examples=few,
            batch_size=batch_size,
            pretraining=pretraining if self.pretraining else {},
            frozen={**self.frozen, "epochs": 1} if self.frozen else {},
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the recipe with the values that `to_dict` returned.

        Raises:
            InputError: a value is missing, unknown, of the wrong type or out of range.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"these are not the values of a recipe of this version of cnnzoo: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return all values as plain types, from which `from_dict` makes the same recipe."""
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()}


FIELDS = [field.name for field in dataclasses.fields(Recipe)]
_TYPES = typing.get_type_hints(Recipe)


def check_names(values: Mapping[str, Any]) -> None:
    """Check that a recipe has every value that is named, each by a key of `--set`.

    Args:
        values: values of a recipe by their names, such as `"epochs"` or `"model_options.head"`.

    Raises:
        InputError: a name is unknown, or an old one.

    Example:
    >>> check_names({"validation": 0.2})
    Traceback (most recent call last):
    cnnzoo.errors.InputError: `validation` is now `validation_split`
    """
    checks.check_renamed(values)
    for key in values:
        if (name := key.partition(".")[0]) not in FIELDS:
            raise unknown("recipe value", name, FIELDS)


def _with_checked_names(init: Callable[..., None]) -> Callable[..., None]:
    """Return the `__init__` of a recipe that raises an `InputError`, where Python's raises a `TypeError`."""

    @functools.wraps(init)
    def checked_init(self: Recipe, **values: Any) -> None:
        check_names(values)
        init(self, **values)

    return checked_init


Recipe.__init__ = _with_checked_names(Recipe.__init__)  # type: ignore[method-assign]
