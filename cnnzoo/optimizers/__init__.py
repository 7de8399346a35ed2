"""Optimizers that Keras lacks, and those of Keras and cnnzoo by name."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from cnnzoo.checks import refusal
from cnnzoo.errors import InputError, unknown
from cnnzoo.optimizers.adam import Adam
from cnnzoo.optimizers.classic_sgd import ClassicSGD
from cnnzoo.optimizers.muon import Muon

__all__ = ["Adam", "ClassicSGD", "Muon", "make", "optimizer_class"]


def make(name: str, learning_rate: Any, options: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """Return a new optimizer of cnnzoo or Keras by its name.

    Args:
        name: name of its class, in any case; `"adam"` and `"muon"` are those of cnnzoo, with Keras' arguments.
        learning_rate: a number or a schedule of Keras.
        options: its further arguments.

    Raises:
        InputError: no such optimizer or option, or a value that is not allowed.

    Example:
    >>> make("adamw", 1e-3, {"weight_decay": 0.1}).weight_decay
    0.1
    """
    cls = optimizer_class(name)
    allowed = _arguments(cls)
    for option, value in options.items():
        if option not in allowed:
            raise unknown(f"option of {name}", option, allowed, plural=f"options of {name}")
        if isinstance(value, str) and not isinstance(allowed[option].default, str) and option != "lr_multipliers":
            raise refusal(f"optimizer_options.{option}", "a number", value)
    try:
        return cls(learning_rate=learning_rate, **options)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"`optimizer_options` {dict(options)} are not allowed: {error}") from error


def optimizer_class(name: str) -> type[keras.optimizers.Optimizer]:
    """Return the class of an optimizer by its name, in any case; cnnzoo's own precedes Keras' of the same name.

    Raises:
        InputError: no such optimizer.

    Example:
    >>> optimizer_class("adam") is Adam, optimizer_class("adamw") is keras.optimizers.AdamW
    (True, True)
    """
    wrappers = (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer)
    classes = {
        class_name.lower(): cls
        for class_name, cls in inspect.getmembers(keras.optimizers, inspect.isclass)
        if issubclass(cls, keras.optimizers.Optimizer) and cls not in wrappers
    } | {cls.__name__.lower(): cls for cls in (Adam, ClassicSGD, Muon)}
    if name.lower() not in classes:
        raise unknown("optimizer", name, classes)
    return classes[name.lower()]


def _arguments(cls: type) -> dict[str, inspect.Parameter]:
    """Return the arguments of an optimizer and of its base classes."""
    bases = [base for base in cls.__mro__[-2::-1] if "__init__" in vars(base)]  # the last is `object`
    named = {name: value for base in bases for name, value in inspect.signature(base).parameters.items()}
    return {name: value for name, value in named.items() if value.kind not in (value.VAR_KEYWORD, value.VAR_POSITIONAL)}
