"""Fully connected autoencoders: nets that return their input through a code smaller or sparser than it.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313, 2006.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras.layers import Flatten, Reshape

from cnnzoo.models import scaffold
from cnnzoo.models.mlp import preprocess_input as preprocess_input  # pixels 0…1
from cnnzoo.models.reconstruction import assemble, check_code, check_flag, check_widths, dense


def deep_autoencoder(
    weights=None,
    input_tensor=None,
    input_shape=None,
    name="deep_autoencoder",
    *,
    units=(1000, 500, 250),
    code=30,
    activation="sigmoid",
    code_activation="linear",
    output_activation="sigmoid",
    tied=False,
    compile=True,
):
    """Build the deep autoencoder of 2006, 784-1000-500-250-30 and back: 2,837,314 parameters.

    It deviates from the paper in its beginning: there the weights came from restricted Boltzmann machines,
    here logistic units start with Glorot's uniform bound times 4, as Glorot and Bengio 2010 recommend it for
    them (with the bound itself a stack this deep starts on a plateau). The optimizer is Adam with rate
    0.001, where the paper has conjugate gradients.

    Args:
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`; default `(28, 28, 1)`. Pixels are 0…1.
        name: name of the model.
        units: width of each hidden layer of the encoder, which the decoder mirrors.
        code: number of code units; an integer ≥ 1. The paper has 2, too, for pictures.
        activation: name or function of the hidden layers.
        code_activation: name or function of the code layer.
        output_activation: name or function of the reconstructing layer. With `"sigmoid"` the loss is the
            cross-entropy, else the squared error; either is the mean over pixels and images.
        tied: whether the decoder uses the encoder's weights, transposed.
        compile: whether to compile with loss and optimizer, and the metric `squared_error`, summed over pixels.

    Returns:
        A functional `keras.Model`. Layers: flatten, encoder_1, …, code, decoder_1, …, output, reconstruction.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Hinton and Salakhutdinov 2006.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.deep_autoencoder().count_params()
    2837314
    """
    check_widths("units", units, example="(1000, 500, 250)")
    check_code(code)
    check_flag("tied", tied)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(28, 28, 1))

    x = Flatten(name="flatten")(x)
    x = _encoded(x, units, activation)
    x = dense(code, code_activation, name="code")(x)
    x = _decoded(x, inputs.shape[1:], units, activation, output_activation, tied)

    optimizer = keras.optimizers.Adam(1e-3)  # to become cnnzoo.optimizers.Muon
    return assemble(
        inputs,
        x,
        name=name,
        weights=weights,
        output_activation=output_activation,
        compile=compile,
        optimizer=optimizer,
    )


def _encoded(x, units: Sequence[int], activation: Any):
    """Return what the hidden layers before the code give."""
    for number, width in enumerate(units, start=1):
        x = dense(width, activation, name=f"encoder_{number}")(x)
    return x


def _decoded(code, shape: Sequence[int], units: Sequence[int], activation: Any, output_activation: Any, tied: bool):
    """Return the images that mirrored layers make of the code."""
    pixels = shape[0] * shape[1] * shape[2]
    mirrored = ["code", *(f"encoder_{number}" for number in range(len(units), 0, -1))]

    def layer(depth: int, width: int, activation: Any, **options: Any):
        if tied:
            from cnnzoo.layers import TiedDense

            return TiedDense(mirrored[depth], activation=activation, **options)
        return dense(width, activation, **options)

    x = code
    for depth, width in enumerate(reversed(units)):
        x = layer(depth, width, activation, name=f"decoder_{depth + 1}")(x)
    x = layer(len(units), pixels, output_activation, dtype="float32", name="output")(x)
    return Reshape(shape, dtype="float32", name="reconstruction")(x)
