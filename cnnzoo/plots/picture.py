"""What all pictures have in common: a figure that says in words what it shows, and images set in rows."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

GAP = 0.12  # between two images, as a share of one
COLORS = ("#1f77b4", "#e07b00", "#2a9d4a", "#c8323c", "#8b62bf")  # legible on white and on black


class Picture(Figure):
    """A figure of matplotlib, with its content in words.

    It is no figure of `pyplot`: nothing is shown or kept open by making one. A notebook shows it, `savefig` writes it.

    Attributes:
        alternative: what it shows, for who cannot see it.

    Example:
    >>> from cnnzoo import plots
    >>> picture = plots.learning_curves({"loss": [2.0, 1.0, 0.5]})
    >>> picture.alternative
    'Curves of loss over 3 epochs. loss in training from 2 to 0.5.'
    >>> picture.savefig(io.BytesIO())
    """

    alternative: str = ""

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows."""
        written = io.BytesIO()
        self.savefig(written, format="png", dpi=100)
        return written.getvalue()


def picture(width: float, height: float, alternative: str) -> Picture:
    """Return a new picture without axes.

    Args:
        width: in inches.
        height: in inches.
        alternative: what it shows, in words.
    """
    made = Picture(figsize=(width, height), layout="constrained")
    made.alternative = alternative
    return made


def tiles(
    axis: Axes,
    images: Sequence[np.ndarray] | np.ndarray,
    *,
    columns: int,
    captions: Sequence[str] = (),
    limits: tuple[float, float] | Sequence[tuple[float, float]] | None = None,
    colors: str = "gray",
    room: float = 0.0,
) -> list[AxesImage]:
    """Draw images in rows, each of them an image of its own in the axes, which have no ticks.

    Args:
        axis: where to draw.
        images: arrays `(height, width)`, `(height, width, 1)` or `(height, width, 3)`, all of one size. Colors are
            uint8, or floats of 0 to 1.
        columns: how many a row, ≥ 1.
        captions: what stands below each.
        limits: the values of black and white, of all or of each; `None` for each image's own smallest and largest.
        colors: name of a color map, for images without colors.
        room: what is kept free below each row for captions, as a share of an image.

    Returns:
        What was drawn; `get_array()` gives each image back.
    """
    drawn = []
    height, width = np.shape(images[0])[:2]
    across, down = width * (1 + GAP), height * (1 + GAP + room)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        left, top = column * across, row * down
        low, high = _limits_of(limits, number)
        shown = axis.imshow(
            np.squeeze(image, -1) if np.ndim(image) == 3 and np.shape(image)[-1] == 1 else image,
            extent=(left, left + width, top + height, top),
            vmin=low,
            vmax=high,
            cmap=colors,
            interpolation="none",
        )
        drawn.append(shown)
        if captions:
            axis.text(left + width / 2, top + height * 1.04, plain(captions[number]), ha="center", va="top", fontsize=7)
    corners = [image.get_extent() for image in drawn]
    frames = [[(left, top), (right, top), (right, low), (left, low), (left, top)] for left, right, low, top in corners]
    axis.add_collection(LineCollection(frames, colors="#888888", linewidths=0.4))
    rows = -(-len(images) // columns)
    # Images set the limits of their axes to the last one alone.
    axis.set_xlim(0, columns * across - width * GAP)
    axis.set_ylim(rows * down - height * GAP, 0)
    axis.axis("off")
    return drawn


def _limits_of(limits: Sequence[Any] | None, number: int) -> tuple[float | None, float | None]:
    """Return the values of black and white for an image of a number."""
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


def one_scale(images: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """Return images in colors brought to 0 to 1 by one scale for all of them, so that they can be compared.

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
    r"""Return a text that is drawn as it is: matplotlib takes what stands between dollars for a formula.

    Example:
    >>> plain("from $1 to $2")
    'from \\$1 to \\$2'
    """
    return text.replace("$", r"\$")


def bare(axis: Axes) -> None:
    """Take frame and ticks away."""
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)


def lines(axis: Axes) -> None:
    """Leave of the frame only the two axes, with a light grid behind."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.set_axisbelow(True)


def listed(names: Sequence[Any]) -> str:
    """Return names as a sentence has them.

    Example:
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = [str(name) for name in names]
    return f"{', '.join(first)} and {last}" if first else last
