"""A window that slides over a padded image."""

import html
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import FuncAnimation

from cnnzoo import checks
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.arguments import table
from cnnzoo.plots.lecture.positions import WindowPositions
from cnnzoo.plots.lecture.scheme import WindowAlongSides
from cnnzoo.plots.lecture.windows import WindowOnNumbers
from cnnzoo.plots.picture import Picture

SIDE, ACROSS = 16, 33  # cells of a padded image, and of all tables together, beyond which they are not legible


def sliding_window(
    size: int | tuple[int, int],
    window: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | str = 0,
    *,
    step: int = 0,
    values: Any = None,
    kernel: Any = None,
) -> Picture:
    """Draw a window that slides over a padded image, and the formula of its positions with the numbers.

    Of a small image all numbers are drawn: image, kernel, and their convolution by Keras (which does not flip the
    kernel). Brackets along the sides mark all positions of the window. Of a large image, the sides are drawn to scale
    instead, with a line where each window starts, and the end enlarged. Pixels that no window reads are hatched.

    Args:
        size: W, pixels of the image along a side, 1 to 4096; or `(height, width)`.
        window: F, pixels of the window along a side; or `(height, width)`.
        stride: S, pixels from one window to the next; or `(down, right)`.
        padding: P, rows and columns of zeros on every side; or `"valid"` or `"same"`, as in Keras.
        step: the position at which the window is drawn, row by row from 0.
        values: the image, `(height, width)`; default: random numbers from 0 to 2. For small images only.
        kernel: `(height, width)` of the window; default: the first column minus the last. For small images only.

    Returns:
        A picture; its `alternative` describes it.

    Raises:
        InputError: an argument out of range, or a window larger than the image with its zeros.

    Source: `cnnzoo.analysis.Window`, for the arithmetic.

    Example:
    >>> from cnnzoo import plots
    >>> picture = plots.sliding_window(7, 3, stride=2, padding=1)
    >>> "1 + (7 − 3 + 2·1)/2 = 4" in picture.alternative
    True
    """
    drawn = _drawn(size, window, stride, padding, values, kernel)
    rows, columns = drawn.positions.outputs
    drawn.show(checks.integer("step", step, 0, rows * columns - 1))
    return drawn.picture


def sliding_window_animation(
    size: int | tuple[int, int],
    window: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | str = 0,
    *,
    values: Any = None,
    kernel: Any = None,
    interval: int = 600,
) -> "WindowAnimation":
    """Animate the window of `sliding_window`: one frame for every position, with the sums computed so far.

    On a large image it slides along one row. `animation.save("window.gif")` writes it (with Pillow), and
    `animation.to_jshtml()` returns a page with buttons, as a notebook shows it.

    Args:
        size: as in `sliding_window`, and all up to `kernel`.
        window: as in `sliding_window`.
        stride: as in `sliding_window`.
        padding: as in `sliding_window`.
        values: as in `sliding_window`.
        kernel: as in `sliding_window`.
        interval: milliseconds between frames, 1 to 60,000.

    Returns:
        An animation of matplotlib with an `alternative` text.

    Raises:
        InputError: as `sliding_window`, or an interval out of range.

    Example:
    >>> from cnnzoo import plots
    >>> animation = plots.sliding_window_animation(5, 3, stride=2)
    >>> len(list(animation.new_frame_seq()))
    4
    """
    interval = checks.integer("interval", interval, 1, 60_000)
    return WindowAnimation(_drawn(size, window, stride, padding, values, kernel), interval)


class WindowAnimation(FuncAnimation):
    """The animation of a sliding window; a notebook shows it with buttons.

    Args:
        drawn: the picture, which can show each position.
        interval: milliseconds between frames.

    Attributes:
        picture: the figure.
        alternative: the alternative text.
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
        """Suppress matplotlib's warning about animations that were never shown on a screen."""

    def save(self, filename: str | Path, writer: Any = None, *settings: Any, **options: Any) -> None:
        """Write the animation, a GIF with Pillow where no writer is named; see `matplotlib.animation.Animation.save`.

        Args:
            filename: path of the file.
            writer: name of a writer or a writer of matplotlib.
            *settings: further arguments of matplotlib's `save`.
            **options: further arguments of matplotlib's `save`.
        """
        chosen = writer or ("pillow" if str(filename).lower().endswith(".gif") else None)
        super().save(filename, chosen, *settings, **options)

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook shows."""
        return f'<div role="figure" aria-label="{html.escape(self.alternative)}">{self.to_jshtml()}</div>'


def _drawn(size, window, stride, padding, values, kernel) -> WindowOnNumbers | WindowAlongSides:
    positions = WindowPositions.of(size, window, stride, padding)
    (height, width), sides = positions.padded, (positions.rows.window, positions.columns.window)
    legible = max(height, width) <= SIDE and width + sides[1] + positions.columns.outputs <= ACROSS - 6
    if not legible:
        if values is not None or kernel is not None:
            raise InputError(
                f"{height} × {width} pixels and a window of {sides[0]} × {sides[1]} are too many for numbers: "
                "leave values and kernel out, or draw a smaller image"
            )
        return WindowAlongSides(positions)
    shape = positions.rows.size, positions.columns.size
    numbers = _example(shape) if values is None else table("values", values, shape)
    weights = _edge(sides) if kernel is None else table("kernel", kernel, sides)
    return WindowOnNumbers(positions, numbers, weights)


def _example(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, shape).astype("float32")


def _edge(sides: tuple[int, int]) -> np.ndarray:
    """Return a kernel for vertical edges: the first column minus the last."""
    weights = np.zeros(sides, "float32")
    weights[:, -1] = -1
    weights[:, 0] = 1
    return weights
