"""Convolutional autoencoders: one whose code sees the whole image, and one whose code keeps its position in it.

Masci, Meier, Cireşan and Schmidhuber, "Stacked Convolutional Auto-Encoders for Hierarchical Feature
Extraction", ICANN 2011; Baldi and Hornik, "Neural networks and principal component analysis", 1989.
"""

import math

from keras.initializers import RandomNormal
from keras.layers import (
    Activation,
    Add,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping1D,
    Cropping2D,
    Flatten,
    Reshape,
)

from cnnzoo import optimizers
from cnnzoo.checks import flag, integer, refusal
from cnnzoo.errors import InputError
from cnnzoo.layers import PrincipalComponents, ReversibleConv2D
from cnnzoo.models import scaffold
from cnnzoo.models.mlp import preprocess_input as preprocess_input  # pixels 0…1
from cnnzoo.models.reconstruction import assemble, default_output_activation

TASK = "reconstruct"

# With a window of twice the stride, the decoder sums as many terms at every pixel, so that no checkerboard
# appears; and an odd side has the same padding before it as an even one, so that only one row or column at
# the end has to be cropped in the decoder.
WINDOW, STRIDE = 4, 2
INPUT_SHAPE = (32, 32, 3)
NEARLY_ZERO = 1e-3  # deviation of a kernel; of 0 the layers before would learn nothing in the first step


def convolutional_autoencoder(
    weights=None,
    input_tensor=None,
    input_shape=None,
    name="convolutional_autoencoder",
    *,
    code=None,
    maps=(64, 64, 64),
    activation="relu",
    compile=True,
):
    """Build an autoencoder with a linear code and a convolutional decoder; by default 32×32×3 pixels in 512 numbers.

    The code is linear in the whole image, and its transpose gives a first reconstruction. Convolutions at half its
    sides then add what they have learned of images: edges are sharp, areas even. Call `adapt` of the layer `code`, as
    of `keras.layers.Normalization`, before training: it sets the code to the principal components of the training
    images, so that training begins where linear codes end, since the convolutions begin by adding almost nothing.
    `cnnzoo train` does so.

    Each number of a code of maps, as in `stacked_convolutional_autoencoder`, knows one part of the image; each of this
    one knows all of it. The optimizer is Adam with rate 0.001.

    Args:
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, …)` to build upon, or `None`.
        input_shape: `(height, width, channels)` of images, default `(32, 32, 3)`, whose pixels are 0…1; or
            `(steps, channels)` of signals, whose values are standardized. Height, width and steps are at least 2.
        name: name of the model.
        code: number of code units, from 1 to the number of values of an image; default a sixth of that.
        maps: number of maps of each convolution of the decoder: the first one halves the sides with a 4×4 window, the
            others have 3×3 windows, and one more doubles the sides.
        activation: name or function of the convolutions.
        compile: whether to compile with optimizer, squared error, the mean over pixels and images, and the metric
            `squared_error`, summed over pixels.

    Returns:
        A functional `keras.Model`. Layers: flatten, code, which is called again in reverse, linear, decoder_1, …,
        output, sum, reconstruction, with crop after output where a side is odd. Its values are not limited to 0…1.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Baldi and Hornik 1989 (a linear code's optimum); Kim, Lee and Lee, "Accurate Image Super-Resolution Using
        Very Deep Convolutional Networks", CVPR 2016 (convolutions that learn what is missing).

    Example:
    >>> import numpy as np
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).random((600, 32, 32, 3), "float32")
    >>> model = cnnzoo.convolutional_autoencoder()
    >>> model.get_layer("code").adapt(images)
    >>> model.get_layer("code").output.shape, model.count_params()
    ((None, 512), 1656003)
    """
    maps = scaffold.check_widths("maps", maps, example="(64, 64, 64)")
    inputs = scaffold.image_input(input_tensor, input_shape, default=INPUT_SHAPE, kinds=("images", "signals"))
    shape = inputs.shape[1:]
    size = math.prod(shape)
    _check_sides(shape[:-1], halvings=1)
    code = integer("code", max(1, size // 6) if code is None else code, 1, size, of="the values of an image")
    if not maps:
        raise refusal("maps", "one positive integer at least", maps)

    linear = PrincipalComponents(code, name="code")
    x = linear(Flatten(name="flatten")(inputs))
    x = first = Reshape(shape, name="linear")(linear(x, reverse=True))

    convolution = Conv2D if len(shape) == 3 else Conv1D
    x = halve(x, maps[0], activation, name="decoder_1")
    for number, depth in enumerate(maps[1:], start=2):
        x = convolution(depth, 3, padding="same", activation=activation, name=f"decoder_{number}")(x)
    small = RandomNormal(stddev=NEARLY_ZERO)  # a new one in each model: its draws are fixed when it is made
    x = double(x, shape[-1], None, shape, name="output", crop="crop", kernel_initializer=small)
    x = Add(name="sum")([first, x])
    x = Activation("linear", dtype="float32", name="reconstruction")(x)

    compilation = {"output_activation": "linear", "compile": compile, "optimizer": optimizers.Adam(1e-3)}
    return assemble(inputs, x, name=name, weights=weights, **compilation)


def stacked_convolutional_autoencoder(
    weights=None,
    input_tensor=None,
    input_shape=None,
    name="stacked_convolutional_autoencoder",
    *,
    maps=(32, 64),
    code=32,
    activation="relu",
    code_activation="linear",
    output_activation=None,
    tied=False,
    compile=True,
):
    """Build the stacked convolutional autoencoder; by default 32×32×3 pixels become 4×4 codes of 32 values.

    Every layer of the encoder halves the sides with a 4×4 window and stride 2; every layer of the decoder
    doubles them, and odd sides are cropped to those of the encoder.

    It deviates from the paper, which halves by max pooling, has scaled tanh units, and ties the decoder's
    weights to the encoder's: here strides halve, hidden units are rectified, and weights are tied
    with `tied=True` only. The optimizer is Adam with rate 0.003.

    Args:
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, …)` to build upon, or `None`.
        input_shape: `(height, width, channels)` of images, default `(32, 32, 3)`, whose pixels are 0…1; or
            `(steps, channels)` of signals, whose values are standardized. Height, width and steps are at least 2 to
            the number of halvings, 8 by default.
        name: name of the model.
        maps: number of maps of each hidden layer of the encoder; the decoder has them in reverse.
        code: number of maps of the code; an integer ≥ 1.
        activation: name or function of the hidden layers.
        code_activation: name or function of the code layer.
        output_activation: name or function applied to the reconstructions, in float32; default `"sigmoid"` for
            images, else `"linear"`. With `"sigmoid"` the loss is the cross-entropy, else the squared error; either is
            the mean over pixels and images.
        tied: whether the decoder uses the encoder's kernels.
        compile: whether to compile with loss and optimizer, and the metric `squared_error`, summed over pixels.

    Returns:
        A functional `keras.Model`. Layers: encoder_1, …, code, decoder_1, …, output, reconstruction, with
        crop_1, … after the layers of the decoder whose maps are a row or column too large. With `tied=True` the
        encoder's layers are called again, in reverse, in the place of decoder_1, …, output.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: Masci et al. 2011; Odena, Dumoulin and Olah, "Deconvolution and Checkerboard Artifacts", 2016.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.stacked_convolutional_autoencoder()
    >>> model.get_layer("code").output.shape, model.count_params()
    ((None, 4, 4, 32), 134371)
    """
    maps = scaffold.check_widths("maps", maps, example="(32, 64)")
    code = integer("code", code)
    flag("tied", tied)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=INPUT_SHAPE, kinds=("images", "signals"))
    _check_sides(inputs.shape[1:-1], halvings=len(maps) + 1)
    output_activation = output_activation or default_output_activation(inputs)
    if tied and len(inputs.shape) == 3:
        raise refusal("tied", "False for signals: only the kernels of images are reversible", tied)

    sizes, encoder = [], []
    for number, depth in enumerate([*maps, code], start=1):
        layer_name, own = (f"encoder_{number}", activation) if number <= len(maps) else ("code", code_activation)
        sizes.append(x.shape[1:])
        if tied:
            back = activation if number > 1 else None  # the first one gives pixels, whose activation comes last of all
            encoder.append(_reversible(depth, own, back, name=layer_name))
            x = encoder[-1](x)
        else:
            x = halve(x, depth, own, name=layer_name)

    for number, depth in enumerate([*reversed(maps), inputs.shape[-1]], start=1):
        layer_name, own = (f"decoder_{number}", activation) if number <= len(maps) else ("output", None)
        if tied:
            x = cropped(encoder.pop()(x, reverse=True), sizes.pop(), name=f"crop_{number}")
        else:
            x = double(x, depth, own, sizes.pop(), name=layer_name, crop=f"crop_{number}")
    x = Activation(output_activation, dtype="float32", name="reconstruction")(x)

    compilation = {"output_activation": output_activation, "compile": compile, "optimizer": optimizers.Adam(3e-3)}
    return assemble(inputs, x, name=name, weights=weights, **compilation)


def _check_sides(sides: tuple[int, ...], halvings: int) -> None:
    least = STRIDE**halvings
    if min(sides) < least:
        needed, received = ("×".join(map(str, each)) for each in ([least] * len(sides), sides))
        layers = f"{halvings} layers halve" if halvings > 1 else "a layer halves"
        raise InputError(
            f"the input is too small: {layers} its sides, which needs at least {needed} "
            f"{'pixels' if len(sides) == 2 else 'steps'}. Received: {received}"
        )


def _reversible(maps: int, activation, reverse_activation, name: str) -> ReversibleConv2D:
    window = {"kernel_size": WINDOW, "strides": STRIDE, "padding": "same"}
    return ReversibleConv2D(maps, **window, activation=activation, reverse_activation=reverse_activation, name=name)


def halve(x, maps: int, activation, name: str):
    """Return maps with halved sides, rounded up.

    Args:
        x: images `(batch, height, width, channels)`, or signals `(batch, steps, channels)`.
        maps: number of maps to return.
        activation: name or function of the layer.
        name: name of the layer.
    """
    convolution = Conv2D if len(x.shape) == 4 else Conv1D
    return convolution(maps, WINDOW, STRIDE, "same", activation=activation, name=name)(x)


def double(x, maps: int, activation, size: tuple[int, ...], *, name: str, crop: str, **options):
    """Return maps with doubled sides, without the row and the column that are too many.

    Args:
        x: images `(batch, height, width, channels)`, or signals `(batch, steps, channels)`.
        maps: number of maps to return.
        activation: name or function of the layer.
        size: shape to return; its channels do not count.
        name: name of the layer.
        crop: name of the layer that leaves out what is too much.
        options: further arguments of the convolution.
    """
    convolution = Conv2DTranspose if len(x.shape) == 4 else Conv1DTranspose
    x = convolution(maps, WINDOW, STRIDE, "same", activation=activation, name=name, **options)(x)
    return cropped(x, size, name=crop)


def cropped(x, size: tuple[int, ...], name: str):
    """Return maps without what they have too much at the end of their sides; as they are where they fit."""
    excess = [(0, side - fits) for side, fits in zip(x.shape[1:-1], size, strict=False)]
    if not any(map(any, excess)):
        return x
    return Cropping2D(excess, name=name)(x) if len(excess) == 2 else Cropping1D(excess[0], name=name)(x)
