"""The deconvnet as a picture: what in real images activates units deep in a net."""

from collections.abc import Sequence

import keras
import numpy as np
from matplotlib.axes import Axes

from cnnzoo import checks
from cnnzoo.analysis import TopActivations, deconvolution, top_activations
from cnnzoo.analysis.layer_activations import checked_units, images_for
from cnnzoo.plots.deep_units import PATCHES, deep_layer, most_selective, patch
from cnnzoo.plots.layers import limits_of, shown_as_image
from cnnzoo.plots.picture import Picture, height_of, picture, tiles

UNITS = 4  # that are chosen by default
COLUMNS = 3  # of the patches of a unit, as in the paper
BESIDE = 2  # units in a row of the figure
BLOCK = 1.9  # inches that the patches of a unit are wide


def deconvolved(
    model: keras.Model,
    images,
    layer: str | None = None,
    chosen: Sequence[int] | None = None,
    *,
    method: str = "deconvolution",
) -> Picture:
    """Draw the nine patches with a unit's top activations, and beside them what a deconvnet makes of each activation.

    The patches are the receptive fields of the unit's top activations, one per image. A reconstruction is what
    `cnnzoo.analysis.deconvolution` returns within the same pixels: the parts of this patch by which the unit is
    active. Each reconstruction has its own scale, on which zero is middle gray.

    Args:
        model: a functional or Sequential model with one image of a fixed size as its input, whose layers on the way
            are convolutions with ReLU, pooling and others that `cnnzoo.analysis.deconvolution` names.
        images: float array `(batch, height, width, channels)` of real images, in the model's own scale.
        layer: name of the layer; default: the last convolution whose maps have several positions.
        chosen: indices of units; default: the four whose top activations exceed their activations for all images most.
        method: `"deconvolution"`, `"gradient"` or `"guided"`, as `cnnzoo.analysis.deconvolution` has them.

    Returns:
        The figure: for each unit the patches, and to their right the reconstructions in the same order.

    Raises:
        InputError: no such layer or unit, images that do not fit, or a layer that the method cannot go back through.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, figure 2.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(9, 32, 32, 3))
    >>> figure = deconvolved(cnnzoo.cuda_convnet(), images, "conv2", [0, 1])
    >>> [len(axis.images) for axis in figure.axes]
    [9, 9, 9, 9]
    """
    images = images_for(model, images)
    checks.choice("method", method, _NAMES, "methods")
    layer = layer or deep_layer(model)
    top = top_activations(model, images, layer, count=min(PATCHES, len(images)))
    units = most_selective(model, images, layer, top, UNITS) if chosen is None else chosen
    units = checked_units(units, len(top), layer)
    regions = [region for unit in units for region in top[unit].regions]
    window = [max(map(len, sides)) for sides in zip(*regions, strict=True)]
    count, rows = len(top[0].images), -(-len(units) // BESIDE)
    values = np.concatenate([top[unit].values for unit in units])
    figure = picture(
        2 * BLOCK * min(BESIDE, len(units)) + 0.4,
        rows * (height_of(np.zeros((count, *window)), min(COLUMNS, count), BLOCK) + 0.3),
        f"For {len(units)} units of {layer}, with receptive fields of {window[0]}×{window[1]} pixels: the {count} "
        f"patches of real images with its top activations, from {values.min():.2f} to {values.max():.2f}, and beside "
        f"each what the {_NAMES[method]} shows of it.".replace("-", "−"),
    )
    axes = figure.subplots(rows, 2 * min(BESIDE, len(units)), squeeze=False).reshape(-1, 2)
    for unit, (left, right) in zip(units, axes, strict=False):
        left.set_title(f"unit {unit}", fontsize=9, loc="left")
        right.set_title(_NAMES[method], fontsize=9, loc="left")
        reconstructions = deconvolution(model, images[top[unit].images], layer, unit, method=method)
        _draw_patches(left, images, top[unit], window)
        _draw_reconstructions(right, reconstructions, top[unit], window)
    for unused in axes[len(units) :].flat:
        unused.remove()
    return figure


_NAMES = {"deconvolution": "deconvnet", "gradient": "gradient", "guided": "guided backpropagation"}


def _draw_patches(axis: Axes, images: np.ndarray, top: TopActivations, window: Sequence[int]) -> None:
    patches = [patch(images[at], region, window) for at, region in zip(top.images, top.regions, strict=True)]
    shown = shown_as_image(np.stack(patches), of=images)
    tiles(axis, shown, columns=min(COLUMNS, len(patches)), limits=limits_of(images))


def _draw_reconstructions(axis: Axes, values: np.ndarray, top: TopActivations, window: Sequence[int]) -> None:
    parts = [patch(value, region, window, 0.0) for value, region in zip(values, top.regions, strict=True)]
    centered = np.stack([0.5 + part / (2 * (np.abs(part).max() or 1.0)) for part in parts])
    tiles(axis, shown_as_image(centered), columns=min(COLUMNS, len(parts)), limits=(0.0, 1.0))
