"""An image, a kernel, and their convolution."""

from typing import Any

import keras
import numpy as np
from matplotlib.patches import Rectangle

from cnnzoo import checks
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.lecture.arguments import table
from cnnzoo.plots.lecture.positions import WindowPositions
from cnnzoo.plots.picture import Picture

KERNELS: dict[str, tuple[tuple[float, ...], ...]] = {
    "vertical edges": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "horizontal edges": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "all edges": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "blur": ((1 / 9,) * 3,) * 3,
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
}
WIDTH, UNIT, GAP = 3.2, 0.36, 0.5  # inches
NUMBERED = 7  # rows or columns of a kernel, up to which its numbers are written


def convolved(image: Any, kernel: Any = "vertical edges", stride: int = 1, padding: int | str = 0) -> Picture:
    """Draw an image, a kernel, and their convolution by Keras.

    Where a kernel or a result has negative values, blue is negative, white 0 and red positive; otherwise black is 0.
    As in Keras, the kernel is not flipped.

    Args:
        image: `(height, width)`, `(height, width, 1)`, or colors `(height, width, 3)`, which are averaged;
            uint8, or floats of any finite range.
        kernel: `(height, width)`; or `"vertical edges"`, `"horizontal edges"`, `"all edges"`, `"blur"` or `"sharpen"`.
        stride: S, pixels from one window to the next.
        padding: P, rows and columns of zeros on every side; or `"valid"` or `"same"`, as in Keras.

    Returns:
        A picture with an `alternative` text.

    Raises:
        InputError: an argument out of range, or a kernel larger than the image with its zeros.

    Source: Sobel's and Laplace's operators, for the edges.

    Example:
    >>> import numpy as np
    >>> from cnnzoo import plots
    >>> image = np.zeros((8, 8)); image[:, 4:] = 1
    >>> plots.convolved(image, "vertical edges").alternative
    'An image of 8 × 8 pixels, a kernel of 3 × 3 for vertical edges, and their convolution, 6 × 6 values of 0 to 4.'
    """
    pixels = _gray(image)
    weights, name = _kernel(kernel)
    positions = WindowPositions.of(pixels.shape, weights.shape, stride, padding)
    padded = np.pad(pixels, (positions.rows.pads, positions.columns.pads))
    maps = keras.ops.conv(padded[None, ..., None], weights[..., None, None], stride, "valid", "channels_last")
    result = keras.ops.convert_to_numpy(maps)[0, ..., 0]
    sizes = [" × ".join(map(str, values.shape)) for values in (pixels, weights, result)]
    low, high = cells.printed(result.min()), cells.printed(result.max())
    alternative = (
        f"An image of {sizes[0]} pixels, a kernel of {sizes[1]}{f' for {name}' if name else ''}, and their "
        f"convolution, {sizes[2]} values of {low} to {high}."
    )
    headings = f"image, {sizes[0]}", f"{name or 'kernel'}, {sizes[1]}", f"result, {sizes[2]}, {low} to {high}"
    return _drawn((pixels, weights, result), headings, alternative)


def _drawn(tables: tuple[np.ndarray, ...], headings: tuple[str, ...], alternative: str) -> Picture:
    pixels, weights, result = tables
    unit = cells.scale(weights)[0] if max(weights.shape) <= NUMBERED else UNIT * NUMBERED / max(weights.shape)
    sides = max(weights.shape[1] * unit, 1.4), weights.shape[0] * unit
    heights = (WIDTH * pixels.shape[0] / pixels.shape[1], sides[1], WIDTH * result.shape[0] / result.shape[1])
    tallest = max(heights)
    figure, axis = cells.sheet(2 * WIDTH + sides[0] + 2 * GAP + 0.4, tallest + 0.7, 1.0, alternative)
    lefts, widths = (0.2, 0.2 + WIDTH + GAP, 0.2 + WIDTH + 2 * GAP + sides[0]), (WIDTH, sides[0], WIDTH)
    middle = 0.5 + tallest / 2
    for left, wide, high, heading in zip(lefts, widths, heights, headings, strict=True):
        axis.text(left + wide / 2, middle - high / 2 - 0.2, heading, ha="center", va="center", size=cells.PLAIN)
    for left, sign in zip(lefts[1:], "∗=", strict=True):
        axis.text(left - GAP / 2, middle, sign, ha="center", va="center", size=15)
    inner = lefts[1] + (sides[0] - weights.shape[1] * unit) / 2
    spots = (lefts[0], WIDTH), (inner, weights.shape[1] * unit), (lefts[2], WIDTH)
    for values, (left, wide), high, scaled in zip(tables, spots, heights, (False, True, True), strict=True):
        limits = _limits(values) if scaled else {"cmap": "gray"}
        box = (left, left + wide, middle + high / 2, middle - high / 2)
        axis.add_patch(
            Rectangle((left, middle - high / 2), wide, high, fill=False, edgecolor=cells.GRAY, linewidth=0.8)
        )
        axis.imshow(values, extent=box, interpolation="none", aspect="auto", **limits)
    axis.set(xlim=(0, figure.get_figwidth()), ylim=(figure.get_figheight(), 0))
    if max(weights.shape) <= NUMBERED:
        _write(axis, weights, inner, middle - sides[1] / 2, unit)
    return figure


def _limits(values: np.ndarray) -> dict[str, Any]:
    largest = float(np.abs(values).max()) or 1.0
    if values.min() < 0:
        return {"vmin": -largest, "vmax": largest, "cmap": "RdBu_r"}
    return {"vmin": 0.0, "vmax": largest, "cmap": "gray"}


def _write(axis, weights: np.ndarray, left: float, top: float, unit: float) -> None:
    """Write the numbers of a kernel over its colors: dark on light ones, and light on dark ones."""
    largest, signed = float(np.abs(weights).max()) or 1.0, weights.min() < 0
    size = cells.scale(weights)[1]
    for (y, x), weight in np.ndenumerate(weights):
        # Not pure black, which a page replaces by the color of its text: these are on colors of their own.
        dark = abs(weight) > 0.7 * largest if signed else weight < 0.5 * largest
        color = "#fafafa" if dark else "#0a0a0a"
        center = left + (x + 0.5) * unit, top + (y + 0.53) * unit
        axis.text(*center, cells.printed(weight), ha="center", va="center", size=size, color=color)


def _gray(image: Any) -> np.ndarray:
    """Return an image as `(height, width)` of float32."""
    try:
        pixels = np.asarray(image, "float32")
    except (TypeError, ValueError):
        raise checks.refusal("image", "numbers, (height, width) or (height, width, 1 or 3)", image) from None
    if pixels.ndim == 3 and pixels.shape[-1] in (1, 3):
        pixels = pixels.mean(axis=-1)
    if pixels.ndim != 2 or not pixels.size:
        raise InputError(
            f"`image` must be (height, width) or (height, width, 1 or 3). Received the shape: {np.shape(image)}"
        )
    return table("image", pixels)


def _kernel(kernel: Any) -> tuple[np.ndarray, str]:
    if isinstance(kernel, str):
        return np.array(KERNELS[checks.choice("kernel", kernel, KERNELS)], "float32"), kernel
    return table("kernel", kernel), ""
