"""What a person may choose about pretraining: checked, and made anew for every stage."""

import difflib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from cnnzoo.errors import InputError, reason
from cnnzoo.layers import MaskingNoise
from cnnzoo.optimizers import kind_of


def one_each(name: str, value: Any, count: int) -> list[Any]:
    """Return a value for each of `count` layers, from one for all or a list.

    Raises:
        InputError: the list has another length.

    Example:
    >>> one_each("epochs", 3, 2), one_each("epochs", [1, 2], 2)
    ([3, 3], [1, 2])
    """
    if not isinstance(value, list | tuple):
        return [value] * count
    if len(value) != count:
        raise InputError(
            f"{name} has {len(value)} values, {list(value)!r}, for {count} layers to pretrain; "
            "give one value, or one per layer"
        )
    return list(value)


def check_epochs(epochs: Any) -> None:
    """Refuse what is no number of epochs, or no list of them."""
    for value in epochs if isinstance(epochs, list | tuple) else [epochs]:
        if type(value) is not int or value < 0:
            raise InputError(f"epochs must be integers of at least 0, not {value!r}")


def check_corruption(corruption: Any) -> None:
    """Refuse what is no corruption, or no list of them."""
    for value in corruption if isinstance(corruption, list | tuple) else [corruption]:
        if value is None or isinstance(value, keras.layers.Layer):
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            raise InputError(
                "corruption must be a share of values to mask, from 0 to 1, a Keras layer such as "
                f"keras.layers.GaussianNoise(0.1), or None; not {value!r}"
            )


def check_cache(cache: Any) -> None:
    """Refuse what is no cache, and a name so near to `"memory"` that no folder can be meant."""
    meant = isinstance(cache, str) and cache != "memory" and difflib.get_close_matches(cache.lower(), ["memory"])
    if meant or cache is True or not (cache is False or isinstance(cache, str | Path)):
        raise InputError(f"cache must be 'memory', a folder or False, not {cache!r}")


def corruption_layer(corruption: Any, dtype: Any, seed: int) -> keras.layers.Layer | None:
    """Return a new corruption layer for one stage, with a seed of its own."""
    if corruption is None or (not isinstance(corruption, keras.layers.Layer) and corruption == 0):
        return None
    if isinstance(corruption, keras.layers.Layer):
        config = {**corruption.get_config(), "name": "corruption"}
        return type(corruption).from_config({**config, "seed": seed} if "seed" in config else config)
    return MaskingNoise(corruption, seed=seed, dtype=dtype, name="corruption")


def corruption_text(corruption: Any) -> str:
    """Return corruption in words, for the line above a stage's progress bar."""
    if corruption is None or (not isinstance(corruption, keras.layers.Layer) and corruption == 0):
        return ""
    if not isinstance(corruption, keras.layers.Layer):
        return f", masking {corruption:g}"
    return f", {type(corruption).__name__}"


def optimizer_factory(optimizer: Any) -> Callable[[int], keras.optimizers.Optimizer]:
    """Return what makes a new optimizer for a stage, from the number of its steps.

    Args:
        optimizer: a name, which stands for its defaults, an optimizer of which each stage gets a copy, or a
            function that returns one, from nothing or from the number of steps.

    Raises:
        InputError: neither of these.
    """
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return lambda steps: type(optimizer).from_config(optimizer.get_config())
    if isinstance(optimizer, str):
        kind = kind_of(optimizer)
        return lambda steps: kind()
    if callable(optimizer):
        return lambda steps: _made(optimizer, steps)
    raise InputError(f"optimizer must be a name, an optimizer or a function that returns one, not {optimizer!r}")


def _made(factory: Callable[..., Any], steps: int) -> keras.optimizers.Optimizer:
    needed = [value for value in inspect.signature(factory).parameters.values() if value.default is value.empty]
    asks = any(value.kind in (value.POSITIONAL_ONLY, value.POSITIONAL_OR_KEYWORD) for value in needed)
    made = factory(steps) if asks else factory()
    if not isinstance(made, keras.optimizers.Optimizer):
        raise InputError(f"optimizer must return a new Keras optimizer, not {made!r}")
    return made


def check_loss(loss: Any) -> None:
    """Refuse what Keras does not take for a loss."""
    try:
        keras.losses.get(loss)
    except (ValueError, TypeError) as error:
        raise InputError(f"loss must be a loss of Keras, its name, or None, not {loss!r}: {reason(error)}") from error


def described(value: Any) -> Any:
    """Return a setting as JSON can hold it, the same in every process."""
    if hasattr(value, "get_config"):
        return {"class": type(value).__name__, "config": described(value.get_config())}
    if isinstance(value, dict):
        return {str(key): described(each) for key, each in value.items() if key != "name"}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [described(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return getattr(value, "__name__", type(value).__name__)
