"""The layers and the loss that autoencoders have in common."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras.initializers import GlorotUniform, VarianceScaling
from keras.layers import Activation, Dense, Reshape

from cnnzoo.layers import ReversibleDense
from cnnzoo.losses import PixelCrossentropy
from cnnzoo.metrics import SquaredError
from cnnzoo.models import scaffold
from cnnzoo.models.mlp import preprocess_input


def dense(units: int, activation: Any, *, kind: type[Dense] = Dense, **options: Any) -> Dense:
    """Return a dense layer whose initial weights fit its activation; see `initial_kernel`."""
    return kind(units, activation=activation, kernel_initializer=initial_kernel(activation), **options)


def initial_kernel(activation: Any) -> keras.initializers.Initializer:
    """Return the initializer of a kernel before an activation.

    Logistic units have Glorot's uniform bound times 4, as Glorot and Bengio 2010 recommend for
    them: their slope at 0 is a quarter of that of tanh. Others have Glorot's bound itself.

    Example:
    >>> import numpy as np
    >>> kernel = initial_kernel("sigmoid")((1000, 500))
    >>> bool(3.9 < np.abs(kernel).max() / np.sqrt(6 / 1500) <= 4)
    True
    """
    logistic = keras.activations.get(activation) is keras.activations.sigmoid
    return VarianceScaling(4.0**2, "fan_avg", "uniform") if logistic else GlorotUniform()


def encoder_layers(units: Sequence[int], code: int, activation: Any, code_activation: Any, tied: bool) -> list[Dense]:
    """Return the layers encoder_1, …, code, in the order from the pixels.

    Args:
        units: width of each hidden layer.
        code: width of the code.
        activation: name or function of the hidden layers.
        code_activation: name or function of the code layer.
        tied: whether `decode` calls the layers in reverse.
    """
    layers = []
    for number, width in enumerate([*units, code], start=1):
        name, own = (f"encoder_{number}", activation) if number <= len(units) else ("code", code_activation)
        if tied:
            back = (
                activation if number > 1 else None
            )  # the first layer gives pixels, whose activation comes last of all
            layers.append(dense(width, own, kind=ReversibleDense, reverse_activation=back, name=name))
        else:
            layers.append(dense(width, own, name=name))
    return layers


def decode(codes, encoder: Sequence[Dense], shape: Sequence[int], activation: Any, output_activation: Any, tied: bool):
    """Return the images that the decoder reconstructs from codes, with the encoder's widths in reverse.

    The activation of the output comes last, in float32, where Keras' cross-entropy finds the logits.

    Args:
        codes: codes, `(batch, code)`.
        encoder: the layers that `encoder_layers` returned.
        shape: `(height, width, channels)` of the images.
        activation: name or function of the hidden layers.
        output_activation: name or function applied to the images.
        tied: whether the encoder's layers are called in reverse, instead of layers of the decoder's own.
    """
    x = codes
    if tied:
        for layer in reversed(encoder):
            x = layer(x, reverse=True)
    else:
        for number, layer in enumerate(reversed(encoder[:-1]), start=1):
            x = dense(layer.units, activation, name=f"decoder_{number}")(x)
        x = Dense(math.prod(shape), kernel_initializer=initial_kernel(output_activation), name="output")(x)
    x = Reshape(shape, name="reshape")(x)
    return Activation(output_activation, dtype="float32", name="reconstruction")(x)


def default_output_activation(inputs: Any) -> str:
    """Return the activation of reconstructions: a sigmoid for images, whose pixels are 0…1; values have no bounds."""
    return "sigmoid" if len(inputs.shape) == 4 else "linear"


def reconstruction_loss(output_activation: Any) -> keras.losses.Loss:
    """Return the loss that fits an autoencoder's output, a mean over pixels and images.

    Args:
        output_activation: activation of the output: with a sigmoid the loss is the cross-entropy, else the
            squared error.

    Example:
    >>> reconstruction_loss("linear").name
    'mean_squared_error'
    """
    logistic = keras.activations.get(output_activation) is keras.activations.sigmoid
    return PixelCrossentropy() if logistic else keras.losses.MeanSquaredError()


def assemble(
    inputs, images, *, output_activation: Any, compile: Any, optimizer: keras.optimizers.Optimizer, **options: Any
) -> keras.Model:
    """Build an autoencoder, load its weights, and compile it with the loss of its output.

    Args:
        inputs: the tensor that `image_input` returned.
        images: the reconstruction, with its activation.
        output_activation: that activation, which decides on the loss.
        compile: the argument of the model's function.
        optimizer: the optimizer to compile with.
        options: `name`, `weights` and `shipped`, as `scaffold.assemble` takes them.
    """
    return scaffold.assemble(
        inputs,
        images,
        preprocess_input=preprocess_input,
        loss=reconstruction_loss(output_activation) if compile else None,
        metric=SquaredError(),
        optimizer=scaffold.chosen_optimizer(compile, optimizer),
        **options,
    )
