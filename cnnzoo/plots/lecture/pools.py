"""Pooling, on numbers."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from cnnzoo.errors import InputError, unknown
from cnnzoo.layers import LpPooling2D
from cnnzoo.plots.lecture import cells, given
from cnnzoo.plots.lecture.places import Places, seen
from cnnzoo.plots.lecture.windows import GAP, LINE, NARROWEST, TERMS
from cnnzoo.plots.picture import COLORS, Picture

KINDS = ("average", "l2", "lp", "max")
SIDE, ACROSS, APART = 12, 40, 0.6  # cells
SPOKEN = 25  # numbers of the output that are told in words


def pooling(
    numbers: Any,
    field: int | tuple[int, int] = 2,
    stride: int | tuple[int, int] | None = None,
    kind: str = "max",
    *,
    p: float = 2,
) -> Picture:
    """Draw what pooling makes of a table of numbers: its windows in colors, and what comes out of each.

    Windows that overlap are also drawn apart, in between; where there is no room for that, only the first is colored.
    The numbers come from the layers themselves: Keras' `MaxPooling2D` and `AveragePooling2D`, and
    `cnnzoo.layers.LpPooling2D`. What no window reads is hatched.

    Args:
        numbers: `(height, width)`, 12 × 12 at most.
        field: F, side of a window in pixels, or `(height, width)`.
        stride: S, pixels from one window to the next, or `(down, right)`; by default the field.
        kind: `"max"`; `"average"`; `"lp"`, (1/N Σ |x|^p)^(1/p); or `"l2"`, the root of the sum of squares.
        p: the power of `"lp"`, a number ≥ 1.

    Returns:
        A picture; its `alternative` says the same in words.

    Raises:
        InputError: an argument is not as said above, or a window is larger than the table.

    Source: Scherer, Müller and Behnke, "Evaluation of Pooling Operations in Convolutional Architectures for Object
    Recognition", 2010 (max, average); Sermanet, Chintala and LeCun 2012, https://arxiv.org/abs/1204.3968 (lp).

    Example:
    >>> from cnnzoo import plots
    >>> picture = plots.pooling([[1, 3, 0, 2], [2, 0, 1, 1], [0, 0, 5, 1], [1, 0, 2, 4]], field=2, stride=2)
    >>> picture.alternative
    'Max pooling with windows of 2 × 2, 2 pixels at a time, turns 4 × 4 numbers into 2 × 2: 3, 2; 1, 5.
     1 + (4 − 2)/2 = 2.'
    """
    values = given.table("numbers", numbers)
    if max(values.shape) > SIDE:
        raise InputError(
            f"numbers must be at most {SIDE} × {SIDE} to be read, not {values.shape[0]} × {values.shape[1]}"
        )
    places = Places.of(values.shape, field, field if stride is None else stride)
    pooled = _pooled(values, places, kind, p)
    drawn = _Pooling(values, pooled, places, kind, p)
    return drawn.picture


def _pooled(values: np.ndarray, places: Places, kind: str, p: float) -> np.ndarray:
    """Return what the layer of a kind makes of a table."""
    sides = (places.rows.window, places.columns.window), (places.rows.stride, places.columns.stride)
    if kind not in KINDS:
        raise unknown("kind of pooling", kind, KINDS, plural="kinds of pooling")
    if isinstance(p, bool) or not isinstance(p, int | float) or not 1 <= p < float("inf"):
        raise InputError(f"p must be a number of at least 1, not {p!r}")
    layer = {
        "max": lambda: keras.layers.MaxPooling2D(*sides, data_format="channels_last"),
        "average": lambda: keras.layers.AveragePooling2D(*sides, data_format="channels_last"),
        "lp": lambda: LpPooling2D(p, *sides),
        "l2": lambda: LpPooling2D(2, *sides, normalized=False),
    }[kind]()
    return keras.ops.convert_to_numpy(layer(values[None, ..., None]))[0, ..., 0]


class _Pooling:
    """The picture: the table, its windows apart where they overlap, and the output."""

    def __init__(self, values: np.ndarray, pooled: np.ndarray, places: Places, kind: str, p: float):
        self.values, self.pooled, self.places, self.kind = values, pooled, places, kind
        self._fields = places.rows.window, places.columns.window
        self._strides = places.rows.stride, places.columns.stride
        unit, self._size = cells.scale(values, pooled)
        rows, columns = ((n * (side + APART)) - APART for n, side in zip(pooled.shape, self._fields, strict=True))
        self._overlap = any(side > pace for side, pace in zip(self._fields, self._strides, strict=True))
        self._apart = self._overlap and values.shape[1] + columns + pooled.shape[1] + 4 <= ACROSS
        blocks = [(values.shape[0], max(values.shape[1], 3))]
        blocks += [(rows, columns)] if self._apart else []
        blocks += [(pooled.shape[0], max(pooled.shape[1], 3))]
        texts = [
            *([_worked(values, self._fields, pooled[0, 0], kind, p)] if self._written else []),
            *places.sentences(),
        ]
        tallest, line = max(height for height, _ in blocks), LINE / unit
        needed = sum(width for _, width in blocks) + GAP * (len(blocks) - 1) + 1.2
        width = max(needed, *(inches / unit for inches in (NARROWEST, *map(cells.inches, texts))))
        height = 1.6 + tallest + (len(texts) + 0.9) * line
        self.picture, axis = cells.sheet(width, height, unit, self._words(kind, p))
        left, names = (width - needed) / 2 + 0.6, [self._draw_values, self._draw_apart, self._draw_output]
        for number, (draw, (high, wide)) in enumerate(zip(names if self._apart else names[::2], blocks, strict=True)):
            if number:
                axis.text(left - GAP / 2, 1.5 + tallest / 2, "→", ha="center", va="center", size=15)
            draw(axis, left, 1.5 + (tallest - high) / 2, wide)
            left += wide + GAP
        for number, text in enumerate(texts):
            cells.line(axis, 1.6 + tallest + (number + 0.8) * line, text, width * unit)

    @property
    def _written(self) -> bool:
        return self._fields[0] * self._fields[1] <= TERMS

    def _words(self, kind: str, p: float) -> str:
        rows = "; ".join(", ".join(cells.printed(number) for number in row) for row in self.pooled)
        told = f": {rows}" if self.pooled.size <= SPOKEN else ""
        name = {"lp": f"Lp (p = {cells.printed(p)})", "l2": "L2"}.get(kind, kind.capitalize())
        before, after = (" × ".join(map(str, table.shape)) for table in (self.values, self.pooled))
        window = " × ".join(map(str, self._fields))
        return (
            f"{name} pooling with windows of {window}, {self.places.paces}, turns {before} "
            f"numbers into {after}{told}. {'; '.join(self.places.sentences())}."
        )

    def _windows(self) -> Iterator[tuple[int, int, str]]:
        # Where windows overlap and there is no room to draw them apart, the first one stands for all.
        alone = self._overlap and not self._apart
        for row, column in [(0, 0)] if alone else np.ndindex(*self.pooled.shape):
            yield row, column, COLORS[(column + 2 * row) % len(COLORS)]

    def _draw_values(self, axis: Axes, left: float, top: float, wide: float) -> None:
        left += (wide - self.values.shape[1]) / 2
        rows, columns = self.values.shape
        cells.mesh(axis, left, top, rows, columns)
        cells.numbers(axis, left, top, self.values, size=self._size)
        for along, (window, length) in enumerate(((self.places.columns, rows), (self.places.rows, columns))):
            cells.hatched(axis, left, top, sorted(set(range(window.size)) - seen(window)), length, along=along)
        for row, column, color in self._windows():
            y, x = row * self._strides[0], column * self._strides[1]
            if self._apart:
                # Neighbors run at different distances inside of their cells, so that no line hides another.
                inset = 0.03 + 0.065 * ((row % 2) * 2 + column % 2)
                cells.window(axis, left + x, top + y, *self._fields, color, inset).set(fill=False, linewidth=1.5)
            else:
                cells.window(axis, left + x, top + y, *self._fields, color, 0.06)
            if not self._apart:
                self._mark(axis, left + x, top + y, row, column, color)
        axis.text(
            left + columns / 2, top - 0.5, f"input, {rows} × {columns}", ha="center", va="center", size=cells.PLAIN
        )

    def _draw_apart(self, axis: Axes, left: float, top: float, wide: float) -> None:
        for row, column, color in self._windows():
            y, x = top + row * (self._fields[0] + APART), left + column * (self._fields[1] + APART)
            cells.mesh(axis, x, y, *self._fields)
            cells.numbers(axis, x, y, self._under(row, column), size=self._size)
            cells.window(axis, x, y, *self._fields, color)
            self._mark(axis, x, y, row, column, color)
        heading = f"{self.pooled.size} windows, {self._fields[0]} × {self._fields[1]}"
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

    def _under(self, row: int, column: int) -> np.ndarray:
        y, x = row * self._strides[0], column * self._strides[1]
        return self.values[y : y + self._fields[0], x : x + self._fields[1]]

    def _mark(self, axis: Axes, left: float, top: float, row: int, column: int, color: str) -> None:
        """Circle the number that is the maximum: the first of several, as the gradient has it."""
        if self.kind == "max":
            under = self._under(row, column)
            y, x = np.unravel_index(int(under.argmax()), under.shape)
            axis.add_patch(Circle((left + x + 0.5, top + y + 0.5), 0.4, fill=False, edgecolor=color, linewidth=1.8))


def _worked(values: np.ndarray, fields: tuple[int, int], result: float, kind: str, p: float) -> str:
    """Return the sum of the first window as one writes it."""
    under = values[: fields[0], : fields[1]]
    texts = [cells.printed(number) for number in under.ravel()]
    terms = [f"({text})" if text.startswith("−") else text for text in texts]
    squares = " + ".join(f"{term}²" for term in terms)
    power = cells.printed(p)
    powers = " + ".join(f"|{text}|^{power}" for text in texts)
    shown = {
        "max": f"max({', '.join(texts)})",
        "average": f"({' + '.join(terms)})/{under.size}",
        "lp": f"√(({squares})/{under.size})" if p == 2 else f"(({powers})/{under.size})^(1/{power})",
        "l2": f"√({squares})",
    }[kind]
    return f"{shown} = {cells.printed(result)}"
