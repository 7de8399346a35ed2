"""The layers and the loss that autoencoders have in common."""

from collections.abc import Sequence
from typing import Any

import keras
from keras.initializers import VarianceScaling
from keras.layers import Dense, Reshape

from cnnzoo.layers import TiedDense, WideDense
from cnnzoo.losses import PixelCrossentropy


def dense(units: int, activation: Any, *, kind: type[Dense] = Dense, **options: Any) -> Dense:
    """Return a dense layer whose initial weights fit its activation.

    Logistic units have Glorot's uniform bound times 4, as Glorot and Bengio 2010 recommend for
    them: their slope at 0 is a quarter of that of tanh. Others have Glorot's bound itself.

    Example:
    >>> layer = dense(500, "sigmoid")
    >>> layer.build((None, 1000))
    >>> import numpy as np
    >>> bool(3.9 < np.abs(layer.kernel).max() / np.sqrt(6 / 1500) <= 4)
    True
    """
    logistic = keras.activations.get(activation) is keras.activations.sigmoid
    initializer = VarianceScaling(4.0**2, "fan_avg", "uniform") if logistic else "glorot_uniform"
    return kind(units, activation=activation, kernel_initializer=initializer, **options)


def encode(x, units: Sequence[int], activation: Any) -> list:
    """Return the flat input, and the output of each hidden layer between it and the code.

    Args:
        x: flat pixels, `(batch, pixels)`.
        units: width of each layer.
        activation: name or function of the layers.
    """
    tensors = [x]
    for number, width in enumerate(units, start=1):
        tensors.append(dense(width, activation, name=f"encoder_{number}")(tensors[-1]))
    return tensors


def decode(code, shape: Sequence[int], units: Sequence[int], activation: Any, output_activation: Any, tied: bool):
    """Return the images that the decoder reconstructs from the code, with the encoder's widths in reverse.

    Args:
        code: codes, `(batch, code)`.
        shape: `(height, width, channels)` of the images.
        units: widths of the encoder, from the input to the code.
        activation: name or function of the hidden layers.
        output_activation: activation of the layer `output`, computed in float32.
        tied: whether each layer uses the kernel of the encoder's layer that it corresponds to.
    """
    pixels = shape[0] * shape[1] * shape[2]
    encoder_layers = ["code", *(f"encoder_{number}" for number in range(len(units), 0, -1))]

    def layer(depth: int, width: int, activation: Any, **options: Any):
        if tied:
            return TiedDense(encoder_layers[depth], activation=activation, **options)
        return dense(width, activation, **options)

    x = code
    for depth, width in enumerate(reversed(units)):
        x = layer(depth, width, activation, name=f"decoder_{depth + 1}")(x)
    if tied:
        x = layer(len(units), pixels, output_activation, dtype="float32", name="output")(x)
    else:
        x = dense(pixels, output_activation, kind=WideDense, name="output")(x)
    return Reshape(shape, dtype="float32", name="reconstruction")(x)


def reconstruction_loss(output_activation: Any) -> keras.losses.Loss:
    """Return the loss that fits an autoencoder's output, a mean over pixels and images.

    Args:
        output_activation: activation of the output layer: with a sigmoid the loss is the cross-entropy, else the
            squared error.

    Example:
    >>> reconstruction_loss("linear").name
    'mean_squared_error'
    """
    logistic = keras.activations.get(output_activation) is keras.activations.sigmoid
    return PixelCrossentropy() if logistic else keras.losses.MeanSquaredError()
