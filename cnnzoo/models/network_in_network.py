"""Network in Network: small perceptrons slid over the image, and an average per class in place of dense layers.

Lin, Chen and Yan, "Network In Network", 2013, https://arxiv.org/abs/1312.4400.
"""

from keras.initializers import Constant, RandomNormal
from keras.layers import Activation, Conv2D, Dropout, GlobalAveragePooling2D

from cnnzoo.checks import number
from cnnzoo.models import scaffold
from cnnzoo.models.all_cnn import preprocess_input as preprocess_input  # the contrast of each image, normalized
from cnnzoo.models.cuda_convnet import decode_predictions as decode_predictions  # CIFAR-10's classes
from cnnzoo.models.pooling import pool_rounding_up
from cnnzoo.optimizers import Adam, ClassicSGD

TASK = "classify"


def network_in_network(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name="network_in_network",
    *,
    initial_bias=1.0,
    dropout=0.5,
    compile=True,
):
    """Build Network in Network for CIFAR-10, as the authors' files have it: 966,986 parameters at 32×32.

    Three mlpconv layers: a convolution, then a perceptron of two layers at every position, which is two 1×1
    convolutions. The last has a map for each class, whose average is the class' logit. Both pooling layers take maxima
    and round up, as in the authors' cuda-convnet files; a port to Torch averages in the second. Where it deviates from
    those files:

    - The biases of the class maps start at 1, and `initial_bias=0` is the files' own. The maps are rectified, as there,
      and what is rectified to 0 has no gradient: with 0 some repetitions of the paper did not start to learn.
    - It is compiled with Adam, under which it learns from few images, too; `compile="paper"` has the paper's.
    - `preprocess_input` normalizes each image's contrast but does not whiten (ZCA), which needs the training set; the
      recipe `network_in_network_cifar10` does.

    Args:
        include_top: whether cccp6, one map per class, and its average follow.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 4×4; default `(32, 32, 3)`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the maps of cccp5, or `None`.
        classes: number of output units; an integer ≥ 1. CIFAR-100's net has 984,356 parameters.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model.
        initial_bias: initial bias of the class maps.
        dropout: fraction dropped after each pooling layer in training, in [0, 1).
        compile: whether to compile, with a loss and Adam of rate 0.0003, under which it learns from the start;
            `"paper"` for the paper's gradient descent: rate 0.1, of cccp6 a tenth, of biases twice as much, momentum
            0.9, decay 0.0001.

    Returns:
        A functional `keras.Model`. Layers: conv1, cccp1, cccp2, pool1, drop1, conv2, cccp3, cccp4, pool2, drop2, conv3,
        cccp5, cccp6, average, predictions. "cccp" is the paper's cascaded cross channel parametric pooling.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: Lin et al. 2013, sections 3 and 4; the authors' layer files for cuda-convnet, whose rates of 1 with a loss
        that counts a tenth, and decay of 1e-5, are the rate of 0.1 and the decay of 1e-4 here.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.network_in_network().get_layer("average").input.shape
    (None, 8, 8, 10)
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    x = inputs = scaffold.image_input(input_tensor, input_shape, (32, 32, 3), open_sides=True)
    x = mlpconv(x, 1, (192, 160, 96), 5)
    x = pool_rounding_up(x, "pool1")
    x = Dropout(dropout, name="drop1")(x)
    x = mlpconv(x, 2, (192, 192, 192), 5)
    x = pool_rounding_up(x, "pool2")
    x = Dropout(dropout, name="drop2")(x)
    x = mlpconv(x, 3, (192, 192), 3)
    if include_top:
        x = averaged_class_maps(x, classes, classifier_activation, initial_bias, name="cccp6", deviation=0.05)
    else:
        x = scaffold.pooled_features(x, pooling)

    rates = {"*cccp6/kernel": 0.1, "*cccp6/bias": 0.2, "*/bias": 2.0}
    paper = ClassicSGD(0.1, momentum=0.9, weight_decay={"*/kernel": 1e-4}, lr_multipliers=rates)
    optimizer = scaffold.chosen_optimizer(compile, Adam(3e-4), paper)
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    return scaffold.assemble(
        inputs, x, name=name, preprocess_input=preprocess_input, weights=weights, loss=loss, optimizer=optimizer
    )


def mlpconv(x, number, maps, window, stride=1, padding="same", deviation=0.05):
    """Apply a convolution and then, as 1×1 convolutions, a perceptron at every position; all with ReLU.

    Args:
        x: Keras tensor `(batch, height, width, channels)`.
        number: which of the net's mlpconv layers it is, from 1 on; gives the names: 2 for conv2, cccp3 and cccp4.
        maps: number of maps of the convolution and of each layer of the perceptron; the last may be left to
            `averaged_class_maps`.
        window: side of the convolution's window, in pixels.
        stride: its step, in pixels.
        padding: `"same"` or `"valid"`.
        deviation: standard deviation of the convolution's initial weights; the perceptron's have 0.05.
    """
    first, *perceptron = maps

    def options(name, deviation):
        return {"activation": "relu", "kernel_initializer": RandomNormal(stddev=deviation), "name": name}

    convolution = Conv2D(first, window, stride, padding, **options(f"conv{number}", deviation))
    x = convolution(x) if padding == "same" else scaffold.slide(convolution, x)
    for layer, width in enumerate(perceptron, start=2 * number - 1):
        x = Conv2D(width, 1, **options(f"cccp{layer}", 0.05))(x)
    return x


def averaged_class_maps(x, classes, classifier_activation, initial_bias, *, name, deviation):
    """Return the predictions: a rectified map for each class, averaged over all its positions."""
    number("initial_bias", initial_bias)
    start = {"kernel_initializer": RandomNormal(stddev=deviation), "bias_initializer": Constant(initial_bias)}
    x = Conv2D(classes, 1, activation="relu", **start, name=name)(x)
    x = GlobalAveragePooling2D(name="average")(x)
    return Activation(classifier_activation, dtype="float32", name="predictions")(x)
