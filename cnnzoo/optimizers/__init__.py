"""Optimizers that Keras lacks, and all of them by name."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from cnnzoo.errors import InputError, unknown
from cnnzoo.optimizers.adam import Adam
from cnnzoo.optimizers.classic_sgd import ClassicSGD
from cnnzoo.optimizers.muon import Muon

__all__ = ["Adam", "ClassicSGD", "Muon", "kind_of", "make"]


def make(name: str, learning_rate: Any, options: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """Return a new optimizer of this room or of Keras by its name.

    Args:
        name: name of its class, in any case; `"adam"` and `"muon"` are those of this room, with Keras' arguments.
        learning_rate: a number or a schedule of Keras.
        options: its further arguments.

    Raises:
        InputError: no such optimizer or option, or a value that is not allowed.

    Example:
    >>> make("adamw", 1e-3, {"weight_decay": 0.1}).weight_decay
    0.1
    """
    kind = kind_of(name)
    allowed = _arguments(kind)
    for option, value in options.items():
        if option not in allowed:
            raise unknown(f"option of {name}", option, allowed, plural=f"options of {name}")
        if isinstance(value, str) and not isinstance(allowed[option].default, str) and option != "lr_multipliers":
            raise InputError(f"optimizer_options.{option} must be a number, not {value!r}")
    try:
        return kind(learning_rate=learning_rate, **options)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"optimizer_options {dict(options)} do not work: {error}") from error


def kind_of(name: str) -> type[keras.optimizers.Optimizer]:
    """Return the class of an optimizer by its name, in any case; this room's comes before Keras' of the same name.

    Raises:
        InputError: no such optimizer.

    Example:
    >>> kind_of("adam").__module__
    'cnnzoo.optimizers.adam'
    """
    kinds: dict[str, type] = {}
    wrappers = (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer)
    for title, kind in vars(keras.optimizers).items():
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer) and kind not in wrappers:
            kinds[title.lower()] = kind
    kinds |= {kind.__name__.lower(): kind for kind in (Adam, ClassicSGD, Muon)}
    if name.lower() not in kinds:
        raise unknown("optimizer", name, kinds)
    return kinds[name.lower()]


def _arguments(kind: type) -> dict[str, inspect.Parameter]:
    """Return the arguments of an optimizer and those that it hands on to the classes it stands on."""
    lineage = [each for each in kind.__mro__[-2::-1] if "__init__" in vars(each)]  # the last is `object`
    named = {name: value for each in lineage for name, value in inspect.signature(each).parameters.items()}
    return {name: value for name, value in named.items() if value.kind not in (value.VAR_KEYWORD, value.VAR_POSITIONAL)}
