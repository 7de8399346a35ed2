"""Units deep in a net: feature visualization and top activations."""

from collections.abc import Sequence

import keras
import numpy as np

from cnnzoo.analysis import (
    TopActivations,
    activations,
    feature_visualization,
    receptive_field_of,
    top_activations,
)
from cnnzoo.analysis.layer_activations import checked_units, images_for
from cnnzoo.errors import InputError
from cnnzoo.plots.layers import limits_of, shown_as_image
from cnnzoo.plots.picture import Picture, height_of, picture, tiles

PATCHES = 9  # per unit, as in the paper


def units(
    model: keras.Model, images, layer: str | None = None, chosen: Sequence[int] | None = None, *, seed: int = 0
) -> Picture:
    """Draw units of a deep layer: an image optimized to activate each, and the nine patches with its top activations.

    The optimized image is from `cnnzoo.analysis.feature_visualization`. The patches are the receptive fields of the
    positions with the unit's top activations, in real images. They are ranked, and their captions are, before the
    layer's own activation: at the ceiling of a tanh all are nearly the same. Each optimized image has its own scale.

    Args:
        model: a functional or Sequential model without branches, with one image as its input.
        images: float array `(batch, height, width, channels)` of real images, in the model's own scale.
        layer: name of the layer; default: the last convolution whose maps have several positions.
        chosen: indices of units; default: the six whose top activations exceed their activations for all images most.
        seed: seed of the optimized images.

    Returns:
        The figure, one row per unit.

    Raises:
        InputError: no such layer or unit, or images that do not fit.

    Source: Erhan et al. 2009 (activation maximization); Zeiler and Fergus 2013, figure 2 (nine patches).

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(10, 32, 32, 1))
    >>> figure = units(cnnzoo.lenet(), images, "C1", [0, 1])
    >>> len(figure.axes[0].images)
    20
    """
    images = images_for(model, images)
    layer = layer or deep_layer(model)
    top = top_activations(model, images, layer, count=min(PATCHES, len(images)), before_activation=True)
    chosen = most_selective(model, images, layer, top) if chosen is None else checked_units(chosen, len(top), layer)
    optimized = feature_visualization(model, layer, chosen, images[:1000], seed=seed)
    middle = _middle_receptive_field(model, layer, images)
    # Where layers pad, the receptive field in the middle may be smaller than others.
    regions = [middle, *(region for unit in chosen for region in top[unit].regions)]
    window = [max(map(len, sides)) for sides in zip(*regions, strict=True)]
    drawn, captions, limits = [], [], []
    for unit, image in zip(chosen, optimized, strict=True):
        own, best = patch(image, middle, window), top[unit]
        patches = [patch(images[at], region, window) for at, region in zip(best.images, best.regions, strict=True)]
        drawn += [shown_as_image(own[None])[0], *shown_as_image(np.stack(patches), of=images)]
        limits += [(float(own.min()), float(own.max()) + 1e-12), *[limits_of(images)] * len(patches)]
        captions += [f"unit {unit},\noptimized", *[f"{value:.2f}".replace("-", "−") for value in best.values]]
    columns = 1 + len(top[0].images)
    figure = picture(
        8,
        height_of(drawn, columns, 8, 0.4),
        f"For {len(chosen)} units of {layer}, with receptive fields of {window[0]}×{window[1]} pixels: an image "
        f"optimized to activate the unit, and the {columns - 1} patches of real images with its top activations, from "
        f"{_extremes(top, chosen)} before squashing.",
    )
    tiles(figure.subplots(), np.stack(drawn), columns=columns, captions=captions, limits=limits, room=0.4)
    return figure


def _extremes(top: Sequence, chosen: Sequence[int]) -> str:
    """Return the smallest and the largest value of the drawn patches, as text."""
    values = np.concatenate([top[unit].values for unit in chosen])
    return f"{values.min():.2f} to {values.max():.2f}".replace("-", "−")


def deep_layer(model: keras.Model) -> str:
    """Return the name of the last convolution whose maps have several positions.

    Raises:
        InputError: there is none.
    """
    names = [
        each.name
        for each in model.layers
        if hasattr(each, "kernel_size") and len(each.output.shape) == 4 and (each.output.shape[1] or 2) > 1
    ]
    if not names:
        raise InputError(f"{model.name} has no convolution: name a layer")
    return names[-1]


def most_selective(
    model: keras.Model, images: np.ndarray, layer: str, top: Sequence[TopActivations], count: int = 6
) -> list[int]:
    """Return the units whose top activations exceed their mean activation by the most standard deviations."""
    outputs = activations(model, images[:500], [layer], before_activation=True)[layer]
    flat = outputs.reshape(-1, outputs.shape[-1])
    scores = (np.array([unit.values.mean() for unit in top]) - flat.mean(axis=0)) / (flat.std(axis=0) + 1e-6)
    return sorted(np.argsort(-scores, kind="stable")[:count].tolist())


def _middle_receptive_field(model: keras.Model, layer: str, images: np.ndarray) -> tuple[range, ...]:
    """Return the receptive field of the middle position, for which images are optimized; of a dense layer all."""
    sides = activations(model, images[:1], [layer])[layer].shape[1:-1]
    if not sides:
        return tuple(map(range, images.shape[1:3]))
    return receptive_field_of(model, layer, [side // 2 for side in sides])


def patch(image: np.ndarray, region: tuple[range, ...], window: Sequence[int], fill: float | None = None) -> np.ndarray:
    """Return a region of an image padded to the size of the window, by default with the image's darkest value."""
    rows, columns = region
    part = image[rows.start : rows.stop, columns.start : columns.stop]
    # A region cut by the border is padded on the side of the border.
    before = [(size - len(pixels)) * (pixels.start == 0) for size, pixels in zip(window, region, strict=True)]
    after = [size - len(pixels) - first for size, pixels, first in zip(window, region, before, strict=True)]
    return np.pad(
        part, (*zip(before, after, strict=True), (0, 0)), constant_values=image.min() if fill is None else fill
    )
