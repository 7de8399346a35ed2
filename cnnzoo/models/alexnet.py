"""AlexNet as published in 2012, with its two columns or one, and CaffeNet.

Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
NIPS 2012. CaffeNet: Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", 2014,
https://arxiv.org/abs/1408.5093.
"""

from typing import Any

from keras.initializers import Constant, RandomNormal
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D

from cnnzoo.checks import choice, integer, number
from cnnzoo.layers import ColumnConv2D, LocalResponseNormalization
from cnnzoo.models import scaffold
from cnnzoo.optimizers import Adam, ClassicSGD

TASK = "classify"

MEAN = (123.675, 116.28, 103.53)  # ImageNet's training pixels: red, green, blue, from 0 to 255
RESCALED = 256 / 227  # the paper makes the shorter side 256 pixels and crops its input from that


def alexnet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="alexnet",
    *,
    groups=2,
    lrn="paper",
    initial_bias=1.0,
    dropout=0.5,
    compile=True,
):
    """Build AlexNet as the paper of 2012 has it: 60,965,224 parameters at 227×227.

    Two columns that are connected in conv3 and in the dense layers, local response normalization and
    then overlapping pooling after conv1 and conv2. Where it deviates from the paper:

    - The input has 227 pixels a side, not 224, where 11×11 windows with stride 4 do not fit exactly:
      1 + (224 − 11)/4 = 54.25, and the paper draws 55.
    - It computes both columns on one device, one after the other, and normalizes across the maps of
      both, where each card of the paper had only its own.
    - The paper does not say which maps a column has; here it is the first and the second half.
    - `preprocess_input` subtracts one mean per color, where the paper subtracts the mean image.
    - It is compiled with Adam, under which it learns from few images, too; `compile="paper"` has the paper's.

    `groups=1` joins the columns: 62,378,344 parameters.

    Args:
        include_top: whether the three dense layers follow pool5.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 67×67; default `(227, 227, 3)`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of pool5, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        groups: 2 for the paper's columns, 1 for one.
        lrn: `"paper"` (k=2, n=5, α=1e-4, β=0.75), `"caffe"` (k=1, and α=2e-5 in the paper's form) for
            weights trained in Caffe, or `None` for no normalization.
        initial_bias: initial bias of conv2, conv4, conv5, fc6 and fc7. With the paper's 1 training sometimes
            does not start, and the loss stays at ln(classes); BVLC chose 0.1 because of that.
        dropout: fraction of fc6's and fc7's outputs dropped in training, in [0, 1).
        compile: whether to compile, with a loss and Adam of rate 0.0001, which learns from some hundred images on;
            `"paper"` for the paper's gradient descent, for ImageNet: rate 0.01, momentum 0.9, decay 0.0005.

    Returns:
        A functional `keras.Model`. Layers: conv1, norm1, pool1, conv2, norm2, pool2, conv3, conv4,
        conv5, pool5, fc6, drop6, fc7, drop7, fc8.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: Krizhevsky et al. 2012, sections 3 to 5.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.alexnet(include_top=False).output_shape
    (None, 6, 6, 256)
    """
    common = (include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return _two_columns(*common, groups, lrn, initial_bias, dropout, compile, caffe=False)


def caffenet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="caffenet",
    *,
    groups=2,
    lrn="caffe",
    initial_bias=1.0,
    dropout=0.5,
    compile=True,
):
    """Build CaffeNet: AlexNet with each pooling layer before its normalization, 60,965,224 parameters.

    Arguments, layers and errors are those of `cnnzoo.alexnet`; `lrn` is Caffe's by default (k=1, α=2e-5
    in the paper's form), the weights of fc6 and fc7 start with deviation 0.005, and biases learn twice as
    fast and do not decay. Where it deviates from BVLC's file: its weights are for blue, green, red, these for red,
    green, blue; it subtracts the mean image, `preprocess_input` the mean color; its versions differ in their
    initial biases, here they are the paper's. Its weights and AlexNet's have the same shapes: a file of
    either loads into the other.

    Source: BVLC's reference CaffeNet, published with Jia et al. 2014.

    Example:
    >>> import cnnzoo
    >>> [layer.name for layer in cnnzoo.caffenet(include_top=False).layers[1:4]]
    ['conv1', 'pool1', 'norm1']
    """
    common = (include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return _two_columns(*common, groups, lrn, initial_bias, dropout, compile, caffe=True)


def _two_columns(
    include_top,
    weights,
    input_tensor,
    input_shape,
    pooling,
    classes,
    classifier_activation,
    name,
    groups,
    lrn,
    initial_bias,
    dropout,
    compile,
    caffe,
):
    classes = scaffold.check_top(include_top, pooling, classes)
    groups = integer("groups", groups, most=2, of="the columns of the paper")
    number("initial_bias", initial_bias)
    x = inputs = scaffold.image_input(input_tensor, input_shape, (227, 227, 3), open_sides=not include_top)

    def initial(bias, deviation=0.01):  # one initializer always draws the same numbers: every layer has its own
        return {"kernel_initializer": RandomNormal(stddev=deviation), "bias_initializer": Constant(bias)}

    def convolved(x, number, maps, window, groups, bias):
        options = {"padding": "same", "activation": "relu", "name": f"conv{number}", **initial(bias)}
        return ColumnConv2D(maps, window, groups=groups, **options)(x)

    def pooled(x, number):
        return scaffold.slide(MaxPooling2D(3, 2, name=f"pool{number}"), x)

    def normed_and_pooled(x, number):
        if caffe:
            return _normalized(pooled(x, number), lrn, number)
        return pooled(_normalized(x, lrn, number), number)

    x = scaffold.slide(Conv2D(96, 11, 4, activation="relu", **initial(0), name="conv1"), x)
    x = normed_and_pooled(x, 1)
    x = convolved(x, 2, 256, 5, groups, initial_bias)
    x = normed_and_pooled(x, 2)
    x = convolved(x, 3, 384, 3, 1, 0)
    x = convolved(x, 4, 384, 3, groups, initial_bias)
    x = convolved(x, 5, 256, 3, groups, initial_bias)
    x = pooled(x, 5)
    if include_top:
        deviation = 0.005 if caffe else 0.01
        x = Flatten(name="flatten")(x)
        x = Dense(4096, activation="relu", **initial(initial_bias, deviation), name="fc6")(x)
        x = Dropout(dropout, name="drop6")(x)
        x = Dense(4096, activation="relu", **initial(initial_bias, deviation), name="fc7")(x)
        x = Dropout(dropout, name="drop7")(x)
        x = Dense(classes, classifier_activation, **initial(0), dtype="float32", name="fc8")(x)
    else:
        x = scaffold.pooled_features(x, pooling)

    rule = {"weight_decay": {"*kernel": 5e-4}, "lr_multipliers": {"*bias": 2.0}} if caffe else {"weight_decay": 5e-4}
    optimizer = scaffold.chosen_optimizer(compile, Adam(1e-4), paper=ClassicSGD(0.01, momentum=0.9, **rule))
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    return scaffold.assemble(
        inputs, x, name=name, preprocess_input=preprocess_input, weights=weights, loss=loss, optimizer=optimizer
    )


def _normalized(x, lrn, number):
    forms: dict[str, dict[str, Any]] = {
        "paper": {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0},
        "caffe": {"size": 5, "alpha": LocalResponseNormalization.paper_alpha(1e-4, 5), "beta": 0.75, "k": 1.0},
    }
    if lrn is None:
        return x
    form = forms[choice("lrn", lrn, forms, "forms of lrn besides None")]
    return LocalResponseNormalization(**form, name=f"norm{number}")(x)


@scaffold.preprocessing()
def preprocess_input(images, input_shape=None):
    """Turn pixels 0 to 255 into AlexNet's input: shorter side rescaled, the center cropped, the mean subtracted.

    With `input_shape` (227, 227, 3) the shorter side becomes 256 (bilinear, antialiased). Images that have the model's
    size already, such as random crops in training, only have the mean subtracted. It deviates from the paper in
    subtracting the mean of each color, where the paper subtracts the mean image.

    Args:
        images: tensor `(batch, height, width, channels)` or, of one image, `(height, width, channels)`, integer or
            float, 0 to 255, red, green, blue.
        input_shape: the model's `(height, width, channels)`, to which images of other sizes are brought; `None` to keep
            their size.

    Returns:
        Float32 tensor `(batch, *input_shape)`, or `input_shape`.

    Raises:
        InputError: another number of channels than the model's.

    Source: Krizhevsky et al. 2012, section 2; the mean is ImageNet's as torchvision publishes it.

    Example:
    >>> import numpy as np
    >>> preprocess_input(np.zeros((1, 300, 400, 3), "uint8"), input_shape=(227, 227, 3)).shape
    TensorShape([1, 227, 227, 3])
    """
    images = scaffold.centered(images, input_shape, rescaled=RESCALED)
    return images - scaffold.per_channel(MEAN, input_shape[-1])


def decode_predictions(predictions, top=5):
    """Return the most probable ImageNet classes: `(WordNet id, name, probability)`, largest first.

    Keras downloads the names once.

    Args:
        predictions: array `(batch, 1000)` of probabilities.
        top: how many classes to return.

    Raises:
        InputError: another shape, or the names cannot be downloaded.

    Source: `keras.applications.imagenet_utils.decode_predictions`.
    """
    return scaffold.decode_imagenet(predictions, top)
