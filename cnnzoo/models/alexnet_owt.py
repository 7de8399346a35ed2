"""AlexNet in the form of "One weird trick", which torchvision ships.

Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014,
https://arxiv.org/abs/1404.5997.
"""

from keras.initializers import RandomUniform, VarianceScaling
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, ZeroPadding2D

from cnnzoo.models import scaffold
from cnnzoo.models.alexnet import MEAN
from cnnzoo.models.alexnet import decode_predictions as decode_predictions  # ImageNet's classes
from cnnzoo.optimizers import Adam, ClassicSGD
from cnnzoo.weights import Pretrained

TASK = "classify"

DEVIATION = (58.395, 57.12, 57.375)  # of ImageNet's training pixels: red, green, blue, from 0 to 255
RESCALED = 256 / 224

# torchvision's file, whose name contains the beginning of its SHA-256, and its names of our layers.
PRETRAINED = Pretrained(
    name="imagenet",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256_prefix="7be5be79",
    classes=1000,
    input_shape=(224, 224, 3),
    layers={
        "conv1": "features.0",
        "conv2": "features.3",
        "conv3": "features.6",
        "conv4": "features.8",
        "conv5": "features.10",
        "fc6": "classifier.1",
        "fc7": "classifier.4",
        "fc8": "classifier.6",
    },
)


def alexnet_owt(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="alexnet_owt",
    *,
    dropout=0.5,
    compile=True,
):
    """Build the one-column AlexNet that torchvision ships: 61,100,840 parameters at 224×224.

    64-192-384-256-256 maps and no normalization. 224 pixels with 2 of padding make
    1 + (224 − 11 + 4)/4 = 55.25, rounded down to 55. torchvision's form, and so this one, deviates from the
    paper in its ReLU before each pooling layer, its 256 maps in conv4, its lack of normalization, and its
    softmax, where the paper has logistic outputs. Where it deviates from torchvision:

    - Other input sizes get another fc6, as in keras.applications; torchvision pools them to 6×6.

    Args:
        include_top: whether the three dense layers follow pool5.
        weights: `"imagenet"` for torchvision's published weights, a path of a `.pth` file of torchvision's
            layout, of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 63×63; default `(224, 224, 3)`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of pool5, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        dropout: fraction dropped before fc6 and fc7 in training, in [0, 1).
        compile: whether to compile, with a loss and Adam of rate 0.0001, which learns from some hundred images on;
            `"paper"` for torchvision's own training on ImageNet: rate 0.01, momentum 0.9, decay 0.0001.

    Returns:
        A functional `keras.Model`. Layers: pad1, conv1, pool1, conv2, pool2, conv3, conv4, conv5, pool5,
        drop6, fc6, drop7, fc7, fc8.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: Krizhevsky 2014; torchvision.models.alexnet.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.alexnet_owt(include_top=False).count_params()
    2469696
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    x = inputs = scaffold.image_input(input_tensor, input_shape, (224, 224, 3), open_sides=not include_top)

    def initial(fan_in):  # PyTorch's default: everything uniform within ±1/√fan-in
        bound = fan_in**-0.5
        return {
            "kernel_initializer": VarianceScaling(1 / 3, "fan_in", "uniform"),
            "bias_initializer": RandomUniform(-bound, bound),
        }

    x = ZeroPadding2D(2, name="pad1")(x)
    x = scaffold.slide(Conv2D(64, 11, 4, activation="relu", **initial(11 * 11 * x.shape[-1]), name="conv1"), x)
    x = scaffold.slide(MaxPooling2D(3, 2, name="pool1"), x)
    x = Conv2D(192, 5, padding="same", activation="relu", **initial(5 * 5 * 64), name="conv2")(x)
    x = scaffold.slide(MaxPooling2D(3, 2, name="pool2"), x)
    x = Conv2D(384, 3, padding="same", activation="relu", **initial(3 * 3 * 192), name="conv3")(x)
    x = Conv2D(256, 3, padding="same", activation="relu", **initial(3 * 3 * 384), name="conv4")(x)
    x = Conv2D(256, 3, padding="same", activation="relu", **initial(3 * 3 * 256), name="conv5")(x)
    x = scaffold.slide(MaxPooling2D(3, 2, name="pool5"), x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = Dropout(dropout, name="drop6")(x)
        x = Dense(4096, activation="relu", **initial(x.shape[-1]), name="fc6")(x)
        x = Dropout(dropout, name="drop7")(x)
        x = Dense(4096, activation="relu", **initial(4096), name="fc7")(x)
        x = Dense(classes, classifier_activation, **initial(4096), dtype="float32", name="fc8")(x)
    else:
        x = scaffold.pooled_features(x, pooling)

    paper = ClassicSGD(0.01, momentum=0.9, weight_decay=1e-4)
    optimizer = scaffold.chosen_optimizer(compile, Adam(1e-4), paper)
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    return scaffold.assemble(
        inputs,
        x,
        name=name,
        preprocess_input=preprocess_input,
        weights=weights,
        loss=loss,
        optimizer=optimizer,
        pretrained=PRETRAINED,
    )


@scaffold.preprocessing()
def preprocess_input(images, input_shape=None):
    """Turn pixels 0 to 255 into the input that torchvision's weights expect.

    With `input_shape` (224, 224, 3) the shorter side becomes 256 (bilinear, antialiased) and the center is cropped.
    Every color is standardized with ImageNet's mean and standard deviation.

    Args:
        images: tensor `(batch, height, width, channels)` or, of one image, `(height, width, channels)`, integer or
            float, 0 to 255, red, green, blue.
        input_shape: the model's `(height, width, channels)`, to which images of other sizes are brought; `None` to keep
            their size.

    Returns:
        Float32 tensor `(batch, *input_shape)`, or `input_shape`.

    Raises:
        InputError: another number of channels than the model's.

    Source: torchvision's transforms for its weights.

    Example:
    >>> import numpy as np
    >>> black = preprocess_input(np.zeros((1, 224, 224, 3), "uint8"))
    >>> [round(float(color), 3) for color in black[0, 0, 0]]
    [-2.118, -2.036, -1.804]
    """
    images = scaffold.centered(images, input_shape, rescaled=RESCALED)
    channels = input_shape[-1]
    return (images - scaffold.per_channel(MEAN, channels)) / scaffold.per_channel(DEVIATION, channels)
