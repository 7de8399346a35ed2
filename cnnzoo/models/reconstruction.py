"""What the autoencoders have in common: their checks, their layers by name, their compilation."""

from pathlib import Path
from typing import Any

import keras
from keras.initializers import VarianceScaling
from keras.layers import Dense

from cnnzoo.errors import InputError
from cnnzoo.metrics import SquaredError
from cnnzoo.models import scaffold


def check_widths(name: str, widths: Any, *, example: str = "(256, 64)", empty: bool = True) -> None:
    """Refuse widths of layers that are no tuple of positive integers.

    Args:
        name: what the argument is called.
        widths: what was received.
        example: what is allowed.
        empty: whether there may be none.

    Raises:
        InputError: the message names the value received.
    """
    fits = isinstance(widths, tuple | list) and all(type(width) is int and width > 0 for width in widths)
    if not fits or not (widths or empty):
        least = "" if empty else "one or more "
        raise InputError(f"{name} must be {least}positive integers in a tuple, such as {example}, not {widths!r}")


def check_code(code: Any) -> None:
    """Refuse a size of the code that is not an integer of at least 1."""
    if type(code) is not int or code < 1:
        raise InputError(f"code must be an integer of at least 1, not {code!r}")


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither `True` nor `False`."""
    if not isinstance(value, bool):
        raise InputError(f"{name} must be True or False, not {value!r}")


def dense(units: int, activation: Any, **options: Any) -> Dense:
    """Return a dense layer whose first weights suit its activation.

    Logistic units start with Glorot's uniform bound times 4, as Glorot and Bengio 2010 recommend it for
    them: their slope at 0 is a quarter of that of tanh. Others start as Glorot's bound says.

    Example:
    >>> layer = dense(500, "sigmoid")
    >>> layer.build((None, 1000))
    >>> import numpy as np
    >>> bool(3.9 < np.abs(layer.kernel).max() / np.sqrt(6 / 1500) <= 4)
    True
    """
    logistic = keras.activations.get(activation) is keras.activations.sigmoid
    start = VarianceScaling(4.0**2, "fan_avg", "uniform") if logistic else "glorot_uniform"
    return Dense(units, activation=activation, kernel_initializer=start, **options)


def assemble(
    inputs,
    outputs,
    *,
    name: str,
    weights: str | Path | None,
    output_activation: Any,
    compile: bool,
    optimizer: keras.optimizers.Optimizer,
) -> keras.Model:
    """Make an autoencoder, load its weights, and compile it with the loss that fits its output.

    Args:
        inputs: what `scaffold.image_input` returned.
        outputs: the reconstruction, of the same shape.
        name: name of the model.
        weights: a weights file, or `None` for fresh ones.
        output_activation: activation of the reconstructing layer: with a sigmoid the loss is the
            cross-entropy, else the squared error; either is the mean over pixels and images.
        compile: whether to compile at all.
        optimizer: what to compile with.
    """
    model = scaffold.assemble(inputs, outputs, name=name, weights=weights, loss=None, compile=False)
    if compile:
        logistic = keras.activations.get(output_activation) is keras.activations.sigmoid
        loss = keras.losses.BinaryCrossentropy() if logistic else keras.losses.MeanSquaredError()
        model.compile(optimizer, loss, metrics=[SquaredError()])
    return model
