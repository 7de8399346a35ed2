"""cuda-convnet's net for CIFAR-10, a small sibling of AlexNet.

Krizhevsky, cuda-convnet, 2011: the net that its wiki calls "18 % error on CIFAR-10", better known as Caffe's
`cifar10_full`. Caffe's `cifar10_quick` is a different one, with a hidden dense layer.
"""

from keras.initializers import RandomNormal
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D

from cnnzoo.checks import choice
from cnnzoo.layers import AveragePooling2D, LocalResponseNormalization
from cnnzoo.models import scaffold
from cnnzoo.optimizers import ClassicSGD

TASK = "classify"

MEAN = (125.3, 123.0, 113.9)  # CIFAR-10's training pixels: red, green, blue, from 0 to 255
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def cuda_convnet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name="cuda_convnet",
    *,
    lrn="within",
    compile=True,
):
    """Build cuda-convnet's net for CIFAR-10: 89,578 parameters at 32×32.

    Three 5×5 convolutions, overlapping pooling, normalization within maps, one dense layer. Where it
    deviates from cuda-convnet:

    - ReLU is before the first pooling layer, not after it; with a maximum that is the same.
    - It subtracts one mean per color, where cuda-convnet subtracts the mean image (`preprocess_input`).

    Args:
        include_top: whether the dense layer follows pool3.
        weights: `"cifar10"`, path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`; default `(32, 32, 3)`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of pool3, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        lrn: `"within"` for 3×3 normalization within maps (α=5e-5 over 9 pixels, β=0.75, k=1) after pool1
            and pool2, or `None` for the form without.
        compile: whether to compile, with a loss and the paper's optimizer (`"paper"` for the same): rate 0.001 and
            0.002 for biases, momentum 0.9, decay 0.004 in the convolutions and 1.0 in the dense layer.

    Returns:
        A functional `keras.Model`. Layers: conv1, pool1, norm1, conv2, pool2, norm2, conv3, pool3, fc10.

    Raises:
        InputError: an argument has a value that is not allowed.

    Source: cuda-convnet's layer files for 18 % error; Caffe's cifar10_full.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.cuda_convnet().count_params(), cnnzoo.cuda_convnet(lrn=None).count_params()
    (89578, 89578)
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    if lrn is not None:
        choice("lrn", lrn, ["within"], "forms of lrn besides None")

    def normalized(x, number):
        if lrn is None:
            return x
        alpha = LocalResponseNormalization.paper_alpha(5e-5, size=3, region="within")
        return LocalResponseNormalization(3, alpha, 0.75, k=1.0, region="within", name=f"norm{number}")(x)

    def convolved(x, number, maps, deviation):
        start = RandomNormal(stddev=deviation)
        return Conv2D(maps, 5, padding="same", activation="relu", kernel_initializer=start, name=f"conv{number}")(x)

    # Windows of 3 with stride 2 over 32, 16 and 8 pixels: "same" rounds up, as cuda-convnet does.
    x = inputs = scaffold.image_input(input_tensor, input_shape, (32, 32, 3), open_sides=not include_top)
    x = convolved(x, 1, 32, 1e-4)
    x = MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = normalized(x, 1)
    x = convolved(x, 2, 32, 0.01)
    x = AveragePooling2D(3, 2, padding="same", name="pool2")(x)
    x = normalized(x, 2)
    x = convolved(x, 3, 64, 0.01)
    x = AveragePooling2D(3, 2, padding="same", name="pool3")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        start = RandomNormal(stddev=0.01)
        x = Dense(classes, classifier_activation, kernel_initializer=start, dtype="float32", name="fc10")(x)
    else:
        x = scaffold.pooled_features(x, pooling)

    decay = {"*fc10/kernel": 1.0, "*/kernel": 0.004}
    paper = ClassicSGD(0.001, momentum=0.9, weight_decay=decay, lr_multipliers={"*/bias": 2.0})
    optimizer = scaffold.chosen_optimizer(compile, paper, paper)
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    return scaffold.assemble(
        inputs,
        x,
        name=name,
        preprocess_input=preprocess_input,
        weights=weights,
        loss=loss,
        optimizer=optimizer,
        shipped="cuda_convnet",
    )


@scaffold.preprocessing()
def preprocess_input(images, input_shape=None):
    """Subtract CIFAR-10's mean color from pixels 0 to 255, resizing images (bilinear) of another size.

    Args:
        images: tensor `(batch, height, width, channels)` or, of one image, `(height, width, channels)`, integer or
            float, 0 to 255, red, green, blue.
        input_shape: the model's `(height, width, channels)`, to which images of other sizes are brought; `None` to keep
            their size.

    Returns:
        Float32 tensor `(batch, *input_shape)`, or `input_shape`: about −126 to 142: cuda-convnet does not scale.

    Raises:
        InputError: another number of channels than the model's.

    Source: the mean of CIFAR-10's 50,000 training images.

    Example:
    >>> import numpy as np
    >>> black = preprocess_input(np.zeros((1, 32, 32, 3), "uint8"))
    >>> [round(float(color), 1) for color in black[0, 0, 0]]
    [-125.3, -123.0, -113.9]
    """
    height, width, channels = input_shape
    return scaffold.resized(images, (height, width), channels) - scaffold.per_channel(MEAN, channels)


def decode_predictions(predictions, top=5):
    """Return the most probable classes of CIFAR-10: `(label, name, probability)`, largest first.

    Args:
        predictions: array `(batch, 10)` of probabilities.
        top: how many classes to return, at most 10.

    Raises:
        InputError: another shape.

    Example:
    >>> import numpy as np
    >>> decode_predictions(np.eye(10)[[3]], top=1)
    [[(3, 'cat', 1.0)]]
    """
    return scaffold.decode(predictions, CLASS_NAMES, top)
