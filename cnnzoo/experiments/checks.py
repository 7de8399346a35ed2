"""Checks of a recipe's names and values."""

import itertools
import numbers
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from cnnzoo.checks import choice, integer, is_file_name, is_integer, number, refusal
from cnnzoo.errors import InputError, unknown

LEAST_RATE = 1e-12  # of a step

# Old name → new name of a recipe's value, or of an entry of one. Recipes, overrides, spaces, studies and run folders
# that still use an old name get an error that names the new one.
RENAMED = {
    "examples": "train_examples",
    "validation": "validation_split",
    "repeats": "repeat",
    "drops": "lr_drop_epochs",
    "drop_factor": "lr_drop_factor",
    "optimizer_options.rates": "optimizer_options.lr_multipliers",
    "pretraining.examples": "pretraining.train_examples",
    "pretraining.optimizer_options.rates": "pretraining.optimizer_options.lr_multipliers",
}
PRETRAINING = (
    "epochs",
    "method",
    "corruption",
    "optimizer",
    "learning_rate",
    "schedule",
    "optimizer_options",
    "batch_size",
    "loss",
    "layers",
    "tied",
    "sparsity",
    "contractive",
    "variational",
    "gibbs_steps",
    "persistent",
    "sample_visible",
    "cache",
    "train_examples",
)
FROZEN = ("epochs", "until", "learning_rate")
CHOICES = {
    "schedule": ("constant", "cosine", "step"),
    "binarize": ("none", "dynamic", "fixed"),
    "on_error": ("raise", "skip"),
    "test_crops": (1, 10),
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
}


def check_renamed(values: Mapping[str, Any], prefix: str = "") -> None:
    """Check that no value has an old name, nor an entry of a mapping among them.

    Args:
        values: values of a recipe, or some of them, by the keys of `--set`.
        prefix: the keys of the mappings that they are entries of, each with a dot.

    Raises:
        InputError: a name is an old one.

    Example:
    >>> check_renamed({"pretraining": {"epochs": 5, "examples": 100}})
    Traceback (most recent call last):
    cnnzoo.errors.InputError: `pretraining.examples` is now `pretraining.train_examples`
    """
    for key, value in values.items():
        if (name := f"{prefix}{key}") in RENAMED:
            raise InputError(f"`{name}` is now `{RENAMED[name]}`")
        if isinstance(value, Mapping):
            check_renamed(value, f"{name}.")


def check(recipe: Any) -> None:
    """Check the values of a recipe, each of the right type already, and whether they go together.

    Raises:
        InputError: a value is out of range, or two contradict each other.
    """
    for name in ("epochs", "batch_size", "repeat", "steps_per_execution"):
        integer(name, getattr(recipe, name))
    for name in ("train_examples", "test_examples"):
        integer(name, getattr(recipe, name), or_none="all")
    check_name(recipe.name)
    if 0 < recipe.learning_rate < LEAST_RATE:
        at_least = f"at least {LEAST_RATE:g}: smaller steps change no weight in single precision"
        raise refusal("learning_rate", at_least, recipe.learning_rate)
    number("learning_rate", recipe.learning_rate, above=0)
    for name in ("warmup", "validation_split"):
        number(name, getattr(recipe, name), 0, below=1)
    integer("seed", recipe.seed, 0, 2**31 - 1)
    for name, allowed in CHOICES.items():
        choice(name, getattr(recipe, name), allowed)
    _check_class_weight(recipe.class_weight)
    if not _increasing(recipe.keep_epochs):
        raise refusal("keep_epochs", "increasing epochs, the first at least 1", recipe.keep_epochs)
    _check_schedule(recipe)
    _check_pretraining(recipe)
    _check_frozen(recipe)


def check_name(name: str) -> None:
    """Check that a name can be that of a folder below `runs`, where a run is written.

    Raises:
        InputError: it leads elsewhere, cannot be printed, or is none on another system.

    Example:
    >>> check_name("../elsewhere")
    Traceback (most recent call last):
    cnnzoo.errors.InputError: `name` must be the name of a folder below `runs`, which every system takes. Received:
    '../elsewhere'
    """
    if not all(map(is_file_name, name.split("/"))):
        raise refusal("name", "the name of a folder below `runs`, which every system takes", name)


def _check_class_weight(given: Mapping[str, Any]) -> None:
    """Check that labels are integers, and their weights numbers."""
    for label, weight in given.items():
        if not re.fullmatch("0|[1-9][0-9]*", label):
            raise refusal("class_weight", "weights by the labels of classes, such as {0: 1.0, 1: 5.0}", dict(given))
        number(f"class_weight.{label}", weight, 0)


def _increasing(epochs: tuple[int, ...]) -> bool:
    return all(one < other for one, other in itertools.pairwise((0, *epochs)))


def _check_schedule(recipe: Any) -> None:
    """Check that the schedule does not contradict itself."""
    number("lr_drop_factor", recipe.lr_drop_factor, above=0, below=1)
    if not _increasing(recipe.lr_drop_epochs):
        raise refusal("lr_drop_epochs", "increasing epochs, the first at least 1", recipe.lr_drop_epochs)
    if (recipe.schedule == "step") != bool(recipe.lr_drop_epochs):
        raise InputError(
            "`schedule='step'` and `lr_drop_epochs` must be set together, such as lr_drop_epochs=30,60,80. Received: "
            f"schedule={recipe.schedule!r}, lr_drop_epochs={recipe.lr_drop_epochs!r}"
        )
    if recipe.schedule != "cosine" and recipe.warmup not in (0, type(recipe).warmup):
        raise InputError(
            "`warmup` must be left out unless `schedule='cosine'`. Received: "
            f"warmup={recipe.warmup!r}, schedule={recipe.schedule!r}"
        )


def _check_pretraining(recipe: Any) -> None:
    """Check the entries of `pretraining` that are the same for all layers; `LayerwisePretraining` checks the others."""
    given = recipe.pretraining
    _check_entries("pretraining", given, PRETRAINING, "pretraining.epochs=10 or pretraining.epochs=10,5")
    choice("pretraining.method", given.get("method", "autoencoder"), ("autoencoder", "rbm"))
    by_default = given.get("method") == "rbm" and "optimizer" not in given
    rates = given.get("learning_rate", recipe.learning_rate)
    for rate in rates if by_default and isinstance(rates, list | tuple) else [rates]:
        number("pretraining.learning_rate", rate, above=0)
    for name in ("schedule", "optimizer_options"):
        if by_default and name in given:
            allowed = "left out with pretraining.method='rbm', or come with pretraining.optimizer"
            raise refusal(f"pretraining.{name}", allowed, given[name])
    choice("pretraining.schedule", given.get("schedule", "constant"), ("constant", "cosine"))
    integer("pretraining.train_examples", given.get("train_examples"), or_none="all")
    if not isinstance(name := given.get("optimizer", recipe.optimizer), str):
        raise refusal("pretraining.optimizer", "the name of an optimizer", name)
    if not isinstance(options := given.get("optimizer_options", {}), Mapping):
        raise refusal("pretraining.optimizer_options", "a mapping", options)


def _check_frozen(recipe: Any) -> None:
    """Check the entries of `frozen`."""
    given = recipe.frozen
    _check_entries("frozen", given, FROZEN, "frozen.epochs=5")
    integer("frozen.epochs", given.get("epochs", 1))
    number("frozen.learning_rate", given.get("learning_rate", recipe.learning_rate), above=0)
    if not isinstance(layer := given.get("until", ""), str):
        raise refusal("frozen.until", "the name of a layer", layer)


def _check_entries(name: str, given: Mapping[str, Any], allowed: tuple[str, ...], example: str) -> None:
    """Check that a mapping has known entries only, and `epochs` among them if it has any."""
    for entry in given:
        if entry not in allowed:
            raise unknown(f"entry of {name}", entry, allowed, plural=f"entries of {name}")
    if given and "epochs" not in given:
        raise InputError(f"`{name}` must have epochs, such as {example}. Received: {dict(given)!r}")


def typed(name: str, value: Any, hints: Mapping[str, Any]) -> Any:
    """Return `value` in the type that the field `name` declares.

    Args:
        name: the field's name.
        value: its value.
        hints: the type of each field.

    Raises:
        InputError: the value is of another type.
    """
    hint = hints[name]
    optional = isinstance(hint, types.UnionType)
    if optional and value is None:
        return None
    hint = typing.get_args(hint)[0] if optional else hint
    kind = typing.get_origin(hint) or hint
    if kind is float and isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    if kind is int and is_integer(value):
        return int(value)
    if kind is tuple and isinstance(value, list):
        value = tuple(value)
    if kind is Mapping and isinstance(value, Mapping):
        return {str(key): entry for key, entry in value.items()}  # as JSON has them
    fits = isinstance(value, kind) and kind is not int
    if kind is tuple and fits:
        pair = typing.get_args(hint)[-1] is not Ellipsis  # tuple[int, int], and not tuple[int, ...]
        least = 0 if name == "anomalies" else 1  # labels begin at 0
        fits = all(is_integer(each) and each >= least for each in value) and not (pair and len(value) != 2)
    if not fits:
        raise refusal(name, f"{_TYPE_NAMES[hint]}{' or None' if optional else ''}", value)
    return tuple(map(int, value)) if kind is tuple else value


_TYPE_NAMES = {
    int: "an integer",
    float: "a number",
    str: "a string",
    bool: "True or False",
    tuple[int, int]: "two positive integers (height, width)",
    tuple[int, ...]: "positive integers such as 30,60 or (30,)",
    Mapping[str, Any]: "a mapping, set by its entries as in model_options.head=softmax",
}
