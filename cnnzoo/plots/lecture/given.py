"""What a picture of the lecture was asked for, checked: sizes, and arrays of numbers."""

import operator
from typing import Any

import numpy as np

from cnnzoo.errors import InputError

LARGEST = 4096  # pixels along a side, beyond which a window is no visible part of the picture


def integer(name: str, value: Any, least: int, most: int = LARGEST) -> int:
    """Return an argument that is an integer of a range.

    Args:
        name: the argument's name, for the error.
        value: what was received.
        least: the smallest allowed.
        most: the largest allowed.

    Raises:
        InputError: it is none.

    Example:
    >>> integer("stride", np.int64(2), 1)
    2
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number <= most:
        raise InputError(f"{name} must be an integer of {least} to {most}, not {value!r}")
    return number


def pair(name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """Return `(vertical, horizontal)` of an argument that is one integer or two.

    Args:
        name: the argument's name, for the error.
        value: what was received.
        least: the smallest allowed.

    Raises:
        InputError: it is anything else.

    Example:
    >>> pair("size", 7), pair("size", (5, 7))
    ((7, 7), (5, 7))
    """
    if not isinstance(value, tuple | list):
        side = integer(name, value, least)
        return side, side
    if len(value) != 2:
        raise InputError(f"{name} must be an integer or (height, width), not {value!r}")
    return integer(name, value[0], least), integer(name, value[1], least)


def table(name: str, value: Any, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Return an argument that is a table of finite numbers, as float32.

    Args:
        name: the argument's name, for the error.
        value: what was received.
        shape: `(rows, columns)` that it must have; `None` for any.

    Raises:
        InputError: it is anything else.

    Example:
    >>> table("kernel", [[1, 0], [0, -1]]).shape
    (2, 2)
    """
    try:
        numbers = np.asarray(value, "float32")
    except (TypeError, ValueError):
        raise InputError(f"{name} must be rows of numbers, all of one length, not {_short(value)}") from None
    if numbers.ndim != 2 or not numbers.size:
        raise InputError(f"{name} must be rows of numbers, not an array of shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise InputError(f"{name} must be finite numbers, not {float(numbers[~np.isfinite(numbers)][0])}")
    if shape is not None and numbers.shape != shape:
        raise InputError(f"{name} must be of shape {shape}, not {numbers.shape}")
    return numbers


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
