"""The positions of a window on an image, and their formula with its numbers."""

import dataclasses
from typing import Any

from cnnzoo import checks
from cnnzoo.analysis import Window
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.arguments import LARGEST, pair


@dataclasses.dataclass(frozen=True)
class WindowPositions:
    """The positions of a window on an image.

    Attributes:
        rows: the window along the height.
        columns: the window along the width.
    """

    rows: Window
    columns: Window

    @classmethod
    def of(cls, size: Any, window: Any, stride: Any, padding: Any = 0) -> "WindowPositions":
        """Return the positions of a window.

        Args:
            size: W in pixels, or `(height, width)`.
            window: F in pixels, or `(height, width)`.
            stride: S in pixels, or `(down, right)`.
            padding: P, the rows and columns of zeros on every side; or `"valid"` or `"same"`, as in Keras.

        Raises:
            InputError: an argument out of range, or a window larger than the image with its zeros.

        Example:
        >>> WindowPositions.of(7, 3, 2).outputs
        (3, 3)
        """
        sides = zip(pair("size", size), pair("window", window), pair("stride", stride), strict=True)
        if isinstance(padding, str):
            if padding not in ("valid", "same"):
                raise checks.refusal("padding", "a number of zeros, 'valid' or 'same'", padding)
            zeros: Any = padding
        else:
            zeros = (checks.integer("padding", padding, 0, LARGEST),) * 2
        rows, columns = (Window(*side, zeros) for side in sides)
        for along in (rows, columns):
            if along.outputs < 1:
                raise InputError(
                    f"a window of {along.window} is larger than {along.size} pixels with {sum(along.pads)} zeros: "
                    f"`window` must be at most {along.size + sum(along.pads)}"
                )
        return cls(rows, columns)

    @property
    def outputs(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        return self.rows.outputs, self.columns.outputs

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width of the image with the zeros."""
        return tuple(window.size + sum(window.pads) for window in (self.rows, self.columns))  # type: ignore[return-value]

    @property
    def square(self) -> bool:
        """Whether both sides are the same."""
        return self.rows == self.columns

    @property
    def strides(self) -> str:
        """The stride as text, or both strides."""
        if self.rows.stride == self.columns.stride:
            return f"stride {self.rows.stride}"
        return f"strides {self.rows.stride} × {self.columns.stride}"

    def formulas(self) -> list[str]:
        """Return the formula with its numbers: one for both sides, or one for each.

        Example:
        >>> WindowPositions.of(7, 3, 2, 1).formulas()
        ['1 + (7 − 3 + 2·1)/2 = 4']
        >>> WindowPositions.of((5, 6), 2, 2).formulas()
        ['height: 1 + (5 − 2)/2 = 2.5: windows fit 2 times, 1 row unread', 'width: 1 + (6 − 2)/2 = 3']
        """
        if self.square:
            return [formula(self.rows, ("row", "column"))]
        return [f"height: {formula(self.rows, ('row',))}", f"width: {formula(self.columns, ('column',))}"]


def formula(window: Window, lines: tuple[str, ...]) -> str:
    """Return 1 + (W − F + 2P)/S with the numbers of a window, and the pixels that it leaves unread.

    Args:
        window: along one side.
        lines: names of what is counted along the side, such as `("row",)`.

    Example:
    >>> formula(Window(224, 11, 4), ("column",))
    '1 + (224 − 11)/4 = 54.25: windows fit 54 times, 1 column unread'
    """
    before, after = window.pads
    zeros = "" if before == after == 0 else f" + 2·{before}" if before == after else f" + {before} + {after}"
    text = f"1 + ({window.size} − {window.extent}{zeros})/{window.stride} {_decimal(window)}"
    clauses = []
    if not window.whole:
        fit = "1 time" if window.outputs == 1 else f"{window.outputs} times"
        clauses += [f"windows fit {fit}", _unread(window, lines)]
    gap = window.stride - window.extent
    if gap > 0 and window.outputs > 1:
        clauses.append(f"between two windows {_counted(gap, lines)} unread")
    return f"{text}: {', '.join(clauses)}" if clauses else text


def read_by(window: Window) -> set[int]:
    """Return the pixels along a side that any window reads; the zeros are outside 0 to size − 1.

    Example:
    >>> sorted(read_by(Window(6, 2, 3)))
    [0, 1, 3, 4]
    """
    return {pixel for output in range(window.outputs) for pixel in window.receptive_field(output)}


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
