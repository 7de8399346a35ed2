"""All-convolutional nets, and their siblings with pooling, with strides, or with both convolutions and pooling.

Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All Convolutional Net",
2014, https://arxiv.org/abs/1412.6806.

Three base models pool twice. For each the paper measures the effect of pooling by three siblings:

| sibling | in place of a pooling layer |
|---|---|
| `model_*` | 3×3 max pooling with stride 2 itself |
| `strided_cnn_*` | nothing: the convolution before it has stride 2 |
| `conv_pool_cnn_*` | a 3×3 convolution and then the pooling layer: as many layers as the next |
| `all_cnn_*` | a 3×3 convolution with stride 2 |
"""

import functools
import inspect
import itertools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import keras
from keras import ops
from keras.initializers import RandomNormal
from keras.layers import Activation, Conv2D, Dropout, GlobalAveragePooling2D, MaxPooling2D

from cnnzoo.checks import is_integer, refusal
from cnnzoo.layers import PointwiseConv2D
from cnnzoo.models import scaffold
from cnnzoo.models.cuda_convnet import decode_predictions as decode_predictions  # CIFAR-10's classes
from cnnzoo.optimizers import Adam, ClassicSGD

TASK = "classify"

# Table 1 of the paper: the windows of the convolutions before each of the two pooling layers.
BASES = {"a": (5,), "b": (5, 1), "c": (3, 3)}


def _all_cnn(  # noqa: D417 – the functions that have this docstring give sibling and base themselves
    sibling,
    base,
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=10,
    classifier_activation="softmax",
    name=None,
    *,
    maps=(96, 192),
    input_dropout=0.2,
    dropout=0.5,
    compile=True,
):
    """Build one of the twelve nets; its function has this docstring, but for the first line.

    Where it deviates from the paper: initial weights are those of He et al. 2015 (the paper does not say which); the
    last layer's are small and its biases 1, since maps of classes that are rectified to 0 at the start stay there;
    and `preprocess_input` normalizes each image's contrast but does not whiten (ZCA).

    Args:
        include_top: whether the last 1×1 convolution, one map per class, and its average follow.
        weights: path of a `.weights.h5` or `.keras` file, or `None` for fresh weights.
        input_tensor: a Keras tensor `(batch, height, width, channels)` to build upon, or `None`.
        input_shape: `(height, width, channels)`, at least 9×9; default `(32, 32, 3)`.
        pooling: with `include_top=False`, `"avg"` or `"max"` over the last maps, or `None`.
        classes: number of output units; an integer ≥ 1.
        classifier_activation: `"softmax"`, or `None` for logits; a model with another is not compiled.
        name: name of the model; by default that of the function.
        maps: number of maps before and after the first halving; fewer make a smaller net.
        input_dropout: fraction of the pixels dropped in training, in [0, 1).
        dropout: fraction dropped after each halving in training, in [0, 1).
        compile: whether to compile, with a loss and Adam of rate 0.0003, under which the nets learn from the start;
            `"paper"` for the paper's gradient descent: rate 0.01 of its four, momentum 0.9, decay 0.001.

    Returns:
        A functional `keras.Model`. Layers: conv1, conv2, … with pool1 and pool2 where there are any,
        average, predictions.

    Raises:
        InputError: an argument has a value that is not allowed, or the input is too small.

    Source: Springenberg et al. 2014, tables 1 and 2.

    Example:
    >>> import cnnzoo
    >>> cnnzoo.all_cnn_c(input_shape=(16, 16, 3)).get_layer("average").input.shape
    (None, 2, 2, 10)
    """
    classes = scaffold.check_top(include_top, pooling, classes)
    if not (isinstance(maps, tuple | list) and len(maps) == 2 and all(is_integer(n) and n > 0 for n in maps)):
        raise refusal("maps", "two positive integers, such as (96, 192)", maps)
    maps = tuple(map(int, maps))
    numbers = itertools.count(1)

    def convolved(x, maps, window, stride=1, padding="same", **options):
        options = {"activation": "relu", "kernel_initializer": "he_normal", **options}
        layer = _convolution(maps, window, stride, padding=padding, **options, name=f"conv{next(numbers)}")
        return scaffold.slide(layer, x) if padding == "valid" else layer(x)

    x = inputs = scaffold.image_input(input_tensor, input_shape, (32, 32, 3), open_sides=True)
    x = Dropout(input_dropout, name="input_dropout")(x)
    for halving, width in enumerate(maps, start=1):
        *before, last = BASES[base]
        for window in before:
            x = convolved(x, width, window)
        x = convolved(x, width, last, stride=2 if sibling == "strided_cnn" else 1)
        if sibling == "conv_pool_cnn":
            x = convolved(x, width, 3)
        if sibling in ("model", "conv_pool_cnn"):
            x = MaxPooling2D(3, 2, padding="same", name=f"pool{halving}")(x)
        if sibling == "all_cnn":
            x = convolved(x, width, 3, stride=2)
        x = Dropout(dropout, name=f"dropout{halving}")(x)
    x = convolved(x, maps[1], 3, padding="valid")
    x = convolved(x, maps[1], 1)
    if include_top:
        x = convolved(x, classes, 1, kernel_initializer=RandomNormal(stddev=0.01), bias_initializer="ones")
        x = GlobalAveragePooling2D(name="average")(x)
        x = Activation(classifier_activation, dtype="float32", name="predictions")(x)
    else:
        x = scaffold.pooled_features(x, pooling)

    name = f"{sibling}_{base}" if name is None else name
    paper = ClassicSGD(0.01, momentum=0.9, weight_decay=1e-3)
    optimizer = scaffold.chosen_optimizer(compile, Adam(3e-4), paper)
    loss = scaffold.cross_entropy(classifier_activation) if include_top and compile else None
    return scaffold.assemble(
        inputs, x, name=name, preprocess_input=preprocess_input, weights=weights, loss=loss, optimizer=optimizer
    )


def _convolution(maps: int, window: int, stride: int, **options: Any) -> Conv2D:
    if window == 1 and stride > 1:  # in strided_cnn_b; Keras' own layer is not safe on TensorFlow
        return PointwiseConv2D(maps, stride, **options)
    return Conv2D(maps, window, stride, **options)


Arguments = ParamSpec("Arguments")


def _net(
    common: Callable[Concatenate[str, str, Arguments], keras.Model],
) -> Callable[[Callable[..., keras.Model]], Callable[Arguments, keras.Model]]:
    """Give the function of a net the common arguments, and the common docstring after its own first line."""

    def described(function: Callable[..., keras.Model]) -> Callable[Arguments, keras.Model]:
        vars(function)["__signature__"] = inspect.signature(functools.partial(common, "", ""))
        _, _, shared = str(common.__doc__).partition("\n")
        function.__doc__ = f"{function.__doc__}\n{shared}"
        return function

    return described


@_net(_all_cnn)
def model_a(*args, **options):
    """Build Model-A: max pooling as in the paper's base model; 839,242 parameters."""
    return _all_cnn("model", "a", *args, **options)


@_net(_all_cnn)
def model_b(*args, **options):
    """Build Model-B: max pooling as in the paper's base model; 885,610 parameters."""
    return _all_cnn("model", "b", *args, **options)


@_net(_all_cnn)
def model_c(*args, **options):
    """Build Model-C: max pooling as in the paper's base model; 954,730 parameters."""
    return _all_cnn("model", "c", *args, **options)


@_net(_all_cnn)
def strided_cnn_a(*args, **options):
    """Build Strided-CNN-A: stride 2 in the convolution before each pooling, and no pooling; 839,242 parameters."""
    return _all_cnn("strided_cnn", "a", *args, **options)


@_net(_all_cnn)
def strided_cnn_b(*args, **options):
    """Build Strided-CNN-B: stride 2 in the convolution before each pooling, and no pooling; 885,610 parameters."""
    return _all_cnn("strided_cnn", "b", *args, **options)


@_net(_all_cnn)
def strided_cnn_c(*args, **options):
    """Build Strided-CNN-C: stride 2 in the convolution before each pooling, and no pooling; 954,730 parameters."""
    return _all_cnn("strided_cnn", "c", *args, **options)


@_net(_all_cnn)
def conv_pool_cnn_a(*args, **options):
    """Build ConvPool-CNN-A: one more 3×3 convolution before each pooling layer; 1,254,250 parameters."""
    return _all_cnn("conv_pool_cnn", "a", *args, **options)


@_net(_all_cnn)
def conv_pool_cnn_b(*args, **options):
    """Build ConvPool-CNN-B: one more 3×3 convolution before each pooling layer; 1,300,618 parameters."""
    return _all_cnn("conv_pool_cnn", "b", *args, **options)


@_net(_all_cnn)
def conv_pool_cnn_c(*args, **options):
    """Build ConvPool-CNN-C: one more 3×3 convolution before each pooling layer; 1,369,738 parameters."""
    return _all_cnn("conv_pool_cnn", "c", *args, **options)


@_net(_all_cnn)
def all_cnn_a(*args, **options):
    """Build All-CNN-A: a 3×3 convolution with stride 2 for each pooling layer; 1,254,250 parameters."""
    return _all_cnn("all_cnn", "a", *args, **options)


@_net(_all_cnn)
def all_cnn_b(*args, **options):
    """Build All-CNN-B: a 3×3 convolution with stride 2 for each pooling layer; 1,300,618 parameters."""
    return _all_cnn("all_cnn", "b", *args, **options)


@_net(_all_cnn)
def all_cnn_c(*args, **options):
    """Build All-CNN-C: a 3×3 convolution with stride 2 for each pooling layer; 1,369,738 parameters."""
    return _all_cnn("all_cnn", "c", *args, **options)


@scaffold.preprocessing()
def preprocess_input(images, input_shape=None):
    """Normalize the contrast of each image: mean 0 and deviation 1 over all its pixels and colors.

    It deviates from the paper in that no whitening (ZCA) follows, which needs the training set.

    Args:
        images: tensor `(batch, height, width, channels)` or, of one image, `(height, width, channels)`, integer or
            float, 0 to 255.
        input_shape: the model's `(height, width, channels)`, to which images of other sizes are brought; `None` to keep
            their size.

    Returns:
        Float32 tensor `(batch, *input_shape)`, or `input_shape`.

    Raises:
        InputError: another number of channels than the model's.

    Source: Springenberg et al. 2014, section 3.1; Goodfellow et al., "Maxout Networks", 2013.

    Example:
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), "uint8")
    >>> normalized = np.asarray(preprocess_input(images))
    >>> abs(round(float(normalized.mean()), 4)), round(float(normalized.std()), 4)
    (0.0, 1.0)
    """
    height, width, channels = input_shape
    images = scaffold.resized(images, (height, width), channels)
    centered = images - ops.mean(images, axis=(1, 2, 3), keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(centered), axis=(1, 2, 3), keepdims=True))
    return centered / ops.maximum(deviation, 1.0)  # an image of one color stays 0
