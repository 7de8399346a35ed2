"""A sliding window on a small image, with all numbers; see `cnnzoo.plots.lecture.scheme` for large images."""

import keras
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cnnzoo.analysis import Window
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.lecture.positions import WindowPositions, read_by
from cnnzoo.plots.picture import COLORS

HERE = COLORS[1]
LANE, GAP, LINE = 0.4, 1.5, 0.27  # between brackets and between tables, in cells; of text, in inches
NARROWEST = 6.6  # inches that the formulas need
TERMS = 9  # products that are written out


class WindowOnNumbers:
    """The picture of a window on a small image: image, kernel and output as tables of numbers.

    Args:
        positions: the positions of the window.
        values: of the image, `(height, width)`.
        kernel: `(height, width)`.

    Attributes:
        picture: the figure.
        steps: number of positions.
        sums: the output, `(rows, columns)`.
    """

    def __init__(self, positions: WindowPositions, values: np.ndarray, kernel: np.ndarray):
        self.positions, self.kernel = positions, kernel
        self.padded = np.pad(values, (positions.rows.pads, positions.columns.pads))
        self.sums = convolved_numbers(self.padded, kernel, (positions.rows.stride, positions.columns.stride))
        self.steps = self.sums.size
        unit, self._size = cells.scale(self.padded, kernel, self.sums)
        lanes = [lanes_of(window) for window in (positions.columns, positions.rows)]
        widths = [max(table.shape[1], 3) for table in (kernel, self.sums)]
        self._left, self._top = 0.6 + lanes[1] * LANE, 1.7 + lanes[0] * LANE
        ends = self._left + self.padded.shape[1] + sum(widths) + 2 * GAP + 0.5
        width = max(ends, *(needed / unit for needed in (NARROWEST, *map(cells.inches, positions.formulas()))))
        self._left += (width - ends) / 2
        lines = len(positions.formulas()) + (kernel.size <= TERMS)
        self._line = LINE / unit
        height = self._top + self.padded.shape[0] + (lines + 0.9) * self._line
        self.picture, self._axis = cells.sheet(width, height, unit, "")
        self._draw_input()
        self._draw_others(widths)
        self._write(lines)

    def _draw_input(self) -> None:
        axis, left, top = self._axis, self._left, self._top
        (above, _), (before, _) = self.positions.rows.pads, self.positions.columns.pads
        height, width = self.positions.rows.size, self.positions.columns.size
        cells.mesh(axis, left, top, *self.padded.shape, dashes=True)
        cells.mesh(axis, left + before, top + above, height, width, color="black")
        texts = cells.numbers(axis, left, top, self.padded, size=self._size)
        for y, row in enumerate(texts):
            for x, text in enumerate(row):
                if not (above <= y < above + height and before <= x < before + width):
                    text.set_color(cells.GRAY)
        self._hatch()
        self._columns = brackets(axis, self.positions.columns, left, top - 0.25)
        self._rows = brackets(axis, self.positions.rows, top, left - 0.25, upright=True)
        self._window = cells.window(axis, left, top, self.kernel.shape[0], self.kernel.shape[1], HERE)
        middle = left + self.padded.shape[1] / 2
        heading = f"input, {height} × {width}{zeros(self.positions)}"
        axis.text(middle, 0.9, heading, ha="center", va="center", size=cells.PLAIN)

    def _hatch(self) -> None:
        windows = (self.positions.columns, self.positions.rows)
        for along, (window, length) in enumerate(zip(windows, self.padded.shape, strict=True)):
            before, after = window.pads
            missed = set(range(-before, window.size + after)) - read_by(window)
            unread = sorted(pixel + before for pixel in missed)
            cells.hatched(self._axis, self._left, self._top, unread, length, along=along)

    def _draw_others(self, widths: list[int]) -> None:
        axis, left = self._axis, self._left + self.padded.shape[1] + GAP
        middle = self._top + self.padded.shape[0] / 2
        for sign, table, width, name in zip("∗=", (self.kernel, self.sums), widths, ("kernel", "output"), strict=True):
            rows, columns = table.shape
            x, y = left + (width - columns) / 2, middle - rows / 2
            cells.mesh(axis, x, y, rows, columns, color="black")
            texts = cells.numbers(axis, x, y, table, size=self._size)
            axis.text(left - GAP / 2, middle, sign, ha="center", va="center", size=15)
            heading = f"{name}, {rows} × {columns}"
            axis.text(x + columns / 2, y - 0.5, heading, ha="center", va="center", size=cells.PLAIN)
            left += width + GAP
        self._output, self._texts = (x, y), [text for row in texts for text in row]
        self._output_cell = cells.window(axis, x, y, 1, 1, HERE)

    def _write(self, lines: int) -> None:
        axis = self._axis
        middle, bottom = axis.get_xlim()[1] / 2, self._top + self.padded.shape[0] + 0.9 * self._line
        self._sum = axis.text(middle, bottom, "", ha="center", va="center", size=cells.PLAIN)
        formulas = self.positions.formulas()
        for number, formula in enumerate(formulas, lines - len(formulas)):
            cells.centered(axis, bottom + number * self._line, formula, self.picture.get_figwidth())

    def show(self, step: int, *, later: bool = True) -> list[Artist]:
        """Draw the window at one of its positions.

        Args:
            step: the position, row by row from 0.
            later: whether the sums of later positions are shown, too.

        Returns:
            The artists that changed.
        """
        row, column = divmod(step, self.positions.columns.outputs)
        y, x = row * self.positions.rows.stride, column * self.positions.columns.stride
        self._window.set_xy((self._left + x, self._top + y))
        self._output_cell.set_xy((self._output[0] + column, self._output[1] + row))
        cells.highlight(self._columns, column, HERE)
        cells.highlight(self._rows, row, HERE)
        for number, text in enumerate(self._texts):
            text.set_visible(later or number <= step)
        inside = self.padded[y : y + self.kernel.shape[0], x : x + self.kernel.shape[1]]
        total = cells.printed(self.sums[row, column])
        if self.kernel.size <= TERMS:
            products = f"{written_out(inside, self.kernel)} = {total}"
            fits = cells.inches(products, cells.PLAIN) <= self.picture.get_figwidth()
            self._sum.set_text(products if fits else f"sum of {self.kernel.size} products = {total}")
        self.picture.alternative = (
            f"A window of {self.kernel.shape[0]} × {self.kernel.shape[1]} slides over an input of "
            f"{self.positions.rows.size} × {self.positions.columns.size} pixels{zeros(self.positions)}, "
            f"with {self.positions.strides}. "
            f"{'; '.join(self.positions.formulas())}. Position {step + 1} of {self.steps}: sum {total}."
        )
        return [self._window, self._output_cell, self._sum, *self._columns, *self._rows, *self._texts]


def convolved_numbers(values: np.ndarray, kernel: np.ndarray, strides: tuple[int, int] = (1, 1)) -> np.ndarray:
    """Return the convolution of one table of numbers by Keras, without padding.

    Example:
    >>> convolved_numbers(np.eye(3, dtype="float32"), np.ones((2, 2), "float32"))
    array([[2., 1.],
           [1., 2.]], dtype=float32)
    """
    maps = keras.ops.conv(values[None, ..., None], kernel[..., None, None], strides, "valid", "channels_last")
    return keras.ops.convert_to_numpy(maps)[0, ..., 0]


def lanes_of(window: Window) -> int:
    """Return the number of lanes in which brackets do not overlap: ⌈F/S⌉, and one for one window."""
    return min(-(-window.extent // window.stride), window.outputs)


def brackets(axis: Axes, window: Window, start: float, at: float, *, upright=False, step=1.0) -> list[Line2D]:
    """Draw a bracket for every window along a side, in lanes away from the image.

    Args:
        axis: where to draw.
        window: along the side.
        start: where the padded side starts, in cells.
        at: position of the lane nearest to the image.
        upright: along the height instead of the width.
        step: length of a pixel, in cells.
    """
    lanes = lanes_of(window)
    starts = [start + output * window.stride * step for output in range(window.outputs)]
    return [
        cells.bracket(axis, first, first + window.extent * step, at - LANE * (number % lanes), upright=upright)
        for number, first in enumerate(starts)
    ]


def written_out(values: np.ndarray, kernel: np.ndarray) -> str:
    """Return a sum of products as text.

    Example:
    >>> written_out(np.array([[1, 2]]), np.array([[3, -4]]))
    '1·3 + 2·(−4)'
    """
    factors = zip(np.ravel(values), np.ravel(kernel), strict=True)
    return " + ".join(f"{_factor(value)}·{_factor(weight)}" for value, weight in factors)


def zeros(positions: WindowPositions) -> str:
    """Return the padding of an image as text, after a comma.

    Example:
    >>> zeros(WindowPositions.of(5, 3, 1, 1)), zeros(WindowPositions.of(5, 3, 1))
    (', 1 zero around', '')
    """
    pads = {*positions.rows.pads, *positions.columns.pads}
    if pads == {0}:
        return ""
    if len(pads) == 1:
        (number,) = pads
        return f", {number} zero{'s' if number > 1 else ''} around"
    (above, below), (before, after) = positions.rows.pads, positions.columns.pads
    if (above, below) == (before, after):
        return f", zeros: {before} before, {after} after"
    return f", zeros: {above} above, {below} below, {before} left, {after} right"


def _factor(number: float) -> str:
    text = cells.printed(number)
    return f"({text})" if text.startswith("−") else text
