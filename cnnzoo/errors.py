"""Errors, each with one sentence that a person can act on."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Input that cannot be used; the message names the value received and what is allowed.

    The command line prints it as one sentence and ends with exit code 2.
    """

    # AutoGraph raises an error of its own in place of any whose constructor it does not know.
    __init__ = Exception.__init__


def unknown(kind: str, name: object, allowed: Iterable[str], plural: str | None = None) -> InputError:
    """Return the error for a name that is not there, with the nearest ones that are.

    Args:
        kind: what the name stands for, e.g. `"model"`.
        name: the name received.
        allowed: the names there are.
        plural: the plural of `kind`, where adding an *s* does not make it.

    Example:
    >>> str(unknown("model", "lenet6", ["lenet", "lenet5", "mlp"]))
    "unknown model 'lenet6'; did you mean 'lenet' or 'lenet5'?"
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    if near:
        return InputError(f"unknown {kind} {str(name)!r}; did you mean {_either(near)}?")
    return InputError(f"unknown {kind} {str(name)!r}; the {plural or kind + 's'} are {', '.join(names)}")


def reason(error: BaseException) -> str:
    """Return the first line of another library's error message, or the class of the error.

    Example:
    >>> reason(ValueError("no such thing.")), reason(KeyError())
    ('no such thing', 'KeyError')
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


def _either(names: list[str]) -> str:
    *first, last = [repr(name) for name in names]
    return f"{', '.join(first)} or {last}" if first else last
