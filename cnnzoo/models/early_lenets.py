"""The nets before LeNet-5: that of 1989, which read zip codes, and LeNet-1.

LeCun, Boser, Denker, Henderson, Howard, Hubbard and Jackel, "Backpropagation Applied to Handwritten Zip Code
Recognition", Neural Computation 1(4), 1989, https://doi.org/10.1162/neco.1989.1.4.541; the same authors, "Handwritten
Digit Recognition with a Back-Propagation Network", NIPS 1989, for LeNet-1.
"""

import math

from keras.initializers import Constant
from keras.layers import Conv2D, Dense, Flatten

from cnnzoo.layers import ConstantPadding2D, PartiallyConnectedConv2D, Subsampling2D, scaled_tanh
from cnnzoo.losses import SparseMeanSquaredError
from cnnzoo.models import scaffold
from cnnzoo.models.lenet import decode_predictions as decode_predictions  # the ten digits
from cnnzoo.models.lenet import initial
from cnnzoo.optimizers import Adam

TASK = "classify"

BACKGROUND, INK = -1.0, 1.0

# The H1 maps that each of the twelve H2 maps is connected to: eight of twelve. The paper does not print which.
H2_TABLE = ((*range(8),),) * 4 + ((*range(4, 12),),) * 4 + ((*range(4), *range(8, 12)),) * 4

# The table of the paper of NIPS 1989: the H2 maps that each of the twelve H3 maps is connected to.
H3_TABLE = ((0,), (0, 1), (0, 1), (1,), (0, 1), (0, 1), (2,), (2, 3), (2, 3), (3,), (2, 3), (2, 3))


def lenet_1989(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="auto",
    name="lenet_1989",
    *,
    compile=True,
):
    """Build the net of 1989 that read zip codes: 9,760 parameters and 64,660 connections at 16×16.

    Two convolutions by strides of 2, without pooling; every unit of their maps has a bias of its own, and the border
    is background, −1. 1.7159·tanh(2x/3) throughout, the outputs too, whose targets are ±1. Where it deviates from the
    paper:

    - The paper does not say which 8 of the 12 maps of H1 a map of H2 is connected to: here maps 0 to 7, 4 to 11, or 0
      to 3 and 8 to 11, each for four maps.
    - H2's border is −1, too; the paper speaks of the border of the image.
    - Biases start at 0, those of the outputs where an output is the mean of its targets, −0.8 for ten classes. H1 and
      H2 are computed densely, as C3 of `lenet5`.
    - It is compiled with Adam in place of the paper's second-order method with batches of one image.

    Args:
        include_top: whether H3 and the output units follow H2.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`; default `(16, 16, 1)`. Background is −1 and ink 1:
            `cnnzoo.models.early_lenets.preprocess_input` makes them from pixels. As units have biases of their own, the
            size must be given without the top, too.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of H2, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"auto"` is the paper's output, in (−1.7159, 1.7159), of which the largest is the
            prediction; else `"softmax"`, or `None` for logits. A model with another is not compiled. The probabilities
            that `cnnzoo predict` prints and exports give are the softmax of the paper's outputs: 45 % where those of
            ten classes are at their targets.
        name: name of the model.
        compile: whether to compile, with a loss and Adam of rate 0.005.

    Returns:
        A functional `keras.Model`. Layers: pad1, H1, pad2, H2, H3, output.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: LeCun et al. 1989. The table of H2 is that of Karpathy's reproduction,
        https://github.com/karpathy/lecun1989-repro.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.lenet_1989().count_params()
    9760
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    x = inputs = scaffold.image_input(input_tensor, input_shape, (16, 16, 1))

    def connected(table, name):
        options = {"strides": 2, "unit_bias": True, **initial()}
        return PartiallyConnectedConv2D(table, 5, **options, name=name)

    x = ConstantPadding2D(2, BACKGROUND, name="pad1")(x)
    x = connected([range(x.shape[-1])] * 12, name="H1")(x)
    x = ConstantPadding2D(2, BACKGROUND, name="pad2")(x)
    x = connected(H2_TABLE, name="H2")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = Dense(30, **initial(), name="H3")(x)
        x = squashed_outputs(x, classes, classifier_activation)
    else:
        x = scaffold.pooled_features(x, pooling)

    optimizer = scaffold.chosen_optimizer(compile, Adam(5e-3))
    loss = early_loss(classifier_activation) if include_top and compile else None
    common = {"name": name, "preprocess_input": preprocess_input, "weights": weights}
    return scaffold.assemble(inputs, x, loss=loss, optimizer=optimizer, **common)


def lenet1(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="auto",
    name="lenet1",
    *,
    compile=True,
):
    """Build LeNet-1, the net of NIPS 1989: 2,578 parameters and 98,442 connections at 28×28.

    Trained subsampling, a partially connected H3, 1.7159·tanh(2x/3) throughout, the outputs too, whose targets are ±1.
    Where it deviates from the paper:

    - The paper centers digits of 16×16 pixels in the field of 28×28; here the field is the image, as MNIST has it.
    - Initial weights are within ±2.4/fan-in, as in the other paper of 1989; the subsampling coefficients start as
      averages, biases at 0, and those of the outputs as in `lenet_1989`. H3 is computed densely, as C3 of `lenet5`.
    - It is compiled with Adam in place of the paper's second-order method with batches of one image.

    Args:
        include_top: whether the output units follow H4.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 16×16; default `(28, 28, 1)`. Background is −1 and ink 1:
            `cnnzoo.models.early_lenets.preprocess_input` makes them from pixels.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of H4, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"auto"` is the paper's output, in (−1.7159, 1.7159), of which the largest is the
            prediction; else `"softmax"`, or `None` for logits. A model with another is not compiled. The probabilities
            that `cnnzoo predict` prints and exports give are the softmax of the paper's outputs: 45 % where those of
            ten classes are at their targets.
        name: name of the model.
        compile: whether to compile, with a loss and Adam of rate 0.02.

    Returns:
        A functional `keras.Model`. Layers: H1, H2, H3, H4, output.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: LeCun et al., NIPS 1989; the name is that of LeCun et al. 1998, section III-C.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.lenet1().count_params()
    2578
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    x = inputs = scaffold.image_input(input_tensor, input_shape, (28, 28, 1), open_sides=not include_top)

    x = scaffold.slide(Conv2D(4, 5, **initial(), name="H1"), x)
    x = scaffold.slide(Subsampling2D(2, activation=scaled_tanh, name="H2"), x)
    x = scaffold.slide(PartiallyConnectedConv2D(H3_TABLE, 5, **initial(), name="H3"), x)
    x = scaffold.slide(Subsampling2D(2, activation=scaled_tanh, name="H4"), x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = squashed_outputs(x, classes, classifier_activation)
    else:
        x = scaffold.pooled_features(x, pooling)

    optimizer = scaffold.chosen_optimizer(compile, Adam(2e-2))
    loss = early_loss(classifier_activation) if include_top and compile else None
    common = {"name": name, "preprocess_input": preprocess_input, "weights": weights}
    return scaffold.assemble(inputs, x, loss=loss, optimizer=optimizer, **common)


def squashed_outputs(x, classes, classifier_activation):
    """Return the output units on features `(batch, units)`: with `"auto"` they are squashed as all other units are."""
    options = {**initial(), "dtype": "float32", "name": "output"}
    if classifier_activation == "auto":
        # Nine of ten targets are −1: units that start at 0 first learn that of all images alike, for some epochs.
        mean = 2 / classes - 1
        return Dense(classes, bias_initializer=Constant(1.5 * math.atanh(mean / 1.7159)), **options)(x)
    return Dense(classes, **{**options, "activation": classifier_activation})(x)


def early_loss(classifier_activation):
    """Return the loss that fits `squashed_outputs`, or `None` where there is none."""
    if classifier_activation == "auto":
        return SparseMeanSquaredError()
    return scaffold.cross_entropy(classifier_activation)


@scaffold.preprocessing()
def preprocess_input(images, input_shape=None):
    """Scale pixels 0 to 255 to −1 (background) to 1 (ink), and shrink or enlarge images to the model's size.

    Args:
        images: tensor `(batch, height, width, channels)` or, of one image, `(height, width, channels)`, integer or
            float, 0 (paper) to 255 (ink).
        input_shape: the model's `(height, width, channels)`, to which images of other sizes are resized (bilinear,
            without antialiasing); `None` to keep their size.

    Returns:
        Float32 tensor `(batch, *input_shape)`, or `input_shape`.

    Raises:
        InputError: another number of channels than the model's.

    Source: LeCun et al. 1989: gray levels "scaled and translated to fall within the range −1 to 1".

    Example:
    >>> import numpy as np
    >>> field = preprocess_input(np.full((1, 28, 28, 1), 255, "uint8"), (16, 16, 1))
    >>> field.shape, float(field[0, 0, 0, 0])
    (TensorShape([1, 16, 16, 1]), 1.0)
    """
    height, width, channels = input_shape
    images = scaffold.resized(images, (height, width), channels=channels)
    return images * ((INK - BACKGROUND) / 255) + BACKGROUND
