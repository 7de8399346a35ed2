"""Pooling of a table of numbers."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from cnnzoo import checks
from cnnzoo.errors import InputError
from cnnzoo.layers import LpPooling2D
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.lecture.arguments import table
from cnnzoo.plots.lecture.positions import WindowPositions, read_by
from cnnzoo.plots.lecture.windows import GAP, LINE, NARROWEST, TERMS
from cnnzoo.plots.picture import COLORS, Picture

KINDS = ("average", "l2", "lp", "max")
SIDE, ACROSS, APART = 12, 40, 0.6  # cells
DESCRIBED = 25  # numbers of the output that the alternative text lists at most


def pooling(
    numbers: Any,
    window: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    kind: str = "max",
    *,
    p: float = 2,
) -> Picture:
    """Draw the pooling of a table of numbers: its windows in colors, and the output of each.

    Overlapping windows are also drawn apart, in between; where there is no room for that, only the first is colored.
    The numbers are computed by the layers: Keras' `MaxPooling2D` and `AveragePooling2D`, and
    `cnnzoo.layers.LpPooling2D`. Numbers that no window reads are hatched.

    Args:
        numbers: `(height, width)`, 12 × 12 at most.
        window: F, side of a window in pixels, or `(height, width)`.
        stride: S, pixels from one window to the next, or `(down, right)`; default: the window.
        kind: `"max"`; `"average"`; `"lp"`, (1/N Σ |x|^p)^(1/p); or `"l2"`, the root of the sum of squares.
        p: the power of `"lp"`, a number ≥ 1.

    Returns:
        A picture; its `alternative` describes it.

    Raises:
        InputError: an argument out of range, or a window larger than the table.

    Source: Scherer, Müller and Behnke, "Evaluation of Pooling Operations in Convolutional Architectures for Object
    Recognition", 2010 (max, average); Sermanet, Chintala and LeCun 2012, https://arxiv.org/abs/1204.3968 (lp).

    Example:
    >>> from cnnzoo import plots
    >>> picture = plots.pooling([[1, 3, 0, 2], [2, 0, 1, 1], [0, 0, 5, 1], [1, 0, 2, 4]], window=2, stride=2)
    >>> picture.alternative
    'Max pooling with windows of 2 × 2 and stride 2 turns 4 × 4 numbers into 2 × 2: 3, 2; 1, 5.
     1 + (4 − 2)/2 = 2.'
    """
    values = table("numbers", numbers)
    if max(values.shape) > SIDE:
        size = f"{values.shape[0]} × {values.shape[1]}"
        raise InputError(f"`numbers` must be at most {SIDE} × {SIDE} to be legible. Received: {size}")
    positions = WindowPositions.of(values.shape, window, window if stride is None else stride)
    pooled = _pooled(values, positions, kind, p)
    return _Pooling(values, pooled, positions, kind, p).picture


def _pooled(values: np.ndarray, positions: WindowPositions, kind: str, p: float) -> np.ndarray:
    """Return the outputs of a pooling layer for a table."""
    sides = (positions.rows.window, positions.columns.window), (positions.rows.stride, positions.columns.stride)
    checks.choice("kind", kind, KINDS, plural="kinds of pooling")
    p = checks.number("p", p, 1)
    layer = {
        "max": lambda: keras.layers.MaxPooling2D(*sides, data_format="channels_last"),
        "average": lambda: keras.layers.AveragePooling2D(*sides, data_format="channels_last"),
        "lp": lambda: LpPooling2D(p, *sides),
        "l2": lambda: LpPooling2D(2, *sides, normalized=False),
    }[kind]()
    return keras.ops.convert_to_numpy(layer(values[None, ..., None]))[0, ..., 0]


class _Pooling:
    """The picture: the table, its windows apart where they overlap, and the output."""

    def __init__(self, values: np.ndarray, pooled: np.ndarray, positions: WindowPositions, kind: str, p: float):
        self.values, self.pooled, self.positions, self.kind = values, pooled, positions, kind
        self._sides = positions.rows.window, positions.columns.window
        self._strides = positions.rows.stride, positions.columns.stride
        unit, self._size = cells.scale(values, pooled)
        rows, columns = ((n * (side + APART)) - APART for n, side in zip(pooled.shape, self._sides, strict=True))
        self._overlap = any(side > stride for side, stride in zip(self._sides, self._strides, strict=True))
        self._apart = self._overlap and values.shape[1] + columns + pooled.shape[1] + 4 <= ACROSS
        blocks = [(values.shape[0], max(values.shape[1], 3))]
        blocks += [(rows, columns)] if self._apart else []
        blocks += [(pooled.shape[0], max(pooled.shape[1], 3))]
        texts = [
            *([_first_sum(values, self._sides, pooled[0, 0], kind, p)] if self._with_sum else []),
            *positions.formulas(),
        ]
        tallest, line = max(height for height, _ in blocks), LINE / unit
        needed = sum(width for _, width in blocks) + GAP * (len(blocks) - 1) + 1.2
        width = max(needed, *(inches / unit for inches in (NARROWEST, *map(cells.inches, texts))))
        height = 1.6 + tallest + (len(texts) + 0.9) * line
        self.picture, axis = cells.sheet(width, height, unit, self._description(kind, p))
        left, parts = (width - needed) / 2 + 0.6, [self._draw_values, self._draw_apart, self._draw_output]
        for number, (draw, (high, wide)) in enumerate(zip(parts if self._apart else parts[::2], blocks, strict=True)):
            if number:
                axis.text(left - GAP / 2, 1.5 + tallest / 2, "→", ha="center", va="center", size=15)
            draw(axis, left, 1.5 + (tallest - high) / 2, wide)
            left += wide + GAP
        for number, text in enumerate(texts):
            cells.centered(axis, 1.6 + tallest + (number + 0.8) * line, text, width * unit)

    @property
    def _with_sum(self) -> bool:
        return self._sides[0] * self._sides[1] <= TERMS

    def _description(self, kind: str, p: float) -> str:
        rows = "; ".join(", ".join(cells.printed(number) for number in row) for row in self.pooled)
        listed = f": {rows}" if self.pooled.size <= DESCRIBED else ""
        name = {"lp": f"Lp (p = {cells.printed(p)})", "l2": "L2"}.get(kind, kind.capitalize())
        before, after = (" × ".join(map(str, values.shape)) for values in (self.values, self.pooled))
        window = " × ".join(map(str, self._sides))
        return (
            f"{name} pooling with windows of {window} and {self.positions.strides} turns {before} "
            f"numbers into {after}{listed}. {'; '.join(self.positions.formulas())}."
        )

    def _windows(self) -> Iterator[tuple[int, int, str]]:
        # Where windows overlap and there is no room to draw them apart, only the first one is drawn.
        alone = self._overlap and not self._apart
        for row, column in [(0, 0)] if alone else np.ndindex(*self.pooled.shape):
            yield row, column, COLORS[(column + 2 * row) % len(COLORS)]

    def _draw_values(self, axis: Axes, left: float, top: float, wide: float) -> None:
        left += (wide - self.values.shape[1]) / 2
        rows, columns = self.values.shape
        cells.mesh(axis, left, top, rows, columns)
        cells.numbers(axis, left, top, self.values, size=self._size)
        for along, (window, length) in enumerate(((self.positions.columns, rows), (self.positions.rows, columns))):
            cells.hatched(axis, left, top, sorted(set(range(window.size)) - read_by(window)), length, along=along)
        for row, column, color in self._windows():
            y, x = row * self._strides[0], column * self._strides[1]
            if self._apart:
                # Neighbors have different insets, so that no line hides another.
                inset = 0.03 + 0.065 * ((row % 2) * 2 + column % 2)
                cells.window(axis, left + x, top + y, *self._sides, color, inset).set(fill=False, linewidth=1.5)
            else:
                cells.window(axis, left + x, top + y, *self._sides, color, 0.06)
            if not self._apart:
                self._mark(axis, left + x, top + y, row, column, color)
        axis.text(
            left + columns / 2, top - 0.5, f"input, {rows} × {columns}", ha="center", va="center", size=cells.PLAIN
        )

    def _draw_apart(self, axis: Axes, left: float, top: float, wide: float) -> None:
        for row, column, color in self._windows():
            y, x = top + row * (self._sides[0] + APART), left + column * (self._sides[1] + APART)
            cells.mesh(axis, x, y, *self._sides)
            cells.numbers(axis, x, y, self._numbers_of(row, column), size=self._size)
            cells.window(axis, x, y, *self._sides, color)
            self._mark(axis, x, y, row, column, color)
        heading = f"{self.pooled.size} windows, {self._sides[0]} × {self._sides[1]}"
        axis.text(left + wide / 2, top - 0.5, heading, ha="center", va="center", size=cells.PLAIN)

    def _draw_output(self, axis: Axes, left: float, top: float, wide: float) -> None:
        rows, columns = self.pooled.shape
        left += (wide - columns) / 2
        cells.mesh(axis, left, top, rows, columns)
        cells.numbers(axis, left, top, self.pooled, size=self._size)
        for row, column, color in self._windows():
            cells.window(axis, left + column, top + row, 1, 1, color, 0.06)
        axis.text(
            left + columns / 2, top - 0.5, f"output, {rows} × {columns}", ha="center", va="center", size=cells.PLAIN
        )

    def _numbers_of(self, row: int, column: int) -> np.ndarray:
        y, x = row * self._strides[0], column * self._strides[1]
        return self.values[y : y + self._sides[0], x : x + self._sides[1]]

    def _mark(self, axis: Axes, left: float, top: float, row: int, column: int, color: str) -> None:
        """Circle the maximum: the first of several, which is where the gradient goes."""
        if self.kind == "max":
            inside = self._numbers_of(row, column)
            y, x = np.unravel_index(int(inside.argmax()), inside.shape)
            axis.add_patch(Circle((left + x + 0.5, top + y + 0.5), 0.4, fill=False, edgecolor=color, linewidth=1.8))


def _first_sum(values: np.ndarray, sides: tuple[int, int], result: float, kind: str, p: float) -> str:
    """Return the computation of the first output as text."""
    inside = values[: sides[0], : sides[1]]
    texts = [cells.printed(number) for number in inside.ravel()]
    terms = [f"({text})" if text.startswith("−") else text for text in texts]
    squares = " + ".join(f"{term}²" for term in terms)
    power = cells.printed(p)
    powers = " + ".join(f"|{text}|^{power}" for text in texts)
    computation = {
        "max": f"max({', '.join(texts)})",
        "average": f"({' + '.join(terms)})/{inside.size}",
        "lp": f"√(({squares})/{inside.size})" if p == 2 else f"(({powers})/{inside.size})^(1/{power})",
        "l2": f"√({squares})",
    }[kind]
    return f"{computation} = {cells.printed(result)}"
