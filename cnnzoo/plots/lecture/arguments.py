"""Checks of the arguments of the lecture's pictures: sizes, and tables of numbers."""

from typing import Any

import numpy as np

from cnnzoo import checks
from cnnzoo.errors import InputError

LARGEST = 4096  # pixels along a side, beyond which a window is no visible part of the picture


def pair(name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """Return `(vertical, horizontal)` of an argument of one integer or two.

    Args:
        name: the argument's name, for the error.
        value: its value.
        least: the smallest allowed.

    Raises:
        InputError: it is anything else.

    Example:
    >>> pair("size", 7), pair("size", (5, 7))
    ((7, 7), (5, 7))
    """
    if not isinstance(value, tuple | list):
        value = (value, value)
    if len(value) != 2:
        raise checks.refusal(name, "an integer or (height, width)", value)
    return checks.integer(name, value[0], least, LARGEST), checks.integer(name, value[1], least, LARGEST)


def table(name: str, value: Any, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Return an argument of rows of finite numbers, as float32.

    Args:
        name: the argument's name, for the error.
        value: its value.
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
        raise InputError(f"`{name}` must be rows of numbers of one length. Received: {_short(value)}") from None
    if numbers.ndim != 2 or not numbers.size:
        raise InputError(f"`{name}` must be rows of numbers. Received an array of shape: {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise checks.refusal(name, "finite numbers", float(numbers[~np.isfinite(numbers)][0]))
    if shape is not None and numbers.shape != shape:
        raise InputError(f"`{name}` must be of shape {shape}. Received: {numbers.shape}")
    return numbers


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
