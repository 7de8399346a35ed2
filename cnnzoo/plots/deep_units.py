"""What units deep in a net look for."""

from collections.abc import Sequence

import keras
import numpy as np

from cnnzoo.analysis import activations, feature_visualization, receptive_field_of, top_activations
from cnnzoo.analysis.layer_activations import images_for
from cnnzoo.errors import InputError
from cnnzoo.plots.layers import limits_of, shown_as_image
from cnnzoo.plots.picture import height_of, picture, tiles

NEAREST = 9  # patches a unit, as the paper shows


def units(model: keras.Model, images, layer: str | None = None, chosen: Sequence[int] | None = None, *, seed: int = 0):
    """Draw what units of a deep layer look for: an image made to excite each, and the nine patches that do most.

    The made image climbs the gradient of the unit's answer (`cnnzoo.analysis.feature_visualization`). The patches are the parts of
    real images that the unit sees where it answers most strongly. Made images have a scale of their own.

    Args:
        model: a functional or Sequential model without branches, with one image as its input.
        images: float array `(batch, height, width, channels)` of real images, in the model's own scale.
        layer: name of the layer; default the last convolution whose maps have several places.
        chosen: numbers of units; default the six that prefer their nine patches most, against all images.
        seed: seed of the made images.

    Returns:
        The figure, one row a unit.

    Raises:
        InputError: no such layer or unit, or images that do not fit.

    Source: Erhan et al. 2009 (made images); Zeiler and Fergus 2013, figure 2 (nine patches).

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(10, 32, 32, 1))
    >>> figure = units(cnnzoo.lenet(), images, "C1", [0, 1])
    >>> len(figure.axes[0].images)
    20
    """
    images = images_for(model, images)
    layer = layer or deep_layer(model)
    every = top_activations(model, images, layer, count=min(NEAREST, len(images)))
    chosen = _choosiest(model, images, layer, every) if chosen is None else list(chosen)
    if any(not 0 <= unit < len(every) for unit in chosen) or not chosen:
        raise InputError(f"chosen must be numbers of the {len(every)} units of {layer!r}, not {chosen!r}")
    made_up = feature_visualization(model, layer, chosen, images[:1000], seed=seed)
    middle = _field(model, layer, images.shape[1:3])
    # Where layers pad, the middle may see less than other places.
    seen = [middle, *(region for unit in chosen for region in every[unit].regions)]
    window = [max(map(len, sides)) for sides in zip(*seen, strict=True)]
    rows, captions, limits = [], [], []
    for unit, image in zip(chosen, made_up, strict=True):
        found = every[unit]
        patches = [
            _patch(images[number], region, window) for number, region in zip(found.images, found.regions, strict=True)
        ]
        own = _patch(image, middle, window)
        rows += [shown_as_image(own[None])[0], *shown_as_image(np.stack(patches), of=images)]
        limits += [(float(own.min()), float(own.max()) + 1e-12), *[limits_of(images)] * len(patches)]
        captions += [f"unit {unit}, made", *[f"{value:.2f}" for value in found.values]]
    shown = np.stack(rows)
    columns = 1 + len(every[0].images)
    made = picture(
        8,
        height_of(shown, columns, 8, 0.25),
        f"For {len(chosen)} units of {layer}, each seeing {window[0]}×{window[1]} pixels: an image made to excite it, "
        f"and the {columns - 1} patches of real images that excite it most, with its answers.",
    )
    tiles(made.subplots(), shown, columns=columns, captions=captions, limits=limits, room=0.25)
    return made


def deep_layer(model: keras.Model) -> str:
    """Return the name of the last convolution whose maps have several places.

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


def _choosiest(model: keras.Model, images: np.ndarray, layer: str, every: Sequence) -> list[int]:
    """Return six units whose strongest answers stand out most from their answers to all images."""
    answers = activations(model, images[:500], [layer])[layer]
    flat = answers.reshape(-1, answers.shape[-1])
    stands_out = (np.array([found.values.mean() for found in every]) - flat.mean(axis=0)) / (flat.std(axis=0) + 1e-6)
    return sorted(np.argsort(-stands_out, kind="stable")[:6].tolist())


def _field(model: keras.Model, layer: str, image: tuple[int, ...]) -> tuple[range, ...]:
    """Return what a unit sees from the middle of its map, where images are made for it; a dense one sees all."""
    sides = model.get_layer(layer).output.shape[1:-1]
    return receptive_field_of(model, layer, [side // 2 for side in sides]) if sides else tuple(map(range, image))


def _patch(image: np.ndarray, region: tuple[range, ...], window: Sequence[int]) -> np.ndarray:
    """Return a region of an image at the size of the window; what lies beyond the border is as the image's darkest."""
    rows, columns = region
    part = image[rows.start : rows.stop, columns.start : columns.stop]
    # A region that the border cuts short keeps to the side where the image is.
    before = [(size - len(along)) * (along.start == 0) for size, along in zip(window, region, strict=True)]
    after = [size - len(along) - first for size, along, first in zip(window, region, before, strict=True)]
    return np.pad(part, (*zip(before, after, strict=True), (0, 0)), constant_values=image.min())
