"""Convolutional autoencoders: maps instead of units, so that a code keeps its position in the image.

Masci, Meier, Cireşan and Schmidhuber, "Stacked Convolutional Auto-Encoders for Hierarchical Feature
Extraction", ICANN 2011.
"""

from keras.layers import Activation, Conv2D, Conv2DTranspose, Cropping2D

from cnnzoo import optimizers
from cnnzoo.checks import flag, integer
from cnnzoo.errors import InputError
from cnnzoo.layers import ReversibleConv2D
from cnnzoo.models import scaffold
from cnnzoo.models.mlp import preprocess_input as preprocess_input  # pixels 0…1
from cnnzoo.models.reconstruction import assemble

TASK = "reconstruct"

# With a window of twice the stride, the decoder sums as many terms at every pixel, so that no checkerboard
# appears; and an odd side has the same padding before it as an even one, so that only one row or column at
# the end has to be cropped in the decoder.
WINDOW, STRIDE = 4, 2


def convolutional_autoencoder(
    weights=None,
    input_tensor=None,
    input_shape=None,
    name="convolutional_autoencoder",
    *,
    maps=(32, 64),
    code=32,
    activation="relu",
    code_activation="linear",
    output_activation="sigmoid",
    tied=False,
    compile=True,
):
    """Build a convolutional autoencoder; by default 32×32×3 pixels become 4×4 codes of 32 values.

    Every layer of the encoder halves the sides with a 4×4 window and stride 2; every layer of the decoder
    doubles them, and odd sides are cropped to those of the encoder.

    It deviates from the paper, which halves by max pooling, has scaled tanh units, and ties the decoder's
    weights to the encoder's: here strides halve, hidden units are rectified, and weights are tied
    with `tied=True` only. The optimizer is Adam with rate 0.003.

    Args:
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`; default `(32, 32, 3)`. Pixels are 0…1. Height and width
            are at least 2 to the number of halvings, 8 by default.
        name: name of the model.
        maps: number of maps of each hidden layer of the encoder; the decoder has them in reverse.
        code: number of maps of the code; an integer ≥ 1.
        activation: name or function of the hidden layers.
        code_activation: name or function of the code layer.
        output_activation: name or function applied to the images, in float32. With `"sigmoid"` the loss is the
            cross-entropy, else the squared error; either is the mean over pixels and images.
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
    >>> model = cnnzoo.convolutional_autoencoder()
    >>> model.get_layer("code").output.shape, model.count_params()
    ((None, 4, 4, 32), 134371)
    """
    maps = scaffold.check_widths("maps", maps, example="(32, 64)")
    code = integer("code", code)
    flag("tied", tied)
    x = inputs = scaffold.image_input(input_tensor, input_shape, default=(32, 32, 3))
    _check_sides(inputs.shape[1:3], halvings=len(maps) + 1)

    encoder = []
    for number, depth in enumerate([*maps, code], start=1):
        layer_name, own = (f"encoder_{number}", activation) if number <= len(maps) else ("code", code_activation)
        back = activation if number > 1 else None  # the first layer gives pixels, whose activation comes last of all
        encoder.append(_halving(depth, own, back, tied, name=layer_name))
    sizes = []
    for layer in encoder:
        sizes.append(x.shape)
        x = layer(x)

    for number, layer in enumerate(reversed(encoder), start=1):
        if tied:
            x = layer(x, reverse=True)
        elif number <= len(maps):
            x = _doubling(maps[-number], activation, name=f"decoder_{number}")(x)
        else:
            x = _doubling(inputs.shape[-1], None, name="output")(x)
        excess = _excess(x.shape, sizes.pop())
        x = Cropping2D(excess, name=f"crop_{number}")(x) if any(map(any, excess)) else x
    x = Activation(output_activation, dtype="float32", name="reconstruction")(x)

    compilation = {"output_activation": output_activation, "compile": compile, "optimizer": optimizers.Adam(3e-3)}
    return assemble(inputs, x, name=name, weights=weights, **compilation)


def _check_sides(sides: tuple[int, int], halvings: int) -> None:
    least = STRIDE**halvings
    if min(sides) < least:
        raise InputError(
            f"the input is too small: {halvings} layers halve its sides, which needs at least {least}×{least} pixels. "
            f"Received: {sides[0]}×{sides[1]}"
        )


def _halving(maps: int, activation, reverse_activation, tied: bool, name: str) -> Conv2D:
    window = {"kernel_size": WINDOW, "strides": STRIDE, "padding": "same"}
    if tied:
        return ReversibleConv2D(maps, **window, activation=activation, reverse_activation=reverse_activation, name=name)
    return Conv2D(maps, **window, activation=activation, name=name)


def halve(maps: int, activation, name: str) -> Conv2D:
    """Return the layer that halves the sides, rounded up."""
    return Conv2D(maps, WINDOW, STRIDE, "same", activation=activation, name=name)


def double(x, maps: int, activation, wanted: tuple[int, ...], name: str):
    """Return maps with doubled sides, without the row and the column that are too many.

    Args:
        x: maps, `(batch, height, width, channels)`.
        maps: number of maps to return.
        activation: name or function of the layer.
        wanted: `(height, width, …)` to return.
        name: name of the layer; the cropping's is with `_crop`.
    """
    x = Conv2DTranspose(maps, WINDOW, STRIDE, "same", activation=activation, name=name)(x)
    excess = tuple((0, side - fits) for side, fits in zip(x.shape[1:3], wanted, strict=False))
    return Cropping2D(excess, name=f"{name}_crop")(x) if any(map(any, excess)) else x


def _doubling(maps: int, activation, name: str) -> Conv2DTranspose:
    return Conv2DTranspose(maps, WINDOW, STRIDE, "same", activation=activation, name=name)


def _excess(shape: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the rows and columns to crop, all at the end."""
    return (0, shape[1] - wanted[1]), (0, shape[2] - wanted[2])
