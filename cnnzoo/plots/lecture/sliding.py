"""A window that slides over an image with zeros around it."""

import html
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import FuncAnimation

from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import given
from cnnzoo.plots.lecture.places import Places
from cnnzoo.plots.lecture.scheme import WindowAlongSides
from cnnzoo.plots.lecture.windows import WindowOnNumbers
from cnnzoo.plots.picture import Picture

SIDE, ACROSS = 16, 33  # cells, of a padded image and of all tables beside each other, beyond which nobody reads them


def sliding_window(
    size: int | tuple[int, int],
    field: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | str = 0,
    *,
    step: int = 0,
    values: Any = None,
    kernel: Any = None,
) -> Picture:
    """Draw a window that slides over an image with zeros around it, and the formula with its numbers put in.

    Of a small image all numbers are shown: image, kernel, and what Keras' convolution makes of them (it does not
    mirror the kernel). Brackets along the sides show all places of the window. Of a large image its sides are drawn
    to scale instead, with a line where each window begins, and the end enlarged. What no window reads is hatched.

    Args:
        size: W, pixels of the image along a side, 1 to 4096; or `(height, width)`.
        field: F, pixels of the window along a side; or `(height, width)`.
        stride: S, pixels from one window to the next; or `(down, right)`.
        padding: P, rows and columns of zeros on every side; or `"valid"` or `"same"`, as Keras has it.
        step: at which place the window is drawn, row by row from 0.
        values: the image, `(height, width)`; by default some of 0, 1 and 2. For small images only.
        kernel: `(height, width)` of the window; by default the first column minus the last. For small images only.

    Returns:
        A picture; its `alternative` says the same in words.

    Raises:
        InputError: an argument is not as said above, or the window is larger than the image with its zeros.

    Source: `cnnzoo.analysis.Window`, for the arithmetic.

    Example:
    >>> from cnnzoo import plots
    >>> picture = plots.sliding_window(7, 3, stride=2, padding=1)
    >>> "1 + (7 − 3 + 2·1)/2 = 4" in picture.alternative
    True
    """
    drawn = _drawn(size, field, stride, padding, values, kernel)
    rows, columns = drawn.places.outputs
    drawn.show(given.integer("step", step, 0, rows * columns - 1))
    return drawn.picture


def sliding_window_animation(
    size: int | tuple[int, int],
    field: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | str = 0,
    *,
    values: Any = None,
    kernel: Any = None,
    interval: int = 600,
) -> "WindowAnimation":
    """Let the window of `sliding_window` slide: one frame for every place, and each sum as it is computed.

    Over a large image it slides along one row. `animation.save("window.gif")` writes it (with Pillow), and
    `animation.to_jshtml()` returns a page with buttons, which is also what a notebook shows.

    Args:
        size: as `sliding_window` has it, and all up to `kernel`.
        field: the same.
        stride: the same.
        padding: the same.
        values: the same.
        kernel: the same.
        interval: milliseconds between frames, 1 to 60,000.

    Returns:
        An animation of matplotlib, with its content in words as `alternative`.

    Raises:
        InputError: as `sliding_window`, or the interval is out of range.

    Example:
    >>> from cnnzoo import plots
    >>> animation = plots.sliding_window_animation(5, 3, stride=2)
    >>> len(list(animation.new_frame_seq()))
    4
    """
    interval = given.integer("interval", interval, 1, 60_000)
    return WindowAnimation(_drawn(size, field, stride, padding, values, kernel), interval)


class WindowAnimation(FuncAnimation):
    """What `sliding_window_animation` returns; a notebook shows it with buttons.

    Args:
        drawn: the picture, which can show each place.
        interval: milliseconds between frames.

    Attributes:
        picture: what is drawn on.
        alternative: what it shows, for who cannot see it.
    """

    def __init__(self, drawn: WindowOnNumbers | WindowAlongSides, interval: int):
        drawn.show(drawn.steps - 1)
        self.picture, self.alternative = drawn.picture, drawn.picture.alternative
        super().__init__(
            drawn.picture,
            lambda step: drawn.show(step, later=False),
            frames=drawn.steps,
            interval=interval,
            cache_frame_data=False,
        )

    def __del__(self) -> None:
        """Go without the warning of matplotlib, which is meant for windows on a screen: this belongs to none."""

    def save(self, filename: str | Path, writer: Any = None, *settings: Any, **options: Any) -> None:
        """Write the animation, a GIF with Pillow where no writer is named; see `matplotlib.animation.Animation.save`.

        Args:
            filename: path of the file.
            writer: name of a writer or a writer of matplotlib.
            *settings: what matplotlib's `save` takes besides.
            **options: the same.
        """
        chosen = writer or ("pillow" if str(filename).lower().endswith(".gif") else None)
        super().save(filename, chosen, *settings, **options)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return f'<div role="figure" aria-label="{html.escape(self.alternative)}">{self.to_jshtml()}</div>'


def _drawn(size, field, stride, padding, values, kernel) -> WindowOnNumbers | WindowAlongSides:
    places = Places.of(size, field, stride, padding)
    (height, width), fields = places.padded, (places.rows.window, places.columns.window)
    legible = max(height, width) <= SIDE and width + fields[1] + places.columns.outputs <= ACROSS - 6
    if not legible:
        if values is not None or kernel is not None:
            raise InputError(
                f"{height} × {width} pixels and a window of {fields[0]} × {fields[1]} are too many for numbers: "
                "leave values and kernel out, or draw a smaller image"
            )
        return WindowAlongSides(places)
    shape = places.rows.size, places.columns.size
    numbers = _example(shape) if values is None else given.table("values", values, shape)
    weights = _edge(fields) if kernel is None else given.table("kernel", kernel, fields)
    return WindowOnNumbers(places, numbers, weights)


def _example(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, shape).astype("float32")


def _edge(fields: tuple[int, int]) -> np.ndarray:
    """Return a kernel that is strong at upright edges: its first column minus its last."""
    weights = np.zeros(fields, "float32")
    weights[:, -1] = -1
    weights[:, 0] = 1
    return weights
