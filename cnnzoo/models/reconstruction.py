"""What the autoencoders have in common: their checks, their layers by name, their compilation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras.initializers import VarianceScaling
from keras.layers import Dense, Reshape

from cnnzoo.errors import InputError
from cnnzoo.layers import TiedDense, WideDense
from cnnzoo.losses import PixelCrossentropy
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


def dense(units: int, activation: Any, *, kind: type[Dense] = Dense, **options: Any) -> Dense:
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
    return kind(units, activation=activation, kernel_initializer=start, **options)


def encoded(x, units: Sequence[int], activation: Any) -> list:
    """Return the flat input, and what each hidden layer between it and the code gives.

    Args:
        x: flat pixels, `(batch, pixels)`.
        units: width of each layer.
        activation: name or function of the layers.
    """
    tensors = [x]
    for number, width in enumerate(units, start=1):
        tensors.append(dense(width, activation, name=f"encoder_{number}")(tensors[-1]))
    return tensors


def decoded(code, shape: Sequence[int], units: Sequence[int], activation: Any, output_activation: Any, tied: bool):
    """Return the images that mirrored layers make of the code.

    Args:
        code: codes, `(batch, code)`.
        shape: `(height, width, channels)` of the images.
        units: widths of the encoder, from the input to the code.
        activation: name or function of the hidden layers.
        output_activation: that of the layer `output`, which activates in float32.
        tied: whether each layer uses the kernel of the one that it mirrors.
    """
    pixels = shape[0] * shape[1] * shape[2]
    mirrored = ["code", *(f"encoder_{number}" for number in range(len(units), 0, -1))]

    def layer(depth: int, width: int, activation: Any, **options: Any):
        if tied:
            return TiedDense(mirrored[depth], activation=activation, **options)
        return dense(width, activation, **options)

    x = code
    for depth, width in enumerate(reversed(units)):
        x = layer(depth, width, activation, name=f"decoder_{depth + 1}")(x)
    if tied:
        x = layer(len(units), pixels, output_activation, dtype="float32", name="output")(x)
    else:
        x = dense(pixels, output_activation, kind=WideDense, name="output")(x)
    return Reshape(shape, dtype="float32", name="reconstruction")(x)


def assemble(
    inputs,
    outputs,
    *,
    name: str,
    weights: str | Path | None,
    output_activation: Any,
    compile: bool,
    optimizer: keras.optimizers.Optimizer,
    shipped: str | None = None,
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
        shipped: name of the model's function, if weights of it come with cnnzoo.
    """
    model = scaffold.assemble(inputs, outputs, name=name, weights=weights, loss=None, compile=False, shipped=shipped)
    if compile:
        logistic = keras.activations.get(output_activation) is keras.activations.sigmoid
        loss = PixelCrossentropy() if logistic else keras.losses.MeanSquaredError()
        model.compile(optimizer, loss, metrics=[SquaredError()])
    return model
