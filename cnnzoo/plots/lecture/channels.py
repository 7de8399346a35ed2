"""Two details of a layer that convolves: that its kernel is not flipped, and that it sums over channels."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cnnzoo import checks
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.lecture.arguments import table
from cnnzoo.plots.lecture.edges import KERNELS
from cnnzoo.plots.lecture.windows import convolved_numbers
from cnnzoo.plots.picture import COLORS, Picture

SIDE = 9  # cells of a table, beyond which numbers are too small
CHANNELS = 4
NAMES = {1: ("gray",), 3: ("red", "green", "blue")}
WIDE, GAP = 1.75, 0.45  # inches of an image, and between columns


def cross_correlation(numbers: Any, kernel: Any) -> Picture:
    """Draw what a convolutional layer computes, a cross-correlation, and the convolution of mathematics beside it.

    The layer lays the kernel on each window as it is; a convolution turns it by 180 degrees first. A net learns its
    kernels, so that it does not matter which of the two it is; with kernels from a textbook it does.

    Args:
        numbers: `(height, width)`, up to 9 × 9.
        kernel: `(height, width)`, no larger than that.

    Returns:
        A picture; its `alternative` says whether both are the same.

    Raises:
        InputError: tables that are too large, or a kernel larger than the numbers.

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 9.1.

    Example:
    >>> from cnnzoo import plots
    >>> plots.cross_correlation([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[1, 2], [3, 4]]).alternative
    'A table of 3 × 3 numbers and a kernel of 2 × 2. As a layer computes it, by cross-correlation: 4, 3; 2, 1. With the
     kernel turned by 180 degrees, a convolution: 1, 2; 3, 4.'
    """
    values, weights = table("numbers", numbers), table("kernel", kernel)
    if max(values.shape) > SIDE:
        raise InputError(f"`numbers` must be at most {SIDE} × {SIDE} to be legible. Received the shape: {values.shape}")
    if any(side > whole for side, whole in zip(weights.shape, values.shape, strict=True)):
        raise InputError(f"`kernel` must be no larger than the numbers, {values.shape}. Received: {weights.shape}")
    turned = weights[::-1, ::-1]
    results = convolved_numbers(values, weights), convolved_numbers(values, turned)
    listed = ["; ".join(", ".join(map(cells.printed, row)) for row in result) for result in results]
    sizes = [" × ".join(map(str, each.shape)) for each in (values, weights)]
    second = "the same" if np.array_equal(*results) else listed[1]
    alternative = (
        f"A table of {sizes[0]} numbers and a kernel of {sizes[1]}. As a layer computes it, by cross-correlation: "
        f"{listed[0]}. With the kernel turned by 180 degrees, a convolution: {second}."
    )
    unit, size = cells.scale(values, weights, *results)
    (high, wide), (rows, columns) = values.shape, weights.shape
    least = 3.9 / unit  # so that headings fit
    block = max(columns, 1.1 / unit) + max(results[0].shape[1], 1.1 / unit) + 2 * 1.2
    width = wide + 1.4 + max(block, least) + 0.6
    row_height = max(rows, results[0].shape[0]) + 1.9
    figure, axis = cells.sheet(width, 2 * row_height + 0.6, unit, alternative)
    middle = row_height + 0.3
    _table(axis, 0.4, middle - high / 2, values, size, "black")
    axis.text(0.4, middle - high / 2 - 0.6, "input", size=cells.PLAIN, va="center")
    titles = "a layer, cross-correlation: the kernel as it is", "mathematics, convolution: the kernel turned"
    for number, (kernel_drawn, result, title) in enumerate(zip((weights, turned), results, titles, strict=True)):
        center = 0.3 + number * row_height + (row_height + 0.9) / 2
        left = 0.4 + wide + 1.4
        axis.text(left, center - max(rows, results[0].shape[0]) / 2 - 0.6, title, size=cells.PLAIN, va="center")
        for sign, part, color in (("∗", kernel_drawn, COLORS[number]), ("=", result, "black")):
            axis.text(left - 0.6, center, sign, ha="center", va="center", size=15)
            _table(axis, left, center - part.shape[0] / 2, part, size, color, tint=COLORS[number])
            left += part.shape[1] + 1.2
    return figure


def _table(
    axis: Axes, left: float, top: float, values: np.ndarray, size: float, color: str, tint: str = cells.GRAY
) -> None:
    """Draw a table whose cells are tinted where the number is not 0, so that the eye finds the kernel in the result."""
    for (y, x), value in np.ndenumerate(values):
        if value:
            axis.add_patch(Rectangle((left + x, top + y), 1, 1, facecolor=(tint, 0.25), edgecolor="none"))
    cells.mesh(axis, left, top, *values.shape, color=color)
    cells.numbers(axis, left, top, values, size=size)


def convolved_channels(image: Any, kernels: Any = ("vertical edges", "blur", "horizontal edges")) -> Picture:
    """Draw how a kernel of several channels makes one map: each channel with its own weights, and the sum of them.

    Args:
        image: `(height, width, channels)`, one to four channels.
        kernels: the slice of the kernel for each channel: `(height, width)`, all of one shape, or a name that
            `cnnzoo.plots.convolved` knows.

    Returns:
        A picture with an `alternative` text.

    Raises:
        InputError: no such image, or another number of slices than channels.

    Source: LeCun et al. 1998, section II-A; Krizhevsky et al. 2012, section 3.5, where the windows are 11 × 11 × 3.

    Example:
    >>> import numpy as np
    >>> from cnnzoo import plots
    >>> plots.convolved_channels(np.ones((6, 8, 3)), [np.ones((3, 3))] * 3).alternative
    'An image of 6 × 8 pixels in 3 channels, red, green and blue. Each is convolved with a slice of 3 × 3 weights of its
     own, and the 3 results are summed to one map of 4 × 6: 27 weights for a map, and a bias.'
    """
    try:
        pixels = np.asarray(image, "float32")
    except (TypeError, ValueError):
        raise InputError("`image` must be numbers, (height, width, channels)") from None
    if pixels.ndim != 3 or not 1 <= pixels.shape[-1] <= CHANNELS or not np.isfinite(pixels).all():
        raise InputError(
            f"`image` must be finite numbers (height, width, 1 to {CHANNELS} channels). Received the shape: "
            f"{pixels.shape}"
        )
    count = pixels.shape[-1]
    given = list(kernels) if isinstance(kernels, list | tuple | np.ndarray) else []
    slices = [_weights(each) for each in given]
    if len(slices) != count or len({each.shape for each in slices}) != 1:
        raise InputError(
            f"`kernels` must be {count} tables of one shape, one for each channel. Received: {len(slices)}"
        )
    if any(side > whole for side, whole in zip(slices[0].shape, pixels.shape, strict=False)):
        raise InputError(f"`kernels` must be no larger than the image. Received: {slices[0].shape}")
    maps = [convolved_numbers(pixels[..., number], slices[number]) for number in range(count)]
    total = np.sum(maps, axis=0)
    names = NAMES.get(count) or tuple(f"channel {number}" for number in range(count))
    side = " × ".join(map(str, slices[0].shape))
    alternative = (
        f"An image of {pixels.shape[0]} × {pixels.shape[1]} pixels in {count} channel{'s' if count > 1 else ''}, "
        f"{', '.join(names[:-1])}{' and ' if count > 1 else ''}{names[-1]}. Each is convolved with a slice of {side} "
        f"weights of its own, and the {count} results are summed to one map of {total.shape[0]} × {total.shape[1]}: "
        f"{count * slices[0].size} weights for a map, and a bias."
    )
    high = WIDE * pixels.shape[0] / pixels.shape[1]
    unit = cells.scale(*slices)[0]
    kernel_wide = max(slices[0].shape[1] * unit, 1.0)
    row = max(high, slices[0].shape[0] * unit) + 0.42
    height = count * row + 0.5
    lefts = np.cumsum([0.2, WIDE + GAP, WIDE + GAP, kernel_wide + GAP, WIDE + GAP])
    figure, axis = cells.sheet(float(lefts[-1]) + WIDE + 0.3, height, 1.0, alternative)
    middle = height / 2 + 0.15
    shown = pixels / (float(pixels.max()) or 1.0) if count == 3 else pixels.mean(axis=-1)
    _image(axis, np.clip(shown, 0, 1) if count == 3 else shown, lefts[0], middle, high, "image", None)
    largest = max(float(np.abs(each).max()) for each in (*maps, total)) or 1.0
    tints = {"red": "#c8323c", "green": "#2a9d4a", "blue": "#1f77b4"}
    for number, name in enumerate(names):
        center = 0.5 + number * row + row / 2
        color = tints.get(name, cells.GRAY)
        _image(axis, pixels[..., number], lefts[1], center, high, name, None, frame=color)
        left = lefts[2] + (kernel_wide - slices[number].shape[1] * unit) / 2
        _slice(axis, slices[number], left, center, unit, color)
        _image(axis, maps[number], lefts[3], center, high, "", largest)
        axis.text(lefts[2] - GAP / 2, center, "∗", ha="center", va="center", size=13)
        axis.text(lefts[3] - GAP / 2, center, "=", ha="center", va="center", size=13)
        if number:
            axis.text(lefts[3] + WIDE / 2, center - row / 2 - 0.02, "+", ha="center", va="center", size=13)
    _image(axis, total, lefts[4], middle, high, "their sum: one map", largest)
    axis.text(lefts[4] - GAP / 2, middle, "→", ha="center", va="center", size=13)
    axis.set(xlim=(0, figure.get_figwidth()), ylim=(figure.get_figheight(), 0))
    return figure


def _weights(kernel: Any) -> np.ndarray:
    if isinstance(kernel, str):
        return np.array(KERNELS[checks.choice("kernel", kernel, KERNELS)], "float32")
    return table("kernels", kernel)


def _image(
    axis: Axes, values: np.ndarray, left: float, middle: float, high: float, title: str, largest: float | None,
    frame: str = cells.GRAY,
) -> None:  # fmt: skip
    """Draw an image, in gray, in colors, or as a map whose values are negative, too."""
    limits: dict[str, Any] = (
        {"cmap": "gray"} if largest is None else {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
    )
    box = (left, left + WIDE, middle + high / 2, middle - high / 2)
    axis.imshow(values, extent=box, interpolation="none", aspect="auto", **limits)
    axis.add_patch(Rectangle((left, middle - high / 2), WIDE, high, fill=False, edgecolor=frame, linewidth=1.5))
    if title:
        axis.text(left + WIDE / 2, middle - high / 2 - 0.13, title, ha="center", va="center", size=cells.PLAIN)


def _slice(axis: Axes, weights: np.ndarray, left: float, middle: float, unit: float, color: str) -> None:
    rows, columns = weights.shape
    top, size = middle - rows * unit / 2, cells.scale(weights)[1]
    axis.add_patch(Rectangle((left, top), columns * unit, rows * unit, fill=False, edgecolor=color, linewidth=1.5))
    for (y, x), weight in np.ndenumerate(weights):
        center = left + (x + 0.5) * unit, top + (y + 0.53) * unit
        axis.text(*center, cells.printed(weight), ha="center", va="center", size=size)
