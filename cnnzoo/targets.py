"""Checks of what a loss or a metric compares: targets, outputs and weights.

Shapes are known before the first step. Values are looked at in every step: what a loss is not made for would have an
answer that is wrong and looks right.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from cnnzoo.errors import InputError

TOLERANCE = 1e-3  # by which rounding and interpolation may take pixels out of 0…1


def images_like(y_true: Any, y_pred: Any, of: str) -> Any:
    """Return images in the shape of their reconstructions, with or without the axis of a single channel.

    Args:
        y_true: tensor of images.
        y_pred: tensor of their reconstructions, `(batch, …)`.
        of: name of the loss or the metric, for the message.

    Raises:
        InputError: the two have different shapes.

    Example:
    >>> tuple(images_like(np.zeros((2, 8, 8)), np.zeros((2, 8, 8, 1)), "loss").shape)
    (2, 8, 8, 1)
    """
    given, expected = (_without_channel(tuple(each.shape)) for each in (y_true, y_pred))
    if not _fit(given, expected):
        raise InputError(
            f"{of} needs images and reconstructions of the same shape. Received: {tuple(y_true.shape)} and "
            f"{tuple(y_pred.shape)}"
        )
    return ops.reshape(y_true, ops.shape(y_pred))


def weights_like(sample_weight: Any, y_pred: Any, dtype: str) -> Any:
    """Return sample weights as a number, as `(batch,)`, or as one for each row of outputs, `(batch, d0, … dN−1)`.

    Args:
        sample_weight: a number or weights, also with further axes of length 1.
        y_pred: tensor of outputs, `(batch, d0, … dN)`.
        dtype: dtype to return.

    Raises:
        InputError: another shape.

    Example:
    >>> [tuple(weights_like(np.ones(shape), np.zeros((4, 8, 8, 1)), "float32").shape) for shape in ((4, 1), (1, 8, 8))]
    [(4,), (4, 8, 8)]
    """
    weights = ops.convert_to_tensor(sample_weight, dtype)
    received, rows = tuple(weights.shape), tuple(y_pred.shape)[:-1]
    if len(weights.shape) > 1 and all(side == 1 for side in weights.shape[1:]):
        weights = ops.reshape(weights, (-1,))
    elif len(weights.shape) == len(rows) + 1 and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, axis=-1)
    given = tuple(weights.shape)
    if given and not any(_fit(given, allowed, broadcast=True) for allowed in {rows[:1], rows}):
        of_rows = f" or (batch, {', '.join(map(str, rows[1:]))})" if rows[1:] else ""
        raise InputError(
            f"`sample_weight` must have the shape (batch,){of_rows} for outputs of shape {tuple(y_pred.shape)}. "
            f"Received: {received}"
        )
    return weights if len(given) < 2 else ops.broadcast_to(weights, ops.shape(y_pred)[:-1])


def zero_if_labels(y_true: Any, classes: int, of: str) -> Any:
    """Return 0 for labels of classes, else raise an error; NaN where none can be raised.

    Targets whose values are there raise an `InputError`. In a step that TensorFlow compiles, they raise TensorFlow's
    `InvalidArgumentError`, with the same words; under XLA and JAX the result is NaN, and what it is added to, too.

    Args:
        y_true: float tensor of labels.
        classes: number of classes.
        of: name of the loss, for the message.

    Raises:
        InputError: a label is no integer from 0 to below the number of classes.

    Example:
    >>> zero_if_labels(ops.convert_to_tensor([0.0, 10.0]), 10, "loss")
    Traceback (most recent call last):
    cnnzoo.errors.InputError: `y_true` must be integer labels from 0 to 9 for loss. Received: values from 0 to 10
    """
    labels = ops.cast(y_true, "int32")
    valid = ops.all((labels >= 0) & (labels < classes) & (ops.cast(labels, y_true.dtype) == y_true))
    return _zero_if(valid, y_true, f"integer labels from 0 to {classes - 1} for {of}")


def zero_if_pixels(y_true: Any, of: str) -> Any:
    """Return 0 for pixels from 0 to 1, else raise an error or return NaN, as `zero_if_labels` does.

    Args:
        y_true: float tensor of images.
        of: name of the loss, for the message.

    Raises:
        InputError: a pixel is out of range by more than rounding explains.

    Example:
    >>> zero_if_pixels(ops.convert_to_tensor([0.0, 255.0]), "loss")
    Traceback (most recent call last):
    cnnzoo.errors.InputError: `y_true` must be pixels from 0 to 1 for loss. Received: values from 0 to 255
    """
    valid = (ops.min(y_true) >= -TOLERANCE) & (ops.max(y_true) <= 1 + TOLERANCE)
    return _zero_if(valid, y_true, f"pixels from 0 to 1 for {of}")


def _zero_if(valid: Any, y_true: Any, allowed: str) -> Any:
    if known := _known(valid):
        return 0.0
    low, high = ops.min(y_true), ops.max(y_true)
    message = f"`y_true` must be {allowed}. Received: values from"
    if known is False:
        raise InputError(f"{message} {float(low):g} to {float(high):g}")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.raw_ops.Assert(condition=valid, data=[message, low, "to", high])
    return ops.where(valid, ops.zeros_like(low), np.nan)


def _known(valid: Any) -> bool | None:
    """Return a boolean tensor's value, or `None` where it has none yet, as in a graph."""
    try:
        return bool(ops.convert_to_numpy(valid))
    except Exception:  # each backend has an error of its own
        return None


def _without_channel(shape: tuple) -> tuple:
    return shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape


def _fit(given: tuple, expected: tuple, *, broadcast: bool = False) -> bool:
    """Return whether two shapes, whose sides may be `None` for unknown, are the same, or can be brought to be."""
    return len(given) == len(expected) and all(
        None in (one, other) or one == other or (broadcast and one == 1)
        for one, other in zip(given, expected, strict=True)
    )
