"""Checks of arguments: each returns the value in its plain type, or says what is allowed and what was received.

The sentences are Keras': "`batch_size` must be a positive integer. Received: -1".
"""

import math
import numbers
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError, unknown

NAMED = 10  # columns in a message


def refusal(name: str, allowed: str, value: object) -> InputError:
    """Return the error for an argument that is none of what is allowed.

    Example:
    >>> str(refusal("rate", "a number from 0 to 1", 2))
    '`rate` must be a number from 0 to 1. Received: 2'
    """
    return InputError(f"`{name}` must be {allowed}. Received: {value!r}")


def is_integer(value: Any) -> bool:
    """Return whether a value is an integer, Python's or NumPy's, and no boolean.

    Example:
    >>> is_integer(3), is_integer(3.0), is_integer(True)
    (True, False, False)
    """
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def integer(name: str, value: Any, least: int = 1, most: int | None = None, *, of: str = "", or_none: str = "") -> Any:
    """Return an integer of `least` to `most`; Python's or NumPy's, and no boolean.

    Args:
        name: the argument's name.
        value: its value.
        least: the smallest that is allowed.
        most: the largest, or `None` for any.
        of: what the range comes from, to be said, such as `"the number of classes"`.
        or_none: what `None` stands for, such as `"all"`, where it is allowed, too.

    Raises:
        InputError: it is none.

    Example:
    >>> integer("batch_size", 32), integer("examples", None, or_none="all")
    (32, None)
    """
    if value is None and or_none:
        return None
    if is_integer(value) and least <= value and (most is None or value <= most):
        return int(value)
    if most is not None:
        allowed = f"an integer from {least} to {most}" + (f", {of}" if of else "")
    else:
        plain = {1: "a positive integer", 0: "a non-negative integer"}
        allowed = plain.get(least, f"an integer of at least {least}")
    raise refusal(name, allowed + (f", or None for {or_none}" if or_none else ""), value)


def number(
    name: str,
    value: Any,
    least: float = -math.inf,
    most: float = math.inf,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    unit: str = "",
) -> float:
    """Return a finite number of a range, as a float.

    Args:
        name: the argument's name.
        value: its value.
        least: the smallest that is allowed.
        most: the largest.
        above: what it must be larger than.
        below: what it must be smaller than.
        unit: what it counts, to be said, such as `"seconds"`.

    Raises:
        InputError: it is none, infinite, or outside of the range.

    Example:
    >>> number("momentum", 0, 0, below=1), number("rate", 0.5, 0, 1)
    (0.0, 0.5)
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    if real and least <= value <= most and above < value < below:
        return float(value)
    raise refusal(name, _described(least, most, above, below, unit), value)


def _described(least: float, most: float, above: float, below: float, unit: str) -> str:
    """Return what `number` allows, as text."""
    what = f"number of {unit}" if unit else "number"
    if math.isfinite(least) and math.isfinite(most):
        return f"a {what} from {least:g} to {most:g}"
    low = f"of at least {least:g}" if math.isfinite(least) else f"above {above:g}" if math.isfinite(above) else ""
    high = f"of at most {most:g}" if math.isfinite(most) else f"below {below:g}" if math.isfinite(below) else ""
    if (low, high) == ("above 0", ""):
        return f"a positive {what}"
    return " ".join([f"a {what}", " and ".join(end for end in (low, high) if end)]).strip()


def choice(name: str, value: Any, allowed: Iterable[Any], plural: str | None = None) -> Any:
    """Return a value that is one of a few names, or say which ones are near to it.

    Args:
        name: the argument's name.
        value: its value.
        allowed: the names there are.
        plural: what they are called together; default "values of" and the name.

    Raises:
        InputError: it is none of them.

    Example:
    >>> choice("padding", "same", ("valid", "same"))
    'same'
    """
    names = list(allowed)
    if any(type(value) is type(each) and value == each for each in names):
        return value
    raise unknown(name, value, map(str, names), plural=plural or f"values of {name}")


def flag(name: str, value: Any) -> bool:
    """Return a value that is true or false, and no other that could be taken for it.

    Raises:
        InputError: it is neither.

    Example:
    >>> flag("tied", True)
    True
    """
    if not isinstance(value, bool):
        raise refusal(name, "True or False", value)
    return value


_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*]')  # on Windows
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # files there in every folder


def is_file_name(name: str) -> bool:
    """Return whether every system takes a text for the name of a file or of a folder, and shows it as it is.

    Example:
    >>> [is_file_name(name) for name in ("lenet5-0.1", "lr:0.1", "aux", "..", "late.")]
    [True, False, False, False, False]
    """
    fits = name.isprintable() and not _NOT_IN_NAMES.search(name) and not _DEVICES.fullmatch(name)
    return bool(name) and fits and name[-1] not in " ."


def path(name: str, value: Any, what: str) -> Path:
    """Return a path, given as text or as a path.

    Args:
        name: the value's name.
        value: the value.
        what: what it must be the path of.

    Raises:
        InputError: it is neither.

    Example:
    >>> path("run", None, "the folder of a run")
    Traceback (most recent call last):
    cnnzoo.errors.InputError: `run` must be the folder of a run. Received: None
    """
    if not isinstance(value, str | os.PathLike):
        raise refusal(name, what, value)
    return Path(value)


def check_finite(values: Any, taker: str) -> None:
    """Refuse vectors or signals with values that are not finite, and name the columns.

    Args:
        values: array `(examples, …, columns)`; what is none is not looked at.
        taker: what takes them, for the message.

    Raises:
        InputError: some are not.
    """
    import numpy as np  # not with the module, which the command line's help loads

    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or np.isfinite(values).all():
        return
    rows = values.reshape(-1, values.shape[-1])
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=0))
    named = ", ".join(map(str, bad[:NAMED])) + ", …" * (len(bad) > NAMED)
    count = int((~np.isfinite(rows)).sum())
    raise InputError(
        f"{taker} takes finite numbers: {count} values are NaN or infinite, in the columns {named} (counted from 0); "
        "leave out these rows, or fill in what is missing"
    )
