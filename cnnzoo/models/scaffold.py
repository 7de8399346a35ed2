"""The parts that all models have in common: input, checks, weights, compilation, preprocessing, decoding."""

import functools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnzoo import weights as weight_files
from cnnzoo.checks import choice, flag, integer, is_integer, refusal
from cnnzoo.errors import InputError, reason
from cnnzoo.keras_internals import call_of
from cnnzoo.models.input_checks import check_inputs, check_pixels
from cnnzoo.weights import Pretrained

KINDS = {"images": "(height, width, channels)", "signals": "(steps, channels)", "vectors": "(columns,)"}
RANKS = {"images": 3, "signals": 2, "vectors": 1}
COUNTED = {1: "one positive integer", 2: "two positive integers", 3: "three positive integers"}


def image_input(
    input_tensor: Any,
    input_shape: tuple[int | None, ...] | None,
    default: tuple[int, int, int],
    *,
    open_sides: bool = False,
    kinds: Collection[str] = ("images",),
):
    """Return the input tensor of a model's layers.

    Args:
        input_tensor: a Keras tensor to build upon, or `None`.
        input_shape: `(height, width, channels)` of the images, or `None` for the default.
        default: the paper's own input shape.
        open_sides: whether height and width may be `None`, for images of any size; with dense layers they
            may not.
        kinds: what the model takes: `"images"`, and perhaps `"signals"`, of `(steps, channels)`, and `"vectors"`, of
            `(columns,)`.

    Raises:
        InputError: the shape is none of these, in positive integers, or both arguments are given and differ.
    """
    if input_shape is not None and not _is_shape(input_shape, kinds, open_sides):
        allowed = " or ".join(f"{COUNTED[RANKS[kind]]} {KINDS[kind]}" for kind in kinds)
        if _is_shape(input_shape, kinds, open_sides=True):
            allowed += "; with a dense head, height and width cannot be None"
        raise refusal("input_shape", allowed, input_shape)
    if keras.config.image_data_format() != "channels_last":
        raise InputError("cnnzoo's models need images with channels last, not 'channels_first'")
    if input_tensor is None:
        sides = tuple(side if side is None else int(side) for side in input_shape or default)
        return keras.Input(sides, name=next(kind for kind in kinds if RANKS[kind] == len(sides)))
    if not keras.utils.is_keras_tensor(input_tensor):
        raise InputError(f"`input_tensor` must be a Keras tensor. Received: a {type(input_tensor).__name__}")
    shape = tuple(input_tensor.shape[1:])
    if not _is_shape(shape, kinds, open_sides):
        allowed = " or ".join(f"{kind} (batch, {KINDS[kind][1:].replace(',)', ')')}" for kind in kinds)
        raise refusal("input_tensor", f"a tensor of {allowed}", input_tensor.shape)
    if input_shape is not None and shape != tuple(input_shape):
        raise InputError(f"the shape of `input_tensor`, {shape}, differs from `input_shape`, {input_shape}")
    return input_tensor


def _is_shape(shape: Any, kinds: Collection[str], open_sides: bool = False) -> bool:
    if not isinstance(shape, tuple | list) or len(shape) not in {RANKS[kind] for kind in kinds}:
        return False
    *image, channels = shape
    return all(is_integer(n) and n > 0 for n in (channels, *(n for n in image if not (open_sides and n is None))))


def slide(layer: keras.layers.Layer, images):
    """Apply a layer that slides a window, or raise an error with the formula if the images are too small.

    Args:
        layer: a convolution or pooling layer without padding.
        images: Keras tensor `(batch, height, width, channels)`.

    Raises:
        InputError: 1 + (W − F)/S, rounded down, is below 1 for the height or the width.
    """
    window = _side(layer.kernel_size if hasattr(layer, "kernel_size") else layer.pool_size)
    stride = _side(layer.strides)
    for size in images.shape[1:3]:
        if size is not None and size < window:
            raise InputError(
                f"the input is too small: layer {layer.name!r} receives {images.shape[1]}×{images.shape[2]} pixels and "
                f"slides a {window}×{window} window by {stride}, which leaves "
                f"1 + (W − F)/S = 1 + ({size} − {window})/{stride} < 1 outputs"
            )
    return layer(images)


def _side(size: int | tuple[int, int]) -> int:
    return size if isinstance(size, int) else size[0]


def pooled_features(images, pooling: str | None):
    """Return feature maps as they are, or their global average or maximum, as in keras.applications.

    Raises:
        InputError: `pooling` is none of `None`, `"avg"` and `"max"`.
    """
    layers = {"avg": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}
    if pooling is None:
        return images
    return layers[choice("pooling", pooling, layers, "kinds of pooling besides None")](name=f"{pooling}_pool")(images)


def check_top(include_top: bool, pooling: str | None, classes: int, *, has_maps: bool = True) -> int:
    """Check the arguments of a classifier's head, and return the number of its classes.

    Args:
        include_top: whether there is a head.
        pooling: pooling of the feature maps without one.
        classes: number of output units.
        has_maps: whether the model has feature maps.

    Raises:
        InputError: `include_top` is not a boolean, `classes` is not a positive integer, or `pooling` is
            given together with the head, or for a model without maps.
    """
    flag("include_top", include_top)
    classes = integer("classes", classes)
    if pooling is not None and not has_maps:
        raise refusal("pooling", "None for a model without feature maps", pooling)
    if pooling is not None and include_top:
        raise refusal("pooling", "None with include_top=True, as it is for models without a head", pooling)
    return classes


def check_widths(name: str, widths: Any, *, example: str = "(256, 64)", empty: bool = True) -> tuple[int, ...]:
    """Return widths of layers, a tuple of positive integers.

    Args:
        name: the argument's name.
        widths: its value.
        example: an allowed value, for the message.
        empty: whether there may be none.

    Raises:
        InputError: they are not.
    """
    positive = isinstance(widths, tuple | list) and all(is_integer(width) and width > 0 for width in widths)
    if not positive or not (widths or empty):
        least = "" if empty else "one or more "
        raise refusal(name, f"{least}positive integers in a tuple, such as {example}", widths)
    return tuple(map(int, widths))


def assemble(
    inputs,
    outputs,
    *,
    name: str,
    preprocess_input: Callable[..., Any],
    weights: str | Path | None,
    loss: keras.losses.Loss | None,
    metric: keras.metrics.Metric | None = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    pretrained: Pretrained | None = None,
    shipped: str | None = None,
    kind: type[keras.Model] = keras.Model,
) -> keras.Model:
    """Build the model, load its weights, and compile it.

    Args:
        inputs: the tensor that `image_input` returned.
        outputs: the output tensor.
        name: name of the model.
        preprocess_input: the family's preprocessing, for warnings of images that it did not make.
        weights: a weights file, the name of published weights, or `None` for fresh ones.
        loss: the loss to compile with, or `None` to leave the model uncompiled.
        metric: the metric to compile with; by default the accuracy.
        optimizer: the optimizer to compile with, where there is a loss. Every recipe has its own.
        pretrained: the weights that are published for the model and the names of its layers there.
        shipped: name of the model's function, if weights of it are included in cnnzoo.
        kind: class of the model.
    """
    sources = keras.utils.get_source_inputs(inputs)
    model = kind(sources[0] if len(sources) == 1 else sources, outputs, name=name)
    if len(sources) == 1 and sources[0] is inputs:  # the images may come from other layers
        check_inputs(model, preprocess_input)
    if outputs.shape[1:] == (1,):
        check_single_unit(model, loss)
    if weights is not None:
        weight_files.load(model, weights, pretrained, shipped)
    if loss is not None:
        model.compile(optimizer, loss, metrics=[metric or keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
    return model


def check_single_unit(model: keras.Model, loss: keras.losses.Loss | None) -> None:
    """Refuse a softmax of one unit, which is 1 for every image."""
    output: Any = call_of(model.outputs[0])
    by_softmax = getattr(output.layer, "activation", None) is keras.activations.softmax
    if by_softmax or isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        sigmoid = "one unit is for classifier_activation='sigmoid', with a loss of your own"
        raise refusal("classes", f"at least 2 with a softmax, which is 1 for a single unit; {sigmoid}", 1)


def chosen_optimizer(
    compile: Any, learns: keras.optimizers.Optimizer, paper: keras.optimizers.Optimizer | None = None
) -> keras.optimizers.Optimizer:
    """Return the optimizer that a model's argument `compile` asks for.

    Args:
        compile: the argument: `True`, `False`, or `"paper"` where the paper's optimizer is another one.
        learns: the one that learns as it arrives, from some hundred images on, at batches of 32 to 128.
        paper: the paper's, for its own data, batches and epochs.

    Raises:
        InputError: `compile` is none of these.
    """
    if compile == "paper" and paper is not None:
        return paper
    if not isinstance(compile, bool):
        raise refusal("compile", "True or False" + (", or 'paper' for the paper's optimizer" if paper else ""), compile)
    return learns


def cross_entropy(classifier_activation: Any) -> keras.losses.Loss | None:
    """Return the cross-entropy that fits a head: from probabilities after a softmax, from logits, or `None`.

    Keras has no loss of integer labels that fits another activation, such as a sigmoid; as those of
    `keras.applications`, a model with one is left to be compiled.
    """
    activation = keras.activations.get(classifier_activation)
    if activation not in (keras.activations.softmax, keras.activations.linear):
        return None
    return keras.losses.SparseCategoricalCrossentropy(from_logits=activation is keras.activations.linear)


def preprocessing(border: int = 0) -> Callable[[Callable], Callable]:
    """Return a decorator for a family's `preprocess_input`: it takes one image, too, and keeps sizes unless told.

    Args:
        border: pixels that the function puts around an image, on each side.
    """

    def decorate(function):
        @functools.wraps(function)
        def preprocess_input(images, input_shape=None):
            if not (input_shape is None or (isinstance(input_shape, list | tuple) and len(input_shape) == 3)):
                allowed = "None, or the model's (height, width, channels), such as model.input_shape[1:]"
                raise refusal("input_shape", allowed, input_shape)
            shape = tuple(images.shape)
            if len(shape) not in (3, 4):
                allowed = "an image (height, width, channels), or a batch (batch, height, width, channels)"
                raise refusal("images", f"{allowed}, of pixels 0 to 255", f"a tensor of shape {shape}")
            check_pixels(images, f"{function.__module__}.preprocess_input")
            if input_shape is None:
                height, width, channels = shape[-3:]
                if None in (height, width):
                    raise refusal("input_shape", "given for images of unknown sizes", None)
                input_shape = (height + 2 * border, width + 2 * border, channels)
            batch = images[None] if len(shape) == 3 else images
            found = function(batch, tuple(input_shape))
            return found[0] if len(shape) == 3 else found

        return preprocess_input

    return decorate


def resized(images, size: tuple[int, int], channels: int, antialias: bool = False):
    """Return images as float32, resized to `size` unless they have it already.

    Args:
        images: tensor `(batch, height, width, channels)`.
        size: height and width to return.
        channels: the number of channels that the model takes.
        antialias: whether to average over all pixels that are merged into one, as for photographs.

    Raises:
        InputError: another rank or number of channels.
    """
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[-1] != channels:
        raise InputError(f"the images must have the shape (batch, height, width, {channels}). Received: {shape}")
    images = ops.cast(images, "float32")
    if shape[1:3] == tuple(size):
        return images
    return ops.image.resize(images, size, interpolation="bilinear", antialias=antialias)


def centered(images, input_shape: tuple[int, int, int], rescaled: float):
    """Return the center of images whose shorter side is first resized to `rescaled` times the model's.

    Sizes are rounded and the center is found as torchvision's `Resize` and `CenterCrop` do it.

    Args:
        images: tensor `(batch, height, width, channels)`.
        input_shape: the model's `(height, width, channels)`.
        rescaled: shorter side of the resized image, in sides of the model's input; ≥ 1.

    Returns:
        Float32 tensor `(batch, *input_shape)`; images of the model's size are returned as they are.

    Raises:
        InputError: another rank or number of channels, or an unknown size.
    """
    height, width, channels = input_shape
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1:3] == (height, width):
        return resized(images, (height, width), channels)
    if None in shape[1:3]:
        raise InputError(
            "the size of the images must be known, as the scale depends on their shorter side; "
            f"use batches of one size, or a batch of one for single images. Received: {shape}"
        )
    sides = ((round(height * rescaled), shape[1]), (round(width * rescaled), shape[2]))
    target, side = max(sides, key=lambda of: of[0] / of[1])
    tall, wide = shape[1] * target // side, shape[2] * target // side
    images = resized(images, (tall, wide), channels, antialias=True)
    top, left = round((tall - height) / 2), round((wide - width) / 2)
    return images[:, top : top + height, left : left + width]


def per_channel(values: Sequence[float], channels: int):
    """Return one constant per color as a tensor; for other than three channels, their mean for all.

    Args:
        values: one number for red, green and blue.
        channels: number of channels of the images.
    """
    return ops.convert_to_tensor(values if channels == len(values) else [sum(values) / len(values)], "float32")


def decode(predictions, names: Sequence[str], top: int) -> list[list[tuple[int, str, float]]]:
    """Return the most probable classes of each row: `(label, name, probability)`, largest first.

    Args:
        predictions: array `(batch, classes)` of probabilities.
        names: name of each class.
        top: how many classes to return, from 1 to all.

    Raises:
        InputError: another shape, no probabilities, or `top` is out of range.

    Example:
    >>> import numpy as np
    >>> decode(np.array([[0.25, 0.75]]), ["cat", "dog"], top=1)
    [[(1, 'dog', 0.75)]]
    """
    predictions = _checked_predictions(predictions, len(names), top)
    order = np.argsort(-predictions, axis=1, kind="stable")[:, :top]
    return [
        [(int(label), names[label], float(row[label])) for label in labels]
        for row, labels in zip(predictions, order, strict=True)
    ]


def decode_imagenet(predictions, top: int) -> list[list[tuple[str, str, float]]]:
    """Return ImageNet's most probable classes by `keras.applications`, which downloads their names.

    Raises:
        InputError: another shape, no probabilities, `top` is out of range, or the names cannot be downloaded.
    """
    predictions = _checked_predictions(predictions, 1000, top)
    try:
        rows = keras.applications.imagenet_utils.decode_predictions(predictions, top=top)
    except Exception as error:  # urllib's and Keras' own
        raise InputError(f"ImageNet's class names cannot be downloaded: {reason(error)}") from error
    return [[(identity, name, float(probability)) for identity, name, probability in row] for row in rows]


def _checked_predictions(predictions, classes: int, top: int) -> np.ndarray:
    predictions = np.asarray(predictions)
    if predictions.ndim != 2 or predictions.shape[1] != classes:
        raise refusal("predictions", f"probabilities of shape (batch, {classes})", predictions.shape)
    integer("top", top, most=classes, of="the number of classes")
    sums = predictions.sum(axis=1, dtype="float64")
    if not (np.abs(sums - 1) <= 0.01).all() or predictions.min(initial=0) < 0:  # half precision has three digits
        raise InputError(
            f"`predictions` must be probabilities, from 0 to 1 with a sum of 1 for each image. Received: "
            f"{predictions.min():.3g} to {predictions.max():.3g}, with sums from {sums.min():.3g} to {sums.max():.3g}; "
            "of logits, and of the negated penalties of lenet5, keras.ops.softmax(predictions) makes them"
        )
    return predictions
