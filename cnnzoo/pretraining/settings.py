"""The arguments of pretraining: checked, and turned into new objects for every stage."""

import difflib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from cnnzoo.checks import integer, number, refusal
from cnnzoo.errors import InputError, reason
from cnnzoo.layers import MaskingNoise
from cnnzoo.optimizers import optimizer_class

if TYPE_CHECKING:
    from cnnzoo.pretraining.callback import LayerwisePretraining


def one_per_layer(name: str, value: Any, count: int) -> list[Any]:
    """Return a value for each of `count` layers, from one for all or a list.

    Raises:
        InputError: the list has another length.

    Example:
    >>> one_per_layer("epochs", 3, 2), one_per_layer("epochs", [1, 2], 2)
    ([3, 3], [1, 2])
    """
    if not isinstance(value, list | tuple):
        return [value] * count
    if len(value) != count:
        raise refusal(name, f"one value, or a list of {count}, one for each layer to pretrain", list(value))
    return list(value)


def checked_epochs(epochs: Any) -> Any:
    """Return a number of epochs, or a list of them."""
    if isinstance(epochs, list | tuple):
        return list(map(checked_epochs, epochs))
    return integer("epochs", epochs, 0)


def checked_corruption(corruption: Any) -> Any:
    """Return a fraction to mask, a layer or `None`, or a list of them."""
    if isinstance(corruption, list | tuple):
        return list(map(checked_corruption, corruption))
    if corruption is None or isinstance(corruption, keras.layers.Layer):
        return corruption
    try:
        return number("corruption", corruption, 0, 1)
    except InputError as error:
        allowed = (
            "a fraction of values to mask, from 0 to 1, a Keras layer such as keras.layers.GaussianNoise(0.1), or None"
        )
        raise refusal("corruption", allowed, corruption) from error


def checked_rate(rate: Any) -> Any:
    """Return a learning rate, or `None` for a default, or a list of them."""
    if isinstance(rate, list | tuple):
        return list(map(checked_rate, rate))
    return rate if rate is None else number("learning_rate", rate, above=0)


# Arguments that are for one method alone, with the values that leave them out.
OF_METHOD: dict[str, dict[str, Any]] = {
    "autoencoder": {
        "corruption": None,
        "loss": None,
        "tied": False,
        "sparsity": None,
        "contractive": 0,
        "variational": None,
    },
    "rbm": {"gibbs_steps": 1, "persistent": False, "sample_visible": False, "learning_rate": None},
}


def check_method(config: "LayerwisePretraining") -> None:
    """Check that no argument is given that the method does not use, and that a chain goes on from drawn units.

    Raises:
        InputError: one is.
    """
    for method, defaults in OF_METHOD.items():
        for name, default in defaults.items() if method != config.method else ():
            if getattr(config, name) != default:
                allowed = f"left out with method={config.method!r}, as it is for method={method!r}"
                raise refusal(name, allowed, getattr(config, name))
    if config.persistent and not config.sample_visible:
        raise refusal("sample_visible", "True or None with persistent=True, whose chains are drawn", False)
    if config.learning_rate is not None and config.optimizer is not None:
        raise InputError("`learning_rate` is for the default optimizer: give `optimizer` or `learning_rate`, not both")


def check_cache(cache: Any) -> None:
    """Check that a cache is one, and no name so near to `"memory"` that no folder can be meant."""
    misspelled = isinstance(cache, str) and cache != "memory" and difflib.get_close_matches(cache.lower(), ["memory"])
    if misspelled or cache is True or not (cache is False or isinstance(cache, str | Path)):
        raise refusal("cache", "'memory', a folder or False", cache)


def corruption_layer(corruption: Any, dtype: Any, seed: int) -> keras.layers.Layer | None:
    """Return a new corruption layer for one stage, with a seed of its own."""
    if isinstance(corruption, keras.layers.Layer):
        config = {**corruption.get_config(), "name": "corruption"}
        return type(corruption).from_config({**config, "seed": seed} if "seed" in config else config)
    return MaskingNoise(corruption, seed=seed, dtype=dtype, name="corruption") if corruption else None


def corruption_text(corruption: Any) -> str:
    """Return a corruption as text, for the line above a stage's progress bar."""
    if isinstance(corruption, keras.layers.Layer):
        return f", {type(corruption).__name__}"
    return f", masking {corruption:g}" if corruption else ""


def optimizer_factory(optimizer: Any) -> Callable[[int], keras.optimizers.Optimizer]:
    """Return a function that makes a new optimizer for a stage, from the number of its steps.

    Args:
        optimizer: a name, which stands for its defaults, an optimizer of which each stage gets a copy, or a
            function that returns one, from nothing or from the number of steps.

    Raises:
        InputError: neither of these.
    """
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return lambda steps: type(optimizer).from_config(optimizer.get_config())
    if isinstance(optimizer, str):
        cls = optimizer_class(optimizer)
        return lambda steps: cls()
    if callable(optimizer):
        return lambda steps: _from_function(optimizer, steps)
    raise refusal("optimizer", "a name, an optimizer or a function that returns one", optimizer)


def _from_function(function: Callable[..., Any], steps: int) -> keras.optimizers.Optimizer:
    required = [value for value in inspect.signature(function).parameters.values() if value.default is value.empty]
    takes_steps = any(value.kind in (value.POSITIONAL_ONLY, value.POSITIONAL_OR_KEYWORD) for value in required)
    optimizer = function(steps) if takes_steps else function()
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise refusal("optimizer", "a function that returns a new Keras optimizer", optimizer)
    return optimizer


def check_loss(loss: Any) -> None:
    """Check that Keras takes a value for a loss."""
    try:
        keras.losses.get(loss)
    except (ValueError, TypeError) as error:
        raise InputError(f"{refusal('loss', 'a Keras loss, its name, or None', loss)} ({reason(error)})") from error


def serializable(value: Any) -> Any:
    """Return a setting as JSON can hold it, the same in every process."""
    if hasattr(value, "get_config"):
        return {"class": type(value).__name__, "config": serializable(value.get_config())}
    if isinstance(value, dict):
        return {str(key): serializable(each) for key, each in value.items() if key != "name"}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [serializable(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return getattr(value, "__name__", type(value).__name__)
