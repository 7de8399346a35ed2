"""LeNet-5 as published, and the form that textbooks draw.

LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE 86(11), 1998, https://doi.org/10.1109/5.726791.
"""

from keras import ops
from keras.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D

from cnnzoo.checks import choice
from cnnzoo.layers import (
    AveragePooling2D,
    DigitCodes,
    FanInUniform,
    PartiallyConnectedConv2D,
    RadialBasis,
    Subsampling2D,
    scaled_tanh,
)
from cnnzoo.losses import MaximumAPosteriori
from cnnzoo.models import scaffold
from cnnzoo.optimizers import Adam

TASK = "classify"

# Table I of the paper: the S2 maps that each of the 16 C3 maps is connected to.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip

CLASS_NAMES = tuple("0123456789")

BACKGROUND, INK = -0.1, 1.175  # section II-B: mean roughly 0 and variance roughly 1 over the images


def lenet5(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="auto",
    name="lenet5",
    *,
    head="rbf",
    compile=True,
):
    """Build LeNet-5 as the paper of 1998 has it: 60,000 trainable parameters at 32×32.

    Partially connected C3, trained subsampling, 1.7159·tanh(2x/3) throughout, and ten radial basis
    units whose fixed centers are 7×12 bitmaps of the digits. Where it deviates from the paper:

    - C3 has no kernels outside of the table, but the convolution is computed densely.
    - The bitmaps are redrawn (the paper prints them as a figure); classes beyond ten get random codes.
    - Initial weights are within ±2.4/fan-in, as the paper is commonly quoted; the subsampling coefficients
      start as averages, and biases at 0.
    - It is compiled with Adam in place of the stochastic diagonal Levenberg–Marquardt method.

    Args:
        include_top: whether F6 and the output units follow C5.
        weights: `"mnist"`, path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 32×32; default `(32, 32, 1)`. Background is
            −0.1 and ink 1.175: `cnnzoo.models.lenet.preprocess_input` makes them from pixels.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of C5, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"auto"` is the paper's output (negated penalties; the largest is the prediction) with
            `head="rbf"` and `"softmax"` with `head="softmax"`; else `"softmax"` or `None` for either. A model with
            another is not compiled.
        name: name of the model.
        head: `"rbf"`, or `"softmax"` for 10 ordinary units, 850 more parameters.
        compile: whether to compile, with a loss and Adam: of rate 0.005 on penalties, else of rate 0.002.

    Returns:
        A functional `keras.Model`. Layers: C1, S2, C3, S4, C5, F6, output.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: LeCun et al. 1998, section II-B and appendix A.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.lenet5().count_params()  # 60,000 trained, and 10 × 84 fixed pixels
    60840
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    choice("head", head, ("rbf", "softmax"), "heads")

    x = inputs = scaffold.image_input(input_tensor, input_shape, (32, 32, 1), open_sides=not include_top)

    x = scaffold.slide(Conv2D(6, 5, **initial(), name="C1"), x)
    x = scaffold.slide(Subsampling2D(2, activation=scaled_tanh, name="S2"), x)
    x = scaffold.slide(PartiallyConnectedConv2D(C3_TABLE, 5, **initial(), name="C3"), x)
    x = scaffold.slide(Subsampling2D(2, activation=scaled_tanh, name="S4"), x)
    x = scaffold.slide(Conv2D(120, 5, **initial(), name="C5"), x)
    if not include_top:
        x = scaffold.pooled_features(x, pooling)
        return scaffold.assemble(
            inputs, x, name=name, preprocess_input=preprocess_input, weights=weights, loss=None, shipped="lenet5"
        )
    x = Flatten(name="flatten")(x)
    x = Dense(84, **initial(), name="F6")(x)
    activation = classifier_activation
    if head == "rbf":
        x = RadialBasis(classes, DigitCodes(), negate=True, dtype="float32", name="output")(x)
        if activation not in ("auto", None):
            # The criterion without its rubbish class is the cross-entropy of a softmax over −y.
            x = Activation(activation, dtype="float32", name="posterior")(x)
    else:
        activation = "softmax" if activation == "auto" else activation
        x = Dense(classes, activation=activation, dtype="float32", name="output")(x)

    penalties = head == "rbf" and activation in ("auto", None)
    optimizer = scaffold.chosen_optimizer(compile, Adam(5e-3 if penalties else 2e-3))
    loss = None
    if compile:
        loss = MaximumAPosteriori() if penalties else scaffold.cross_entropy(activation)
    common = {"name": name, "preprocess_input": preprocess_input, "weights": weights}
    return scaffold.assemble(inputs, x, loss=loss, optimizer=optimizer, shipped="lenet5", **common)


def lenet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name="lenet",
    *,
    activation="tanh",
    subsampling="average",
    dropout=0.0,
    compile=True,
):
    """Build LeNet as textbooks draw it: 61,706 parameters at 32×32.

    Fully connected C3, plain pooling, ordinary dense layers, a softmax. It deviates from LeNet-5 in
    all of these; `lenet5` is the net of the paper.

    Args:
        include_top: whether the three dense layers follow S4.
        weights: `"fashion_mnist"`, path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 16×16; default `(32, 32, 1)`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of S4, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        activation: name or function after each convolution and hidden dense layer; many textbooks
            draw `"sigmoid"`, later ones `"relu"`.
        subsampling: `"average"` or `"max"`.
        dropout: fraction of S4's and C5's outputs dropped in training, in [0, 1); not in the paper.
        compile: whether to compile, with a loss and Adam of rate 0.001.

    Returns:
        A functional `keras.Model`. Layers: C1, S2, C3, S4, C5, F6, output.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: the form is common property; its ancestor is LeCun et al. 1998.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.lenet().count_params()
    61706
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    pools = {"average": AveragePooling2D, "max": MaxPooling2D}
    pool = pools[choice("subsampling", subsampling, pools, "kinds of subsampling")]
    x = inputs = scaffold.image_input(input_tensor, input_shape, (32, 32, 1), open_sides=not include_top)

    x = scaffold.slide(Conv2D(6, 5, activation=activation, name="C1"), x)
    x = scaffold.slide(pool(2, name="S2"), x)
    x = scaffold.slide(Conv2D(16, 5, activation=activation, name="C3"), x)
    x = scaffold.slide(pool(2, name="S4"), x)
    x = Dropout(dropout, name="dropout_S4")(x) if dropout else x
    if include_top:
        x = Flatten(name="flatten")(x)
        x = Dense(120, activation=activation, name="C5")(x)
        x = Dropout(dropout, name="dropout_C5")(x) if dropout else x
        x = Dense(84, activation=activation, name="F6")(x)
        x = Dense(classes, activation=classifier_activation, dtype="float32", name="output")(x)
    else:
        x = scaffold.pooled_features(x, pooling)

    optimizer = scaffold.chosen_optimizer(compile, Adam(1e-3))
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    common = {"name": name, "preprocess_input": preprocess_input, "weights": weights}
    return scaffold.assemble(inputs, x, loss=loss, optimizer=optimizer, shipped="lenet", **common)


def initial():
    """Return the activation and the initial weights of a layer: one initializer draws the same numbers each time."""
    return {"activation": scaled_tanh, "kernel_initializer": FanInUniform(2.4)}


@scaffold.preprocessing(border=2)
def preprocess_input(images, input_shape=None):
    """Pad and scale images of pixels 0 to 255: 28×28 to 32×32, background −0.1, ink 1.175.

    Images are padded with a border of two pixels. With `input_shape` they are resized (bilinear) first, unless they
    leave just that border in it, as 28×28 does in 32×32.

    Args:
        images: tensor `(batch, height, width, channels)` or, of one image, `(height, width, channels)`, integer or
            float, 0 (paper) to 255 (ink).
        input_shape: the model's `(height, width, channels)`, to which images of other sizes are brought; `None` to keep
            their size.

    Returns:
        Float32 tensor `(batch, *input_shape)`, or `input_shape`.

    Raises:
        InputError: another number of channels than the model's.

    Source: LeCun et al. 1998, section II-B.

    Example:
    >>> import numpy as np
    >>> field = preprocess_input(np.full((1, 28, 28, 1), 255, "uint8"))
    >>> field.shape, round(float(field[0, 0, 0, 0]), 3), round(float(field[0, 16, 16, 0]), 3)
    (TensorShape([1, 32, 32, 1]), -0.1, 1.175)
    """
    height, width, channels = input_shape
    images = scaffold.resized(images, (height - 4, width - 4), channels=channels)
    # Whole rows at once: TensorFlow pads single pixels one by one, three times as slowly.
    rows = ops.reshape(images, (-1, height - 4, (width - 4) * channels))
    images = ops.reshape(ops.pad(rows, ((0, 0), (2, 2), (2 * channels, 2 * channels))), (-1, *input_shape))
    return images * ((INK - BACKGROUND) / 255) + BACKGROUND


def decode_predictions(predictions, top=5, class_names=CLASS_NAMES):
    """Return the most probable digits, or other classes: `(label, name, probability)`, largest first.

    Args:
        predictions: array `(batch, 10)` of probabilities; `lenet5` returns them with
            `classifier_activation="softmax"`.
        top: how many classes to return, at most all.
        class_names: name of each class, such as `cnnzoo.weights.shipped("lenet", "fashion_mnist").class_names`.

    Raises:
        InputError: another shape, no probabilities, or `top` is out of range.

    Example:
    >>> import numpy as np
    >>> decode_predictions(np.eye(10)[[3]], top=1)
    [[(3, '3', 1.0)]]
    """
    return scaffold.decode(predictions, class_names, top)
