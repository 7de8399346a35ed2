"""Primitives of the lecture's pictures: tables of numbers, windows and brackets; one unit of the axes is one cell."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from cnnzoo.plots.picture import COLORS, Picture, picture

GRAY = "#808080"  # auxiliary lines, legible on white and on black
UNREAD = COLORS[3]
SMALL, PLAIN, LARGE = 7.5, 9.0, 11.0  # sizes of text, in points


def sheet(width: float, height: float, unit: float, alternative: str) -> tuple[Picture, Axes]:
    """Return a picture and axes that fill it, with y downwards.

    Args:
        width: in cells.
        height: in cells.
        unit: inches a cell.
        alternative: the alternative text.
    """
    figure = picture(width * unit, height * unit, alternative)
    figure.set_layout_engine("none")  # it would move what is positioned here
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axis.set(xlim=(0, width), ylim=(height, 0))
    axis.axis("off")
    return figure, axis


def printed(number: float) -> str:
    """Return a number with at most two decimals, and a minus sign instead of a hyphen.

    Example:
    >>> printed(-2.0), printed(1 / 3), printed(-0.001)
    ('−2', '0.33', '0')
    """
    text = f"{number:.2f}".rstrip("0").rstrip(".") if abs(number) < 1e5 else f"{number:.2g}"
    return "0" if text in ("-0", "0") else text.replace("-", "−")


def scale(*tables: np.ndarray) -> tuple[float, float]:
    """Return inches a cell and points of text, at which every number of some tables fits its cell.

    Example:
    >>> scale(np.array([[1, -10]]))
    (0.36, 9.0)
    """
    longest = max(len(printed(number)) for table in tables for number in np.ravel(table))
    unit = max(0.36, 0.0625 * longest + 0.05)
    return unit, min(PLAIN, 72 * (unit - 0.05) / (0.6 * longest))


def mesh(
    axis: Axes, left: float, top: float, rows: int, columns: int, *, color: str = GRAY, dashes: bool = False
) -> None:
    """Draw the lines of a table.

    Args:
        axis: where to draw.
        left: in cells, as all positions.
        top: the same.
        rows: how many.
        columns: how many.
        color: of the lines.
        dashes: for dashed lines.
    """
    down = [((left + x, top), (left + x, top + rows)) for x in range(columns + 1)]
    across = [((left, top + y), (left + columns, top + y)) for y in range(rows + 1)]
    style = (0, (2, 2)) if dashes else "-"
    axis.add_collection(LineCollection(down + across, colors=color, linewidths=0.7, linestyles=[style]))


def numbers(
    axis: Axes, left: float, top: float, values: np.ndarray, *, size: float = PLAIN, color: str = "black"
) -> list[list[Text]]:
    """Write a table of numbers, each in the middle of its cell.

    Args:
        axis: where to draw.
        left: in cells, as all positions.
        top: the same.
        values: `(rows, columns)`.
        size: of the text, in points.
        color: of the text.

    Returns:
        The texts, row by row.
    """
    return [
        [
            axis.text(left + x + 0.5, top + y + 0.54, printed(value), ha="center", va="center", size=size, color=color)
            for x, value in enumerate(row)
        ]
        for y, row in enumerate(values)
    ]


def window(
    axis: Axes, left: float, top: float, rows: float, columns: float, color: str, inset: float = 0.0
) -> Rectangle:
    """Draw a window: its outline, and a transparent tint that keeps numbers legible.

    Args:
        axis: where to draw.
        left: in cells, as all positions.
        top: the same.
        rows: its height.
        columns: its width.
        color: of the outline; the tint is a fifth of it.
        inset: how far inside of its cells the outline runs.
    """
    outline = Rectangle((left + inset, top + inset), columns - 2 * inset, rows - 2 * inset, linewidth=2.0, zorder=3)
    outline.set(edgecolor=color, facecolor=(color, 0.2), joinstyle="round")
    axis.add_patch(outline)
    return outline


def hatched(axis: Axes, left: float, top: float, columns: Iterable[int], rows: float, *, along=0, step=1.0):
    """Hatch whole columns of a table, or rows with `along=1`, that no window reads.

    Args:
        axis: where to draw.
        left: in cells, as all positions.
        top: the same.
        columns: indices of the columns.
        rows: their length.
        along: 0 for columns, 1 for rows.
        step: how wide a column is, or how high a row.
    """
    parts = [
        Rectangle((left, top + n * step), rows, step) if along else Rectangle((left + n * step, top), step, rows)
        for n in columns
    ]
    if parts:
        # Two collections, as the hatch of an SVG takes the transparency of its face.
        axis.add_collection(PatchCollection(parts, facecolor=(UNREAD, 0.15), edgecolor="none"))
        axis.add_collection(
            PatchCollection(parts, facecolor="none", edgecolor=UNREAD, linewidth=0.0, hatch="////", gid="unread")
        )


def bracket(axis: Axes, start: float, stop: float, at: float, *, upright: bool = False, up: bool = False) -> Line2D:
    """Draw a bracket along a side of a table, at the position of one window.

    Args:
        axis: where to draw.
        start: where the window starts, in cells.
        stop: where it ends.
        at: position of the bracket across the side.
        upright: along a column instead of a row.
        up: whether its ends point away from larger `at`.
    """
    tick = -0.16 if up else 0.16
    inset = min(0.1, 0.15 * (stop - start))  # so that neighbors do not touch
    along = [start + inset, start + inset, stop - inset, stop - inset]
    across = [at + tick, at, at, at + tick]
    (line,) = axis.plot(*((across, along) if upright else (along, across)), color=GRAY, linewidth=1.2, clip_on=False)
    return line


def highlight(brackets: list[Line2D], number: int, color: str) -> None:
    """Color one of the brackets, and gray all others."""
    for index, line in enumerate(brackets):
        if index == number:
            line.set(color=color, linewidth=2.4, zorder=4)
        else:
            line.set(color=GRAY, linewidth=1.2, zorder=2)


def inches(text: str, size: float = SMALL) -> float:
    """Return the width of a line of text with margins, in inches; a letter is 0.6 of the size wide.

    Example:
    >>> inches("1 + (7 − 3)/1 = 5", size=9)
    1.575
    """
    return 0.6 * size * len(text) / 72 + 0.3


def centered(axis: Axes, at: float, text: str, room: float) -> Text:
    """Write a centered line of text, in a size that fits.

    Args:
        axis: where to draw.
        at: how far down, in cells.
        text: the line.
        room: the width that it must fit into, in inches.
    """
    size = min(LARGE, 72 * (room - 0.3) / (0.6 * len(text)))
    return axis.text(sum(axis.get_xlim()) / 2, at, text, ha="center", va="center", size=size)
