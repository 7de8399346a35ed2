"""A net as a drawing: maps as stacks of squares, dense layers as bars, as papers draw them."""

from math import prod

import keras
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cnnzoo.analysis import conv_report
from cnnzoo.analysis.table import Row
from cnnzoo.errors import InputError
from cnnzoo.plots.picture import COLORS, Picture, listed, picture

TALLEST = 1.9  # inches, of the largest maps and of the widest dense layer
SHEETS = 5  # at most, of a stack of maps
SHIFT = 0.06  # inches from one sheet to the next
GAP = 0.22  # inches between layers
ROOM = 0.72  # inches at least for the words of a layer


def architecture(model: keras.Model | str, *, input_shape: tuple[int, ...] | None = None) -> Picture:
    """Draw a net from left to right: its input, and each layer that has weights or changes the size of the maps.

    Maps are a stack of rectangles whose sides grow with the square root of the maps' own sides, and of more sheets the
    more maps there are. A dense layer is a bar, as tall as the square root of its units among all dense layers. A layer
    stands below its name and above its output's size, and its window (as 5×5) where it has one.

    Args:
        model: a Keras model, or a name of `cnnzoo.list_models()`.
        input_shape: `(height, width, channels)`, as `cnnzoo.conv_report` takes it; default the model's own.

    Returns:
        The figure.

    Raises:
        InputError: as `cnnzoo.conv_report`, or a net without such layers.

    Example:
    >>> architecture("mlp").alternative
    'mlp, drawn from left to right: images 28×28×1, fc1 300, fc2 100 and output 10.'
    """
    report = conv_report(model, input_shape=input_shape)
    rows = _drawn_rows(report.rows)
    if len(rows) < 2:
        raise InputError(f"{report.model} has no layers with weights or windows to draw")
    dense = max((row.output_shape[-1] for row in rows if _sides(row) is None), default=1)
    maps = max((max(sides) for row in rows if (sides := _sides(row))), default=1)
    boxes = [_box(row, maps, dense) for row in rows]
    width = sum(max(box[0], ROOM) + GAP for box in boxes) + GAP
    sizes = listed([f"{row.name} {_size(row)}" for row in rows])
    figure = picture(width, TALLEST + 1.1, f"{report.model}, drawn from left to right: {sizes}.")
    figure.set_layout_engine("none")  # the axes are the figure, so that an inch is an inch
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(-TALLEST / 2 - 0.6, TALLEST / 2 + 0.5))
    axis.axis("off")
    left = GAP
    for number, (row, (wide, tall)) in enumerate(zip(rows, boxes, strict=True)):
        room = max(wide, ROOM)
        _draw(axis, row, left + (room - wide) / 2, wide, tall, COLORS[0] if row.parameters else "#9aa0a6")
        _label(axis, row, left + room / 2, tall, is_input=not number)
        left += room + GAP
    return figure


def _drawn_rows(rows: tuple[Row, ...]) -> list[Row]:
    """Return the input and the rows with weights, or with a window that changes the size."""
    chosen, before = [], None
    for row in rows:
        resized = before is not None and _sides(row) is not None and _sides(row) != _sides(before)
        if before is None or row.parameters or (row.window and resized):
            chosen.append(row)
        before = row
    return chosen


def _sides(row: Row) -> tuple[int, ...] | None:
    """Return the height and the width of maps, and `None` where a layer's output is a vector or 1×1."""
    *sides, _ = row.output_shape
    return tuple(sides) if len(sides) == 2 and prod(sides) > 1 else None


def _size(row: Row) -> str:
    return "×".join(map(str, row.output_shape)) if _sides(row) else f"{row.output_shape[-1]:,}"


def _box(row: Row, maps: int, dense: int) -> tuple[float, float]:
    """Return width and height in inches."""
    if sides := _sides(row):
        tall, wide = (max(0.18, 0.6 * TALLEST * (side / maps) ** 0.5) for side in sides)
        return wide + (_sheets(row) - 1) * SHIFT, tall + (_sheets(row) - 1) * SHIFT
    return 0.16, max(0.16, TALLEST * (row.output_shape[-1] / dense) ** 0.5)


def _sheets(row: Row) -> int:
    return min(SHEETS, row.output_shape[-1])


def _draw(axis: Axes, row: Row, left: float, wide: float, tall: float, color: str) -> None:
    sheets = _sheets(row) if _sides(row) else 1
    extra = (sheets - 1) * SHIFT
    for sheet in reversed(range(sheets)):
        corner = (left + sheet * SHIFT, -tall / 2 + sheet * SHIFT)
        axis.add_patch(
            Rectangle(
                corner,
                wide - extra,
                tall - extra,
                facecolor=color,
                edgecolor="#444444",
                linewidth=0.7,
                alpha=0.9 if sheet == 0 else 0.75,
            )
        )


def _label(axis: Axes, row: Row, middle: float, tall: float, *, is_input: bool) -> None:
    name = "input" if is_input else row.name
    axis.text(middle, tall / 2 + 0.06, name, ha="center", va="bottom", fontsize=9)
    window = "\nwindow " + "×".join(map(str, row.window)) if row.window and prod(row.window) > 1 else ""
    axis.text(middle, -tall / 2 - 0.06, _size(row) + window, ha="center", va="top", fontsize=8)
