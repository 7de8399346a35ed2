"""What the values of a recipe must be, said in a sentence where they are not."""

import itertools
import types
import typing
from collections.abc import Mapping
from typing import Any

from cnnzoo.errors import InputError, unknown

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
    "train_examples",
)
FROZEN = ("epochs", "until", "learning_rate")
CHOICES = {
    "schedule": ("constant", "cosine", "step"),
    "on_error": ("raise", "skip"),
    "test_crops": (1, 10),
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
}


def check(recipe: Any) -> None:
    """Refuse a recipe whose values, each of the right type, cannot be used or do not go together.

    Raises:
        InputError: a value is out of range, or two contradict each other.
    """
    for name in ("epochs", "batch_size", "repeat", "steps_per_execution"):
        _require(getattr(recipe, name) >= 1, name, "at least 1", getattr(recipe, name))
    for name in ("train_examples", "test_examples"):
        value = getattr(recipe, name)
        _require(value is None or value >= 1, name, "None or at least 1", value)
    _require(0 < recipe.learning_rate < float("inf"), "learning_rate", "positive", recipe.learning_rate)
    for name in ("warmup", "validation_split"):
        _require(0 <= getattr(recipe, name) < 1, name, "at least 0 and below 1", getattr(recipe, name))
    _require(0 <= recipe.seed < 2**31, "seed", "from 0 to 2³¹ − 1", recipe.seed)
    for name, allowed in CHOICES.items():
        if getattr(recipe, name) not in allowed:
            raise unknown(name, getattr(recipe, name), map(str, allowed), plural=f"allowed values of {name}")
    _check_schedule(recipe)
    _check_pretraining(recipe)
    _check_frozen(recipe)


def _check_schedule(recipe: Any) -> None:
    """Refuse a schedule that contradicts itself."""
    _require(0 < recipe.lr_drop_factor < 1, "lr_drop_factor", "above 0 and below 1", recipe.lr_drop_factor)
    rising = all(one < other for one, other in itertools.pairwise((0, *recipe.lr_drop_epochs)))
    _require(rising, "lr_drop_epochs", "epochs that increase, the first at least 1", recipe.lr_drop_epochs)
    if (recipe.schedule == "step") != bool(recipe.lr_drop_epochs):
        raise InputError(
            f"schedule='step' and lr_drop_epochs go together, such as lr_drop_epochs=30,60,80; "
            f"not schedule={recipe.schedule!r} with lr_drop_epochs={recipe.lr_drop_epochs!r}"
        )
    if recipe.schedule != "cosine" and recipe.warmup not in (0, type(recipe).warmup):
        raise InputError(
            f"only schedule='cosine' has a warmup; leave out warmup={recipe.warmup!r} with {recipe.schedule!r}"
        )


def _check_pretraining(recipe: Any) -> None:
    """Refuse a pretraining that cannot be."""
    given = recipe.pretraining
    for name in given:
        if name not in PRETRAINING:
            raise unknown("entry of pretraining", name, PRETRAINING, plural="entries of pretraining")
    if given and "epochs" not in given:
        raise InputError(
            f"pretraining needs its epochs, one number or one for each layer, such as pretraining.epochs=10, "
            f"not only {dict(given)!r}"
        )
    # What else there is, `LayerwisePretraining` checks, which knows the layers.
    rate, name = given.get("learning_rate", recipe.learning_rate), given.get("optimizer", recipe.optimizer)
    fits = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < float("inf")
    _require(fits, "pretraining.learning_rate", "a positive number", rate)
    _require(isinstance(name, str), "pretraining.optimizer", "a name", name)
    schedule = given.get("schedule", "constant")
    _require(schedule in ("constant", "cosine"), "pretraining.schedule", "'constant' or 'cosine'", schedule)
    examples = given.get("train_examples")
    fits = examples is None or (_is_integer(examples) and examples >= 1)
    _require(fits, "pretraining.train_examples", "None or an integer of at least 1", examples)
    options = given.get("optimizer_options", {})
    _require(isinstance(options, Mapping), "pretraining.optimizer_options", "a mapping", options)


def _check_frozen(recipe: Any) -> None:
    """Refuse a phase on frozen features that cannot be."""
    given = recipe.frozen
    for name in given:
        if name not in FROZEN:
            raise unknown("entry of frozen", name, FROZEN, plural="entries of frozen")
    if given and "epochs" not in given:
        raise InputError(f"frozen needs its epochs, such as frozen.epochs=5, not only {dict(given)!r}")
    epochs, until = given.get("epochs", 1), given.get("until", "")
    rate = given.get("learning_rate", recipe.learning_rate)
    _require(_is_integer(epochs) and epochs >= 1, "frozen.epochs", "an integer of at least 1", epochs)
    _require(isinstance(until, str), "frozen.until", "the name of a layer", until)
    fits = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < float("inf")
    _require(fits, "frozen.learning_rate", "a positive number", rate)


def typed(name: str, value: Any, hints: Mapping[str, Any]) -> Any:
    """Return `value` in the type that the field `name` declares, or refuse it."""
    hint = hints[name]
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
