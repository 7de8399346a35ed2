"""ZFNet: AlexNet with finer windows in its first two layers, found by looking at what its maps respond to.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, https://arxiv.org/abs/1311.2901.
"""

from keras.initializers import RandomNormal
from keras.layers import Conv2D, Dense, Dropout, Flatten, ZeroPadding2D

from cnnzoo.checks import choice
from cnnzoo.layers import LocalResponseNormalization, MaxRMS
from cnnzoo.models import scaffold
from cnnzoo.models.alexnet import MEAN
from cnnzoo.models.alexnet import decode_predictions as decode_predictions  # ImageNet's classes
from cnnzoo.models.pooling import pool_rounding_up
from cnnzoo.optimizers import Adam, ClassicSGD

TASK = "classify"

RESCALED = 256 / 224  # the paper makes the shorter side 256 pixels and crops its input from that


def zfnet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="zfnet",
    *,
    lrn="across",
    max_rms=0.1,
    dropout=0.5,
    compile=True,
):
    """Build ZFNet, the single net of the paper's table 2: 62,357,608 parameters at 224×224.

    7×7 windows with stride 2, where AlexNet has 11×11 with stride 4, and no columns. No convolution's filter has a root
    mean square above 0.1: `cnnzoo.layers.MaxRMS` scales it back after each step, without which some filters of the
    first layer come to dominate, whose inputs range from −128 to 128. Where it deviates from the paper, or the paper
    does not say:

    - conv1 pads by 1: without, 1 + (224 − 7)/2 = 109.5, and the paper draws 110. The first two pooling layers round up,
      to its 55 and 13.
    - The paper's maps are "contrast normalized across feature maps", without a formula. Here it is AlexNet's
      normalization across maps with AlexNet's values, after pool1 and pool2, where the paper's figure 3 has it.
    - Its weights "are initialized to 10⁻²"; here they are drawn with that standard deviation, as equal ones would stay
      equal. Biases are 0.
    - `preprocess_input` subtracts one mean per color, where the paper subtracts the mean image.
    - It is compiled with Adam, under which it learns from few images, too; `compile="paper"` has the paper's.

    Args:
        include_top: whether the three dense layers follow pool5.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 47×47; default `(224, 224, 3)`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of pool5, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        lrn: `"across"` for AlexNet's normalization (k=2, n=5, α=1e-4, β=0.75) after pool1 and pool2, or `None`.
        max_rms: the largest root mean square of a convolution's filter, > 0, or `None` for no bound.
        dropout: fraction of fc6's and fc7's outputs dropped in training, in [0, 1).
        compile: whether to compile, with a loss and Adam of rate 0.0001, which learns from some hundred images on;
            `"paper"` for the paper's gradient descent, for ImageNet: rate 0.01, momentum 0.9, and no decay, of which
            the paper does not speak.

    Returns:
        A functional `keras.Model`. Layers: pad1, conv1, pool1, norm1, conv2, pool2, norm2, conv3, conv4, conv5, pool5,
        fc6, drop6, fc7, drop7, fc8.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: Zeiler and Fergus 2013, section 3 and figure 3.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.zfnet(include_top=False).output_shape
    (None, 6, 6, 256)
    """
    common = (include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return _zfnet((384, 384, 256), *common, lrn, max_rms, dropout, compile)


def zfnet_b(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="zfnet_b",
    *,
    lrn="across",
    max_rms=0.1,
    dropout=0.5,
    compile=True,
):
    """Build the paper's model (b), ZFNet with 512, 1024 and 512 maps in conv3 to conv5: 107,627,624 parameters.

    Arguments, layers, deviations and errors are those of `cnnzoo.zfnet`.

    Source: Zeiler and Fergus 2013, table 2.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.zfnet_b(include_top=False).output_shape
    (None, 6, 6, 512)
    """
    common = (include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return _zfnet((512, 1024, 512), *common, lrn, max_rms, dropout, compile)


def _zfnet(
    maps,
    include_top,
    weights,
    input_tensor,
    input_shape,
    pooling,
    classes,
    classifier_activation,
    name,
    lrn,
    max_rms,
    dropout,
    compile,
):
    classes = scaffold.check_top(include_top, pooling, classes)
    if lrn is not None:
        choice("lrn", lrn, ["across"], "forms of lrn besides None")
    bound = None if max_rms is None else MaxRMS(max_rms)

    def convolved(x, number, maps, window, stride=1, padding="same"):
        start = {"kernel_initializer": RandomNormal(stddev=0.01), "kernel_constraint": bound}
        layer = Conv2D(maps, window, stride, padding, activation="relu", **start, name=f"conv{number}")
        return layer(x) if padding == "same" else scaffold.slide(layer, x)

    def normalized(x, number):
        return x if lrn is None else LocalResponseNormalization(name=f"norm{number}")(x)

    def dense(x, units, activation, name, **options):
        return Dense(units, activation, kernel_initializer=RandomNormal(stddev=0.01), name=name, **options)(x)

    x = inputs = scaffold.image_input(input_tensor, input_shape, (224, 224, 3), open_sides=not include_top)
    x = ZeroPadding2D(1, name="pad1")(x)
    x = convolved(x, 1, 96, 7, 2, padding="valid")
    x = normalized(pool_rounding_up(x, "pool1"), 1)
    x = convolved(x, 2, 256, 5, 2, padding="valid")
    x = normalized(pool_rounding_up(x, "pool2"), 2)
    x = convolved(x, 3, maps[0], 3)
    x = convolved(x, 4, maps[1], 3)
    x = convolved(x, 5, maps[2], 3)
    x = pool_rounding_up(x, "pool5")
    if include_top:
        x = Flatten(name="flatten")(x)
        x = dense(x, 4096, "relu", "fc6")
        x = Dropout(dropout, name="drop6")(x)
        x = dense(x, 4096, "relu", "fc7")
        x = Dropout(dropout, name="drop7")(x)
        x = dense(x, classes, classifier_activation, "fc8", dtype="float32")
    else:
        x = scaffold.pooled_features(x, pooling)

    optimizer = scaffold.chosen_optimizer(compile, Adam(1e-4), paper=ClassicSGD(0.01, momentum=0.9))
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    return scaffold.assemble(
        inputs, x, name=name, preprocess_input=preprocess_input, weights=weights, loss=loss, optimizer=optimizer
    )


@scaffold.preprocessing()
def preprocess_input(images, input_shape=None):
    """Turn pixels 0 to 255 into ZFNet's input: shorter side rescaled, the center cropped, the mean subtracted.

    With `input_shape` (224, 224, 3) the shorter side becomes 256 (bilinear, antialiased). Images that have the model's
    size already, such as random crops in training, only have the mean subtracted. It deviates from the paper in
    subtracting the mean of each color, where the paper subtracts the mean image.

    Args:
        images: tensor `(batch, height, width, channels)` or, of one image, `(height, width, channels)`, integer or
            float, 0 to 255, red, green, blue.
        input_shape: the model's `(height, width, channels)`, to which images of other sizes are brought; `None` to keep
            their size.

    Returns:
        Float32 tensor `(batch, *input_shape)`, or `input_shape`: about −124 to 151.

    Raises:
        InputError: another number of channels than the model's.

    Source: Zeiler and Fergus 2013, section 3; the mean is ImageNet's as torchvision publishes it.

    Example:
    >>> import numpy as np
    >>> preprocess_input(np.zeros((1, 300, 400, 3), "uint8"), input_shape=(224, 224, 3)).shape
    TensorShape([1, 224, 224, 3])
    """
    images = scaffold.centered(images, input_shape, rescaled=RESCALED)
    return images - scaffold.per_channel(MEAN, input_shape[-1])
