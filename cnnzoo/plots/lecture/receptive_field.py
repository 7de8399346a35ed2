"""The receptive fields of a net's layers."""

import dataclasses
from collections.abc import Sequence

import keras
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle

from cnnzoo.analysis import ConvReport, Row, conv_report
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.picture import COLORS, Picture

ROW, IMAGE, FANS, NUMBERS = 0.46, 3.4, 3.2, 1.3  # inches
LONGEST = 36  # letters of a layer's name


@dataclasses.dataclass(frozen=True)
class Level:
    """A layer and its receptive field.

    Attributes:
        label: the layer's name, and its window where it has one.
        pixels: the sides of its receptive field, in pixels of the image.
    """

    label: str
    pixels: tuple[int, ...]


def receptive_fields(model: str | keras.Model, *, input_shape: Sequence[int] | None = None) -> Picture:
    """Draw how the receptive field grows from layer to layer.

    On the left are nested receptive fields in the middle of the image; on the right each layer has a row, in which one
    of its units fans down to the pixels that it depends on, along a side of the image. Drawn are the layers with a
    window, and those whose receptive field is larger than all before. The receptive fields are those of values far from
    the border of the image; some are larger than the image.

    Args:
        model: a name of `cnnzoo.list_models()`, or a functional or Sequential Keras model with channels last.
        input_shape: of an image without the batch, for models that leave sides open.

    Returns:
        A picture; its `alternative` lists the receptive fields.

    Raises:
        InputError: `cnnzoo.conv_report` does not know the model, or all of its receptive fields are single pixels.

    Source: `cnnzoo.conv_report`, for the numbers.

    Example:
    >>> from cnnzoo import plots
    >>> plots.receptive_fields("lenet5").alternative
    'Receptive fields of the layers of lenet5 in an image of 32 × 32 pixels: C1 5 × 5, S2 6 × 6, C3 14 × 14,
     S4 16 × 16, C5 32 × 32.'
    """
    report = conv_report(model, input_shape=input_shape)
    image = report.rows[0].output_shape[:-1]
    shown = levels(report)
    if not shown or any(len(level.pixels) != len(image) for level in shown):
        raise InputError(
            f"{report.model} has no receptive fields to draw: it needs inputs of one rank, and a layer whose receptive "
            "field is larger than one pixel"
        )
    sizes = ", ".join(f"{level.label.split('  ')[0]} {_by(level.pixels)}" for level in shown)
    alternative = f"Receptive fields of the layers of {report.model} in an image of {_by(image)} pixels: {sizes}."
    plane = len(image) == 2
    largest = [max(sides) for sides in zip(image, *(level.pixels for level in shown), strict=True)]
    scale = IMAGE / max(largest)
    high = largest[0] * scale if plane else 0.0
    height = max(high, len(shown) * ROW) + 0.9
    names = max(cells.inches(level.label, cells.PLAIN) for level in shown)
    width = (IMAGE + 0.5 if plane else 0.2) + names + FANS + NUMBERS
    figure, axis = cells.sheet(width, height, 1.0, alternative)
    if plane:
        _draw_squares(axis, 0.3, (height - high) / 2 + 0.15, high, scale, image, shown)
    _draw_fans(axis, width - NUMBERS - FANS, (height - len(shown) * ROW) / 2 + 0.15, image, shown)
    return figure


def levels(report: ConvReport) -> list[Level]:
    """Return the drawn layers of a report, from the image on.

    Args:
        report: of the whole net.
    """
    drawn, largest = [], report.rows[0].receptive_field
    for row in report.rows[1:]:
        if row.window or row.receptive_field > largest:
            drawn.append(Level(_label(row), row.receptive_field))
        largest = max(largest, row.receptive_field)
    return drawn


def _label(row: Row) -> str:
    """Return name, window and stride: `conv1  11×11/4`."""
    name = row.name if len(row.name) <= LONGEST else f"{row.name[: LONGEST - 1]}…"
    if not row.window:
        return name
    sides = "×".join(map(str, row.window))
    if set(row.stride) == {1}:
        return f"{name}  {sides}"
    return f"{name}  {sides}/{'×'.join(map(str, row.stride if len(set(row.stride)) > 1 else row.stride[:1]))}"


def _by(pixels: Sequence[int]) -> str:
    return " × ".join(map(str, pixels))


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _draw_squares(
    axis: Axes, left: float, top: float, room: float, scale: float, image: Sequence[int], shown: list[Level]
) -> None:
    """Draw nested receptive fields in the image, all to one scale."""
    middle = (left + IMAGE / 2, top + room / 2)
    high, wide = (side * scale for side in image)
    corner = (middle[0] - wide / 2, middle[1] - high / 2)
    axis.add_patch(Rectangle(corner, wide, high, facecolor=(cells.GRAY, 0.15), edgecolor=cells.GRAY, gid="image"))
    for number, level in reversed(list(enumerate(shown))):
        high, wide = (side * scale for side in level.pixels)
        corner = (middle[0] - wide / 2, middle[1] - high / 2)
        color = _color(number)
        axis.add_patch(Rectangle(corner, wide, high, fill=False, edgecolor=color, linewidth=1.6, gid="field"))
        inner = shown[number - 1].pixels[0] if number else 0
        # Where there is room, the width is written in the corner.
        if (level.pixels[0] - inner) * scale / 2 > 0.15:
            axis.text(corner[0] + 0.04, corner[1] + 0.03, f"{level.pixels[1]}", va="top", size=cells.SMALL, color=color)
    heading = f"receptive fields in the image of {_by(image)}"
    axis.text(middle[0], top - 0.25, heading, ha="center", va="center", size=cells.PLAIN)


def _draw_fans(axis: Axes, left: float, top: float, image: Sequence[int], shown: list[Level]) -> None:
    """Draw a row for each layer, the first one on top: a unit, its fan, and its patch on a side of the image."""
    largest = max(image[-1], *(level.pixels[-1] for level in shown))
    scale, middle, bar = FANS / largest, left + FANS / 2, 0.09
    for number, level in enumerate(shown):
        unit, side, color = top + number * ROW, top + number * ROW + ROW - bar - 0.1, _color(number)
        row = [("image", image[-1], cells.GRAY, 0.25), (level.label, level.pixels[-1], color, 0.85)]
        for name, pixels, shade, opaque in row:
            wide = pixels * scale
            box = Rectangle((middle - wide / 2, side), wide, bar, facecolor=(shade, opaque), edgecolor="none")
            box.set_gid(f"bar {name}")
            axis.add_patch(box)
        half = level.pixels[-1] * scale / 2
        corners = [(middle, unit), (middle + half, side), (middle - half, side)]
        axis.add_patch(Polygon(corners, facecolor=(color, 0.2), edgecolor="none"))
        axis.plot(middle, unit, "o", color=color, markersize=4, clip_on=False)
        axis.text(left - 0.12, (unit + side) / 2, level.label, ha="right", va="center", size=cells.PLAIN)
        axis.text(left + FANS + 0.12, (unit + side) / 2, _by(level.pixels), va="center", size=cells.PLAIN)
    heading = "the pixels that one unit depends on, of a side"
    axis.text(middle, top - 0.25, heading, ha="center", va="center", size=cells.PLAIN)
