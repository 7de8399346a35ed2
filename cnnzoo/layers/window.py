"""Sliding windows: their sides, how many of them fit, and the zeros of "same" padding."""

from collections.abc import Iterable
from typing import Any

from keras import ops

from cnnzoo.checks import is_integer, refusal
from cnnzoo.errors import InputError

PADDINGS = ("valid", "same")


def pair(name: str, value: Any) -> tuple[int, int]:
    """Return `(vertical, horizontal)` of an argument that is one positive integer or two.

    Args:
        name: the argument's name, for the error.
        value: its value.

    Raises:
        InputError: it is neither.

    Example:
    >>> pair("pool_size", 3), pair("strides", [2, 1])
    ((3, 3), (2, 1))
    """
    sides = (value, value) if is_integer(value) else value
    if isinstance(sides, list | tuple) and len(sides) == 2 and all(is_integer(n) and n > 0 for n in sides):
        return int(sides[0]), int(sides[1])
    raise refusal(name, "a positive integer or two of them", value)


def output_size(size: int | None, window: int, stride: int, padding: str) -> int | None:
    """Return how many windows fit a side: 1 + (W − F)/S, or W/S rounded up with `"same"` padding.

    Raises:
        InputError: none fits.

    Example:
    >>> output_size(7, 3, 2, "valid"), output_size(7, 3, 2, "same")
    (3, 4)
    """
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    if size < window:
        raise InputError(
            f"the image must be at least as large as the window. Received: a side of {size} and a window of {window}"
        )
    return (size - window) // stride + 1


def output_sizes(
    sides: Iterable[int | None], window: tuple[int, int], strides: tuple[int, int], padding: str
) -> tuple[int | None, ...]:
    """Return `output_size` for the height and the width of images.

    Raises:
        InputError: no window fits.

    Example:
    >>> output_sizes((7, None), (3, 3), (2, 2), "valid")
    (3, None)
    """
    return tuple(output_size(*side, padding) for side in zip(sides, window, strides, strict=True))


def same_padding(size: int | None, window: int, stride: int) -> tuple[int, int]:
    """Return the number of zeros that TensorFlow's `"same"` puts before and after a side.

    Raises:
        InputError: the size is unknown.

    Example:
    >>> same_padding(32, 3, 2), same_padding(27, 5, 1)
    ((0, 1), (2, 2))
    """
    if size is None:
        raise InputError("padding='same' here needs images of known height and width. Received: a side of None pixels")
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def pad_same(images: Any, window: tuple[int, int], strides: tuple[int, int]) -> Any:
    """Return images with the zeros of `"same"` padding around them.

    Args:
        images: tensor `(batch, height, width, channels)`.
        window: height and width of the window, in pixels.
        strides: its steps down and to the right, in pixels.

    Raises:
        InputError: height or width is unknown.

    Example:
    >>> import numpy as np
    >>> pad_same(np.zeros((1, 32, 27, 3), "float32"), (3, 5), (2, 1)).shape
    TensorShape([1, 33, 31, 3])
    """
    return ops.pad(images, ((0, 0), *map(same_padding, images.shape[1:3], window, strides), (0, 0)))
