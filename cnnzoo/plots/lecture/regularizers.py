"""Dropout as a net with units left out, and local response normalization as bars."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle

from cnnzoo import checks
from cnnzoo.layers import LocalResponseNormalization
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.picture import COLORS, Picture, light_grid, picture

LARGEST, LAYERS, PANELS = 12, 5, 4


def dropped_units(sizes: Sequence[int] = (5, 6, 6, 3), rate: float = 0.5, *, steps: int = 2, seed: int = 0) -> Picture:
    """Draw a net in which dropout leaves out hidden units: others in each step of training, and none afterwards.

    Which units are left out is drawn by Keras' own `Dropout` layer.

    Args:
        sizes: units of each layer, from the inputs to the outputs: 3 to 5 layers of 1 to 12 units.
        rate: fraction of the hidden units that is left out in training, in [0, 1).
        steps: of training that are drawn, 1 to 3.
        seed: of the draw.

    Returns:
        A picture; its `alternative` has how many units are left out in each step.

    Raises:
        InputError: an argument out of range.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", JMLR 15, 2014, figure 1.

    Example:
    >>> from cnnzoo import plots
    >>> plots.dropped_units((3, 4, 2), 0.0, steps=1).alternative
    'A net of 3, 4 and 2 units, with dropout of 0 %. Step 1: 0 of 4 hidden units are left out, and the others are
     multiplied by 1. After training: all units.'
    """
    if isinstance(sizes, str) or not 3 <= len(sizes) <= LAYERS:
        raise checks.refusal("sizes", f"units of 3 to {LAYERS} layers", sizes)
    units = [checks.integer("sizes", size, 1, LARGEST) for size in sizes]
    rate = checks.number("rate", rate, 0, below=1)
    steps = checks.integer("steps", steps, 1, PANELS - 1)
    masks = _masks(units, rate, steps, seed)
    hidden = sum(units[1:-1])
    scale = cells.printed(1 / (1 - rate))
    lost = [hidden - sum(int(mask.sum()) for mask in step[1:-1]) for step in masks[:-1]]
    described = [f"{count} of {hidden} hidden units are left out" for count in lost]
    described[0] += f", and the others are multiplied by {scale}"
    each = " ".join(f"Step {number}: {text}." for number, text in enumerate(described, 1))
    *first, last = map(str, units)
    alternative = (
        f"A net of {', '.join(first)} and {last} units, with dropout of {100 * rate:g} %. {each} After training: all "
        "units."
    )
    wide, gap, apart = 2.6, 0.35, 0.34
    height = 0.9 + apart * max(units)
    figure, axis = cells.sheet((wide + gap) * len(masks) + 0.3, height, 1.0, alternative)
    titles = [*[f"step {number} of training" for number in range(1, steps + 1)], "after training"]
    for number, (step, title) in enumerate(zip(masks, titles, strict=True)):
        left = 0.3 + number * (wide + gap)
        axis.text(left + wide / 2 - 0.1, 0.25, title, ha="center", va="center", size=cells.PLAIN)
        _draw_net(axis, left, 0.55 + apart * max(units) / 2, wide - 0.4, apart, step)
    return figure


def _masks(units: Sequence[int], rate: float, steps: int, seed: int) -> list[list[np.ndarray]]:
    """Return which units of each layer there are, in each step and after training."""
    kept = []
    for step in range(steps):
        layers = [np.ones(units[0], bool)]
        for number, size in enumerate(units[1:-1]):
            dropout = keras.layers.Dropout(rate, seed=seed + 101 * step + number)
            layers.append(keras.ops.convert_to_numpy(dropout(np.ones((1, size), "float32"), training=True))[0] > 0)
        kept.append([*layers, np.ones(units[-1], bool)])
    return [*kept, [np.ones(size, bool) for size in units]]


def _draw_net(axis, left: float, middle: float, wide: float, apart: float, masks: Sequence[np.ndarray]) -> None:
    places = []
    for number, mask in enumerate(masks):
        x = left + wide * number / (len(masks) - 1)
        places.append([(x, middle + apart * (unit - (len(mask) - 1) / 2)) for unit in range(len(mask))])
    lines = [
        (one, other)
        for below, above, here, there in zip(places, places[1:], masks, masks[1:], strict=False)
        for one, kept in zip(below, here, strict=True)
        for other, also in zip(above, there, strict=True)
        if kept and also
    ]
    axis.add_collection(LineCollection(lines, colors=cells.GRAY, linewidths=0.6, zorder=1))
    for layer, mask in zip(places, masks, strict=True):
        for place, kept in zip(layer, mask, strict=True):
            circle = Circle(place, 0.11, zorder=2, linewidth=1.0, gid="unit" if kept else "left out")
            circle.set(facecolor=COLORS[0] if kept else "white", edgecolor=COLORS[0] if kept else "#b0b0b0")
            circle.set_linestyle("-" if kept else (0, (2, 2)))
            axis.add_patch(circle)


def normalized_across_maps(
    activations: Any, *, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
) -> Picture:
    """Draw the activations of neighboring maps at one pixel, before and after local response normalization.

    Both are computed by `cnnzoo.layers.LocalResponseNormalization`, and drawn as fractions of their largest one: what
    changes is how much of it the others have.

    Args:
        activations: of each map at one pixel, two or more.
        size: neighboring maps that are summed over.
        alpha: weight of the sum of squares.
        beta: the power.
        k: added to the sum.

    Returns:
        A picture; its `alternative` has the numbers.

    Raises:
        InputError: no row of numbers, or as `cnnzoo.layers.LocalResponseNormalization`.

    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.

    Example:
    >>> from cnnzoo import plots
    >>> plots.normalized_across_maps([1, 9, 1], size=3, alpha=1.0, beta=0.5, k=1.0).alternative
    'The activations of 3 maps at one pixel, 1, 9 and 1, and after local response normalization over 3 maps: 0.11, 0.98
     and 0.11.'
    """
    try:
        values = np.asarray(activations, "float32")
    except (TypeError, ValueError):
        raise checks.refusal("activations", "a row of numbers", activations) from None
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise checks.refusal("activations", "a row of two or more finite numbers", activations)
    layer = LocalResponseNormalization(size=size, alpha=alpha, beta=beta, k=k)
    after = keras.ops.convert_to_numpy(layer(values[None, None, None]))[0, 0, 0]
    texts = []
    for numbers in (values, after):
        *first, last = [cells.printed(each) for each in numbers]
        texts.append(f"{', '.join(first)} and {last}")
    figure = picture(
        max(4.0, 1.5 + 0.62 * len(values)),
        3.0,
        f"The activations of {len(values)} maps at one pixel, {texts[0]}, and after local response normalization over "
        f"{size} maps: {texts[1]}.",
    )
    axis = figure.subplots()
    maps = np.arange(len(values))
    for shift, numbers, color, label in (
        (-0.2, values, COLORS[0], "before"), (0.2, after, COLORS[1], "after"),
    ):  # fmt: skip
        percent = 100 * numbers / (float(np.abs(numbers).max()) or 1.0)
        bars = axis.bar(maps + shift, percent, 0.38, color=color, label=label)
        short = [cells.printed(float(f"{each:.3g}")) for each in numbers]  # so that those of neighbors do not meet
        axis.bar_label(bars, short, fontsize=7, padding=1)
    axis.margins(y=0.08)
    axis.set(xlabel="map", ylabel="% of the largest activation", xticks=maps)
    axis.set_title(f"normalized over {size} maps; above each bar its activation", fontsize=9)
    axis.legend(fontsize=8, frameon=False)
    light_grid(axis)
    return figure
