"""The base of all pictures: a figure with an alternative text, images in rows, and the ticks of axes."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

GAP = 0.12  # between two images, as a fraction of one
LINE = 0.14  # inches that a line of a caption needs
COLORS = ("#1f77b4", "#e07b00", "#2a9d4a", "#c8323c", "#8b62bf")  # legible on white and on black


class Picture(Figure):
    """A figure of matplotlib with an alternative text.

    It is no figure of `pyplot`: creating one shows nothing and keeps nothing open. A notebook shows it,
    `savefig` writes it.

    Attributes:
        alternative: the alternative text: a description for those who cannot see the figure.

    Example:
    >>> from cnnzoo import plots
    >>> picture = plots.learning_curves({"loss": [2.0, 1.0, 0.5]})
    >>> picture.alternative
    'Curves of loss over 3 epochs. loss in training from 2 to 0.5.'
    >>> picture.savefig(io.BytesIO())
    """

    alternative: str = ""

    def _repr_png_(self) -> bytes:
        """Return the PNG that a notebook shows."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def picture(width: float, height: float, alternative: str) -> Picture:
    """Return a new picture without axes.

    Args:
        width: in inches.
        height: in inches.
        alternative: the alternative text.
    """
    figure = Picture(figsize=(width, height), layout="constrained")
    figure.alternative = alternative
    return figure


def tiles(
    axis: Axes,
    images: Sequence[np.ndarray] | np.ndarray,
    *,
    columns: int,
    captions: Sequence[str] = (),
    limits: tuple[float, float] | Sequence[tuple[float, float]] | None = None,
    colors: str = "gray",
    room: float = 0.0,
    norm: Normalize | None = None,
) -> list[AxesImage]:
    """Draw images in rows into axes without ticks, each as an image of its own.

    Args:
        axis: where to draw.
        images: arrays `(height, width)`, `(height, width, 1)` or `(height, width, 3)`, all of one size. Colors are
            uint8, or floats of 0 to 1.
        columns: images per row, ≥ 1.
        captions: text below each image.
        limits: the values of black and white, of all or of each; `None` for each image's own smallest and largest.
        colors: name of a color map, for images without colors.
        room: free space below each row for captions, as a fraction of an image.
        norm: a scale for all of them instead of `limits`.

    Returns:
        The drawn images; `get_array()` returns the pixels of each.
    """
    drawn = []
    height, width = np.shape(images[0])[:2]
    across, down = width * (1 + GAP), height * (1 + GAP + room)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        left, top = column * across, row * down
        low, high = _limits_of(limits, number)
        artist = axis.imshow(
            np.squeeze(image, -1) if np.ndim(image) == 3 and np.shape(image)[-1] == 1 else image,
            extent=(left, left + width, top + height, top),
            **({"vmin": low, "vmax": high} if norm is None else {"norm": norm}),
            cmap=colors,
            interpolation="none",
        )
        drawn.append(artist)
        if captions:
            axis.text(left + width / 2, top + height * 1.04, plain(captions[number]), ha="center", va="top", fontsize=7)
    corners = [image.get_extent() for image in drawn]
    frames = [[(left, top), (right, top), (right, low), (left, low), (left, top)] for left, right, low, top in corners]
    axis.add_collection(LineCollection(frames, colors="#888888", linewidths=0.4))
    rows = -(-len(images) // columns)
    # Each `imshow` sets the limits of the axes to its own image.
    axis.set_xlim(0, columns * across - width * GAP)
    axis.set_ylim(rows * down - height * GAP, 0)
    axis.axis("off")
    return drawn


def _limits_of(limits: Sequence[Any] | None, number: int) -> tuple[float | None, float | None]:
    """Return the values of black and white for the image of an index."""
    if limits is None:
        return None, None
    low, high = limits[number] if np.ndim(limits) == 2 else limits
    return float(low), float(high)


def height_of(images: Sequence[np.ndarray] | np.ndarray, columns: int, width: float, room: float = 0.0) -> float:
    """Return the height in inches that `tiles` need at a width in inches.

    Example:
    >>> round(height_of(np.zeros((6, 10, 10)), columns=3, width=3.0), 2)
    2.0
    """
    high, wide = np.shape(images[0])[:2]
    down = -(-len(images) // columns)
    return width * (down * high * (1 + GAP + room)) / (columns * wide * (1 + GAP))


def room_for(lines: int, images: Sequence[np.ndarray] | np.ndarray, columns: int, width: float) -> float:
    """Return the free space that captions of so many lines need below each row, as a fraction of an image.

    Example:
    >>> round(room_for(3, np.zeros((8, 10, 10)), columns=8, width=8.0), 2)
    0.47
    """
    high, wide = np.shape(images[0])[:2]
    return lines * LINE * columns * (1 + GAP) * wide / (width * high)


def drawable(images) -> tuple[np.ndarray, tuple[float, float]]:
    """Return images for `tiles`, and their values of black and white.

    These are 0 and 255 for uint8, 0 and 1 for floats that lie between them, and else the smallest and the largest value
    of all images.

    Example:
    >>> drawable(np.zeros((1, 2, 2, 1)))[1], drawable(np.array([[[[-1.0], [3.0]]]]))[1]
    ((0.0, 1.0), (-1.0, 3.0))
    """
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images, (0.0, 255.0)
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1 and images.dtype.kind == "f":
        return images, (0.0, 1.0)
    return (one_scale(images) if images.shape[-1] == 3 else images), (low, high)


def one_scale(images: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """Return color images scaled to 0 to 1, by one scale for all of them, so that they can be compared.

    Args:
        images: float array of any shape.
        of: array whose smallest and largest values become 0 and 1; default the images.

    Example:
    >>> one_scale(np.array([-1.0, 0.0, 3.0]))
    array([0.  , 0.25, 1.  ])
    """
    of = images if of is None else of
    low, high = float(of.min()), float(of.max())
    return np.clip((images - low) / ((high - low) or 1.0), 0, 1)


def plain(text: str) -> str:
    r"""Return a text with its dollars escaped: matplotlib typesets text between dollars as a formula.

    Example:
    >>> plain("from $1 to $2")
    'from \\$1 to \\$2'
    """
    return text.replace("$", r"\$")


def light_grid(axis: Axes) -> None:
    """Remove the top and the right spine, and draw a light grid behind the data."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.set_axisbelow(True)


class LogarithmicTicks(LogLocator):
    """Ticks at 1, 2 and 5 times each power of ten; on an axis of more than four, at the powers alone.

    Matplotlib itself labels powers alone, of which an axis often has one or two.
    """

    def tick_values(self, vmin: float, vmax: float) -> Any:
        few = max(vmin, vmax) <= 1e4 * min(vmin, vmax)
        self.set_params(subs=(1, 2, 5) if few else (1,), numticks=9)
        return super().tick_values(vmin, vmax)


def label_logarithms(axis: Axis) -> None:
    """Set and label the ticks of a logarithmic axis, as `LogarithmicTicks` has them."""
    axis.set_major_locator(LogarithmicTicks())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def listed(names: Sequence[Any]) -> str:
    """Return names joined by commas and "and".

    Example:
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = [str(name) for name in names]
    return f"{', '.join(first)} and {last}" if first else last
