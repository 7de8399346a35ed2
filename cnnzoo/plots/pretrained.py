"""What layers learned without labels: the chains of a Boltzmann machine, and the filters of several nets."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis import gibbs_samples
from cnnzoo.plots.layers import filter_images
from cnnzoo.plots.picture import Picture, height_of, listed, picture, plain, room_for, tiles

MOST = 20  # chains, of numbers of steps, and filters of a net
SIDE = 10  # methods


def gibbs_chain(machine: Any, images: Any, *, steps: Sequence[int] = (0, 1, 10, 100, 1000), seed: int = 0) -> Picture:
    """Draw what Gibbs chains of a machine show after some steps: a row for each image that a chain starts from.

    Args:
        machine: a `cnnzoo.RestrictedBoltzmannMachine`, or a stack of them, as `gibbs_samples` takes them.
        images: float array `(chains, height, width, 1)` from 0 to 1, up to 20.
        steps: increasing numbers of steps, up to 20 of them.
        seed: seed of the draws.

    Returns:
        The figure.

    Raises:
        InputError: no machine, images that do not fit it, or too many of them.

    Source: Hinton, Osindero and Teh, "A Fast Learning Algorithm for Deep Belief Nets", 2006, figure 8.

    Example:
    >>> import cnnzoo
    >>> machine = cnnzoo.RestrictedBoltzmannMachine(np.zeros((64, 3)), np.zeros(64), np.zeros(3))
    >>> len(gibbs_chain(machine, np.zeros((2, 8, 8, 1)), steps=(0, 5)).axes[0].images)
    4
    """
    images = np.asarray(images)
    fits = images.ndim == 4 and images.shape[-1] == 1 and 1 <= len(images) <= MOST
    if not fits or not 1 <= len(steps) <= MOST:
        allowed = f"up to {MOST} images (height, width, 1), for up to {MOST} numbers of steps"
        raise checks.refusal("images", allowed, (images.shape, steps))
    shown = gibbs_samples(machine, images, steps=steps, seed=seed)
    drawn = np.swapaxes(shown, 0, 1).reshape(-1, *images.shape[1:])
    captions = [*[""] * (len(steps) * (len(images) - 1)), *(f"{step:,}" for step in steps)]
    width = min(8.0, 0.9 * len(steps))
    room = room_for(1, drawn, len(steps), width)
    text = f"What {len(images)} Gibbs chains show after {listed([f'{step:,}' for step in steps])} steps."
    figure = picture(width, height_of(drawn, len(steps), width, room), text)
    tiles(figure.subplots(), drawn, columns=len(steps), captions=captions, limits=(0, 1), room=room)
    return figure


def compared_filters(models: Mapping[str, keras.Model], layer: str | None = None, *, count: int = 16) -> Picture:
    """Draw filters of several nets in columns of squares, each net's own scale from its smallest to largest weight.

    Args:
        models: the nets, by title; up to 10.
        layer: name of the layer; default the first one with weights of each.
        count: filters of each net, its first ones; 1 to 20.

    Returns:
        The figure.

    Raises:
        InputError: no models, too many of them, or ones whose weights are no images of one channel.

    Example:
    >>> import cnnzoo
    >>> nets = {"one": cnnzoo.mlp(), "other": cnnzoo.mlp()}
    >>> len(compared_filters(nets, count=4).axes)
    2
    """
    if not isinstance(models, Mapping) or not 1 <= len(models) <= SIDE:
        raise checks.refusal("models", f"a mapping from 1 to {SIDE} titles to Keras models", models)
    count = checks.integer("count", count, 1, MOST)
    found = {title: filter_images(model, layer)[1][:count] for title, model in models.items()}
    for title, kernels in found.items():
        if kernels.shape[-1] != 1:
            raise checks.refusal("models", "nets of images of one channel", f"{title} with {kernels.shape[-1]}")
    columns = int(np.ceil(np.sqrt(count)))
    width = min(8.0, 0.4 * columns * len(models) + 0.3)
    first = next(iter(found.values()))
    height = height_of(first, columns, width / len(models)) + 0.35
    figure = picture(width, height, f"The first {count} filters of {listed(list(found))}, of one layer each.")
    for axis, (title, kernels) in zip(np.ravel(figure.subplots(1, len(found))), found.items(), strict=True):
        most = float(np.abs(kernels).max()) or 1.0
        tiles(axis, kernels, columns=columns, limits=(-most, most))
        axis.set_title(plain(title), fontsize=8)
    return figure
