"""Where a window can lie on an image, and the formula for it with the numbers put in."""

import dataclasses
from typing import Any

from cnnzoo.analysis import Window
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import given


@dataclasses.dataclass(frozen=True)
class Places:
    """The places of a window on an image.

    Attributes:
        rows: the window along the height.
        columns: the window along the width.
    """

    rows: Window
    columns: Window

    @classmethod
    def of(cls, size: Any, field: Any, stride: Any, padding: Any = 0) -> "Places":
        """Return the places of a window.

        Args:
            size: W in pixels, or `(height, width)`.
            field: F in pixels, or `(height, width)`.
            stride: S in pixels, or `(down, right)`.
            padding: P, the rows and columns of zeros on every side; or `"valid"` or `"same"`, as Keras has it.

        Raises:
            InputError: one of them is not that, or the window is larger than the image with its zeros.

        Example:
        >>> Places.of(7, 3, 2).outputs
        (3, 3)
        """
        windows = zip(given.pair("size", size), given.pair("field", field), given.pair("stride", stride), strict=True)
        if isinstance(padding, str):
            if padding not in ("valid", "same"):
                raise InputError(f"padding must be a number of zeros, 'valid' or 'same', not {padding!r}")
            zeros: Any = padding
        else:
            zeros = (given.integer("padding", padding, 0),) * 2
        rows, columns = (Window(*window, zeros) for window in windows)
        for window in (rows, columns):
            if window.outputs < 1:
                raise InputError(
                    f"a window of {window.window} is larger than {window.size} pixels with {sum(window.pads)} zeros: "
                    f"field must be at most {window.size + sum(window.pads)}"
                )
        return cls(rows, columns)

    @property
    def outputs(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        return self.rows.outputs, self.columns.outputs

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width with the zeros."""
        return tuple(window.size + sum(window.pads) for window in (self.rows, self.columns))  # type: ignore[return-value]

    @property
    def square(self) -> bool:
        """Whether both sides are alike."""
        return self.rows == self.columns

    @property
    def paces(self) -> str:
        """How far the window moves, in words."""
        if self.rows.stride == self.columns.stride:
            return f"{_counted(self.rows.stride, ('pixel',))} at a time"
        return f"{_counted(self.rows.stride, ('row',))} or {_counted(self.columns.stride, ('column',))} at a time"

    def sentences(self) -> list[str]:
        """Return the formula with the numbers put in: one for both sides, or one for each.

        Example:
        >>> Places.of(7, 3, 2, 1).sentences()
        ['1 + (7 − 3 + 2·1)/2 = 4']
        >>> Places.of((5, 6), 2, 2).sentences()
        ['height: 1 + (5 − 2)/2 = 2.5: windows fit 2 times, 1 row unread', 'width: 1 + (6 − 2)/2 = 3']
        """
        if self.square:
            return [sentence(self.rows, ("row", "column"))]
        return [f"height: {sentence(self.rows, ('row',))}", f"width: {sentence(self.columns, ('column',))}"]


def sentence(window: Window, lines: tuple[str, ...]) -> str:
    """Return 1 + (W − F + 2P)/S with the numbers of a window, and what it leaves unread.

    Args:
        window: along one side.
        lines: what is across the side, such as `("row",)`.

    Example:
    >>> sentence(Window(224, 11, 4), ("column",))
    '1 + (224 − 11)/4 = 54.25: windows fit 54 times, 1 column unread'
    """
    before, after = window.pads
    zeros = "" if before == after == 0 else f" + 2·{before}" if before == after else f" + {before} + {after}"
    formula = f"1 + ({window.size} − {window.extent}{zeros})/{window.stride} {_decimal(window)}"
    clauses = []
    if not window.whole:
        fit = "1 time" if window.outputs == 1 else f"{window.outputs} times"
        clauses += [f"windows fit {fit}", _unread(window, lines)]
    gap = window.stride - window.extent
    if gap > 0 and window.outputs > 1:
        clauses.append(f"between two windows {_counted(gap, lines)} unread")
    return f"{formula}: {', '.join(clauses)}" if clauses else formula


def seen(window: Window) -> set[int]:
    """Return the places along a side that some window reads; those in the zeros lie outside of 0 to size − 1.

    Example:
    >>> sorted(seen(Window(6, 2, 3)))
    [0, 1, 3, 4]
    """
    return {place for output in range(window.outputs) for place in window.seen(output)}


def _decimal(window: Window) -> str:
    positions = window.positions
    exact = 100 % positions.denominator == 0
    return f"= {float(positions):g}" if exact else f"≈ {float(positions):.2f}"


def _unread(window: Window, lines: tuple[str, ...]) -> str:
    zeros = min(window.unread, window.pads[1])
    if zeros == window.unread:
        return f"{_counted(zeros, lines)} of zeros unread"
    part = f" ({zeros} of zeros)" if zeros else ""
    return f"{_counted(window.unread, lines)}{part} unread"


def _counted(number: int, lines: tuple[str, ...]) -> str:
    return " and ".join(f"{number} {line}" if number == 1 else f"{number} {line}s" for line in lines)
