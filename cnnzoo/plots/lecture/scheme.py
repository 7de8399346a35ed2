"""A sliding window on a large image: its sides to scale, and the end of each side enlarged."""

from collections.abc import Iterable

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from cnnzoo.analysis import Window
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.lecture.positions import WindowPositions, formula, read_by
from cnnzoo.plots.lecture.windows import HERE, LANE, brackets, lanes_of, zeros
from cnnzoo.plots.picture import COLORS

UNIT, WIDTH, MARGIN = 0.36, 28.0, 0.8  # inches a cell; cells
PART = 22.0  # cells that the enlarged end may take, so that its label has room
LANES, BRACKETS = 6, 300  # more windows over one pixel, or in one line, cannot be told apart
START = COLORS[0]


class WindowAlongSides:
    """The picture of a window on a large image: its sides as bars, with a line where each window begins.

    A square image has one bar for both sides.

    Args:
        positions: the positions of the window.

    Attributes:
        picture: the figure.
        steps: number of positions in the first row of the output.
    """

    def __init__(self, positions: WindowPositions):
        self.positions, self.steps = positions, positions.columns.outputs
        sides: list[tuple[str, Window, tuple[str, ...]]] = [("each side", positions.columns, ("row", "column"))]
        if not positions.square:
            sides = [("the height", positions.rows, ("row",)), ("the width", positions.columns, ("column",))]
        heights = [_height(window) for _, window, _ in sides]
        self.picture, self._axis = cells.sheet(WIDTH, sum(heights) + 0.3, UNIT, "")
        tops = [sum(heights[:number]) for number in range(len(sides))]
        self._sides = [_Side(self._axis, top + 0.3, *side) for top, side in zip(tops, sides, strict=True)]

    def show(self, step: int, *, later: bool = True) -> list[Artist]:
        """Draw the window at one of its positions; see `WindowOnNumbers.show`."""
        position = divmod(step, self.positions.columns.outputs)
        rows, columns = self.positions.rows, self.positions.columns
        self.picture.alternative = (
            f"A window of {rows.window} × {columns.window} slides over an image of {rows.size} × {columns.size} "
            f"pixels{zeros(self.positions)}, with {self.positions.strides}, drawn along its sides with a line where "
            f"each window starts. {'; '.join(self.positions.formulas())}."
        )
        outputs = position[1:] if self.positions.square else position
        return [artist for side, output in zip(self._sides, outputs, strict=True) for artist in side.show(output)]


class _Side:
    """One side of the image, from `top` downwards: heading, bar, its end enlarged, formula."""

    def __init__(self, axis: Axes, top: float, name: str, window: Window, lines: tuple[str, ...]):
        before, after = window.pads
        length, lanes, first = window.size + before + after, _lanes(window), _enlarged(window)
        windows = "1 window" if window.outputs == 1 else f"{window.outputs} windows"
        around = f", zeros: {before} before, {after} after" if before or after else ""
        heading = f"{name}: {window.size} pixels{around}, {windows} of {window.extent}, stride {window.stride}"
        axis.text(MARGIN, top + 0.4, heading, va="center", size=cells.PLAIN)
        bar = top + 1.1 + lanes * LANE
        scale = (WIDTH - 2 * MARGIN) / length
        self._stretches = [_Stretch(axis, window, bar, MARGIN, 0, scale)]
        if first:
            wide = min(1.0, PART / (length - first))
            left, above, bar = WIDTH - MARGIN - (length - first) * wide, bar + 1, bar + 2.4 + lanes * LANE
            axis.text(left - 0.3, bar + 0.5, "the end, enlarged", ha="right", va="center", size=cells.SMALL)
            for corner, below in ((MARGIN + first * scale, left), (WIDTH - MARGIN,) * 2):
                axis.plot((corner, below), (above, bar), color=cells.GRAY, linewidth=0.6, linestyle=":")
            self._stretches.append(_Stretch(axis, window, bar, left, first, wide))
        cells.centered(axis, bar + 2.2, formula(window, lines), WIDTH * UNIT)

    def show(self, output: int) -> list[Artist]:
        return [artist for stretch in self._stretches for artist in stretch.show(output)]


class _Stretch:
    """A side of the image from its pixel `first` on, zeros counted, drawn as a bar from `left` at a scale."""

    def __init__(self, axis: Axes, window: Window, top: float, left: float, first: int, scale: float):
        self._axis, self._window, self._top, self._left = axis, window, top, left
        self._first, self._scale = first, scale
        before, after = window.pads
        length = before + window.size + after
        if scale > 0.3:
            self._lines(range(first, length), cells.GRAY, 0.6, "pixels")
        self._outline(max(before, first), before + window.size, "black")
        self._outline(first, before, cells.GRAY)
        self._outline(before + window.size, length, cells.GRAY)
        missed = sorted(set(range(-before, window.size + after)) - read_by(window))
        unread = [pixel + before - first for pixel in missed if pixel + before >= first]
        cells.hatched(axis, left, top, unread, 1, step=scale)
        starts = range(0, window.outputs * window.stride, window.stride)
        self._lines(starts, START, min(1.2, 8 * scale * window.stride), "starts")
        for pixel in (max(first - before, 0) + 1, window.size):
            x = self._at(pixel - 0.5 + before)
            axis.text(x, top + 1.45, f"{pixel}", ha="center", va="center", size=cells.SMALL)
        self._brackets = brackets(axis, window, self._at(0), top - 0.25, step=scale) if _lanes(window) else []
        for bracket, start in zip(self._brackets, starts, strict=False):
            bracket.set_visible(start >= first)
        self._rectangle = cells.window(axis, left, top, 1, window.extent * scale, HERE)

    def _at(self, pixel: float) -> float:
        return self._left + (pixel - self._first) * self._scale

    def _lines(self, pixels: Iterable[int], color: str, width: float, name: str) -> None:
        ends = [((self._at(n), self._top), (self._at(n), self._top + 1)) for n in pixels if n >= self._first]
        self._axis.add_collection(LineCollection(ends, colors=color, linewidths=width, gid=name))

    def _outline(self, start: int, stop: int, color: str) -> None:
        """Frame pixels, or zeros with dashes."""
        if stop > start:
            box = Rectangle((self._at(start), self._top), self._at(stop) - self._at(start), 1, fill=False)
            box.set(edgecolor=color, linewidth=0.9, linestyle="-" if color == "black" else (0, (2, 2)))
            self._axis.add_patch(box)

    def show(self, output: int) -> list[Artist]:
        start = output * self._window.stride
        self._rectangle.set_x(self._at(start))
        self._rectangle.set_visible(start >= self._first)
        cells.highlight(self._brackets, output, HERE)
        return [self._rectangle, *self._brackets]


def _lanes(window: Window) -> int:
    lanes = lanes_of(window)
    return lanes if lanes <= LANES and window.outputs <= BRACKETS else 0


def _enlarged(window: Window) -> int:
    """Return where the enlarged part starts; 0 for none.

    It starts with a window, and holds three windows or as many as fit a line.
    """
    length = window.size + sum(window.pads)
    windows = 3 + max((12 - window.extent) // window.stride, 0)
    first = max((window.outputs - windows) * window.stride, 0)
    twice = min(1.0, PART / (length - first)) > 2 * (WIDTH - 2 * MARGIN) / length
    return first if twice else 0


def _height(window: Window) -> float:
    lanes = _lanes(window)
    return 1.1 + lanes * LANE + 3.0 + (2.4 + lanes * LANE if _enlarged(window) else 0)
