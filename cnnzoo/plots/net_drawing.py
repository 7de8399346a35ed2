"""A net as a drawing: maps as boxes in perspective, dense layers as narrow columns, as papers draw them."""

import dataclasses
from collections.abc import Sequence
from math import prod

import keras
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon

from cnnzoo.analysis import conv_report
from cnnzoo.analysis.table import Row
from cnnzoo.errors import InputError
from cnnzoo.plots.picture import COLORS, Picture, listed, picture

TALLEST = 1.5  # inches, of the largest maps and of the widest dense layer
SMALLEST = 0.2  # inches, of any side of maps
RIGHT, UP = 0.42, 0.3  # how far a side that leads backward is drawn to the right and up, for its length
THICKNESS = 0.028  # inches of a box, times the root of the number of its maps
COLUMN = 0.13  # inches of a dense layer's width
GAP = 0.16  # inches between layers
MARGIN = 0.08  # inches above and below them
WIDEST = 9.9  # inches of a row; longer nets go on in the next one
NAME, SIZE = 9, 8  # points of the texts
LETTER = 0.6 / 72  # inches that a letter is wide, for each point of its size
NAMED, LINE = 0.16, 0.135  # inches that a name needs below the boxes, and each further line
GRAY = "#9aa0a6"  # of what has no weights
EDGE = "#444444"


def architecture(model: keras.Model | str, *, input_shape: tuple[int, ...] | None = None) -> Picture:
    """Draw a net from left to right: its input, and each layer that has weights or changes the size of the maps.

    Maps are a box: its height and its width, which leads backward, grow with the square root of the maps' sides, its
    thickness with the square root of their number. A dense layer is a narrow column, as tall as the square root of its
    units among all dense layers. Below each layer stand its name, its output's size (height×width×maps), and its
    window and stride where it has them. Where a layer's window slides over the maps to its left, it is drawn on them,
    at its size, and lines lead from it to the layer. Blue layers have weights, gray ones have none. The layers of
    branches stand in the order in which they are computed; a long net goes on in further rows.

    Args:
        model: a Keras model, or a name of `cnnzoo.list_models()`.
        input_shape: `(height, width, channels)`, as `cnnzoo.conv_report` takes it; default the model's own.

    Returns:
        The figure.

    Raises:
        InputError: as `cnnzoo.conv_report`, or a net without such layers.

    Source: the manner of Krizhevsky, Sutskever and Hinton 2012, figure 2, whose boxes are to another scale.

    Example:
    >>> architecture("mlp").alternative
    'mlp, drawn from left to right: images 28×28×1, fc1 300, fc2 100 and output 10.'
    """
    report = conv_report(model, input_shape=input_shape)
    rows = _drawn_rows(report.rows)
    if len(rows) < 2:
        raise InputError(f"{report.model} has no layers with weights or windows to draw")
    lines = _in_lines(_boxes(rows))
    width = max(sum(box.room for box in line) for line in lines) + GAP
    boxed = [max(box.height for box in line) + 2 * MARGIN for line in lines]
    texts = [NAMED + LINE * max(len(_texts(box.row)) for box in line) + MARGIN for line in lines]
    sizes = listed([f"{row.name} {_size(row)}" for row in rows])
    height = sum(boxed) + sum(texts)
    figure = picture(width, height, f"{report.model}, drawn from left to right: {sizes}.")
    figure.set_layout_engine("none")  # the axes are the figure, so that an inch is an inch
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(0, height))
    axis.axis("off")
    for line, high, below in zip(lines, boxed, texts, strict=True):
        height -= high
        _draw_line(axis, line, height + high / 2, height)
        height -= below
    return figure


@dataclasses.dataclass
class _Box:
    """A drawn layer.

    Attributes:
        row: its row of the report.
        name: what is written below it.
        wide: inches of the front from left to right: the maps.
        tall: inches from below to above.
        back: inches of the side that leads backward.
        left: inches from the left, once it has a position.
        low: inches of its lower end.
    """

    row: Row
    name: str
    wide: float
    tall: float
    back: float
    left: float = 0.0
    low: float = 0.0

    @property
    def width(self) -> float:
        return self.wide + self.back * RIGHT

    @property
    def height(self) -> float:
        return self.tall + self.back * UP

    @property
    def room(self) -> float:
        """Inches from this layer to the next, in which its texts have room, too."""
        texts = [LETTER * NAME * len(self.name), *(LETTER * SIZE * len(text) for text in _texts(self.row))]
        return max(self.width, *texts) + GAP

    def on_side(self, backward: float, upward: float) -> tuple[float, float]:
        """Return a point of the side at the right, given as fractions of its width and its height."""
        back = self.back * backward
        return self.left + self.wide + back * RIGHT, self.low + self.tall * upward + back * UP


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
    """Return the sides of maps or of a signal, and `None` where a layer's output is a vector or has one position."""
    *sides, _ = row.output_shape
    return tuple(sides) if len(sides) in (1, 2) and prod(sides) > 1 else None


def _size(row: Row) -> str:
    return "×".join(map(str, row.output_shape)) if _sides(row) else f"{row.output_shape[-1]:,}"


def _texts(row: Row) -> list[str]:
    """Return what stands below the name: the size, and window and stride where there are any."""
    texts = [_size(row)]
    if row.window and prod(row.window) > 1:
        texts.append("window " + "×".join(map(str, row.window)))
    if row.stride and max(row.stride) > 1:
        texts.append("stride " + "×".join(map(str, row.stride if len(set(row.stride)) > 1 else row.stride[:1])))
    return texts


def _boxes(rows: Sequence[Row]) -> list[_Box]:
    """Return the layers as boxes, without positions."""
    dense = max((row.output_shape[-1] for row in rows if _sides(row) is None), default=1)
    largest = max((max(sides) for row in rows if (sides := _sides(row))), default=1)
    boxes = []
    for number, row in enumerate(rows):
        name = row.name if number else "input"
        if sides := _sides(row):
            tall, *rest = (max(SMALLEST, TALLEST * (side / largest) ** 0.5) for side in sides)
            wide = min(1.0, max(0.07, THICKNESS * row.output_shape[-1] ** 0.5))
            boxes.append(_Box(row, name, wide, tall, rest[0] if rest else COLUMN))
        else:
            tall = max(COLUMN, 1.2 * TALLEST * (row.output_shape[-1] / dense) ** 0.5)
            boxes.append(_Box(row, name, COLUMN, tall, COLUMN))
    return boxes


def _in_lines(boxes: list[_Box]) -> list[list[_Box]]:
    """Return the boxes in as few lines as have room for them, of about the same width."""
    total = sum(box.room for box in boxes)
    goal = total / -(-total // WIDEST)
    lines: list[list[_Box]] = [[]]
    for box in boxes:
        if lines[-1] and sum(each.room for each in lines[-1]) + box.room / 2 > goal:
            lines.append([])
        lines[-1].append(box)
    return lines


def _draw_line(axis: Axes, line: list[_Box], middle: float, floor: float) -> None:
    """Draw layers from left to right around a height, with their texts below the floor."""
    left = GAP
    for box in line:
        box.left, box.low = left + (box.room - GAP - box.width) / 2, middle - box.height / 2
        left += box.room
    for number, box in enumerate(line):
        _draw_box(axis, box)
        if number and _slides(box.row, line[number - 1].row):
            _draw_window(axis, line[number - 1], box)
        center = box.left + box.width / 2
        axis.text(center, floor, box.name, ha="center", va="top", fontsize=NAME)
        axis.text(center, floor - NAMED, "\n".join(_texts(box.row)), ha="center", va="top", fontsize=SIZE)


def _draw_box(axis: Axes, box: _Box) -> None:
    left, right, low, high = box.left, box.left + box.wide, box.low, box.low + box.tall
    away, up = box.back * RIGHT, box.back * UP
    faces = {
        0.0: [(left, low), (right, low), (right, high), (left, high)],
        0.45: [(left, high), (right, high), (right + away, high + up), (left + away, high + up)],
        -0.25: [(right, low), (right + away, low + up), (right + away, high + up), (right, high)],
    }
    for light, corners in faces.items():
        color = _shaded(COLORS[0] if box.row.parameters else GRAY, light)
        axis.add_patch(Polygon(corners, facecolor=color, edgecolor=EDGE, linewidth=0.6, joinstyle="round"))


def _shaded(color: str, light: float) -> tuple[float, ...]:
    """Return a color that is lighter, or darker where `light` is negative; from −1 to 1."""
    return tuple(value + light * ((1 - value) if light > 0 else value) for value in to_rgb(color))


def _slides(row: Row, before: Row) -> bool:
    """Return whether a row's window slides over the maps of the row drawn before it."""
    is_window = bool(row.window) and prod(row.window) > 1 and _sides(before) is not None
    spreads = any(side > size for side, size in zip(row.output_shape[:-1], row.input_size, strict=False))  # transposed
    return is_window and not spreads and row.input_shapes == (before.output_shape,)


def _draw_window(axis: Axes, below: _Box, box: _Box) -> None:
    """Draw a layer's window in the middle of the maps below it, and lines from its corners to the layer."""
    tall, *wide = (
        min(1.0, ((window - 1) * dilation + 1) / side) / 2
        for window, dilation, side in zip(box.row.window, box.row.dilation, box.row.input_size, strict=True)
    )
    across = wide[0] if wide else 0.5
    ends = [
        (0.5 - across, 0.5 - tall),
        (0.5 + across, 0.5 - tall),
        (0.5 + across, 0.5 + tall),
        (0.5 - across, 0.5 + tall),
    ]
    corners = [below.on_side(*end) for end in ends]
    axis.add_patch(Polygon(corners, facecolor="#ffffff", alpha=0.75, edgecolor="none"))
    target = (box.left, box.low + box.tall / 2)
    for corner in corners:
        axis.plot(*zip(corner, target, strict=True), color="#808080", linewidth=0.6)
