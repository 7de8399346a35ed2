"""What a decoder makes of codes that no image had: samples, a grid of a plane; and which units of a code are active."""

from typing import Any

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis import ModelCode
from cnnzoo.analysis.likelihood import ACTIVE, code_distributions
from cnnzoo.analysis.reconstruction.linear_codes import pixels
from cnnzoo.errors import InputError
from cnnzoo.models.variational_autoencoders import sample
from cnnzoo.plots.picture import COLORS, Picture, height_of, light_grid, picture, tiles
from cnnzoo.variational import kl_divergence

MOST = 100  # samples in a picture
RANGE = 2.0  # standard deviations of N(0, 1) that a plane shows to each side


def samples(model: keras.Model, n: int = 40, *, columns: int = 10, seed: int = 0) -> Picture:
    """Draw images that a variational autoencoder makes up, from codes drawn from N(0, 1).

    Args:
        model: a `variational_autoencoder`.
        n: number of images, 1 to 100.
        columns: images in a row, ≥ 1.
        seed: seed of the draws.

    Returns:
        The figure.

    Raises:
        InputError: another model, or a number out of range.

    Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, figure 5.

    Example:
    >>> import cnnzoo
    >>> figure = samples(cnnzoo.variational_autoencoder(units=(), code=2), n=6, columns=3)
    >>> len(figure.axes[0].images)
    6
    """
    n, columns = checks.integer("n", n, 1, MOST), checks.integer("columns", columns)
    images = np.clip(sample(model, n, seed=seed), 0, 1)
    width = min(8.0, 0.8 * columns)
    text = f"{n} images decoded from codes that were drawn from N(0, 1)."
    figure = picture(width, height_of(images, columns, width), text)
    tiles(figure.subplots(), images, columns=columns, limits=(0, 1))
    return figure


def decoded_plane(model: keras.Model, images=None, *, steps: int = 15) -> Picture:
    """Draw the images that a decoder makes of a grid of codes of two numbers, which stand at the axes.

    Args:
        model: an autoencoder with a layer `code` of two units.
        images: array `(examples, height, width, channels)`; uint8, or floats of 0 to 1. The grid spans the middle 96 %
            of their codes in each direction. `None`, for a `variational_autoencoder`: from −2 to 2.
        steps: images on each side, 2 to 30.

    Returns:
        The figure, with one image of all.

    Raises:
        InputError: no autoencoder, a code of another size, or images that do not fit.

    Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, figure 4.

    Example:
    >>> import cnnzoo
    >>> figure = decoded_plane(cnnzoo.variational_autoencoder(units=(), code=2), steps=4)
    >>> figure.axes[0].images[0].get_array().shape, figure.axes[0].get_xlabel()
    ((112, 112), 'first number of the code')
    """
    steps, code = checks.integer("steps", steps, 2, 30), ModelCode(model)
    if code.size != 2:
        raise InputError(f"a plane is of codes of 2 numbers. Received: {code.name} with {code.size}")
    if images is None:
        low, high = np.full(2, -RANGE), np.full(2, RANGE)
    else:
        low, high = np.percentile(code.encode(pixels(images)), [2, 98], axis=0)
    firsts, seconds = (np.linspace(low[axis], high[axis], steps) for axis in (0, 1))
    grid = np.array([[first, second] for second in seconds[::-1] for first in firsts], "float32")
    tiles = np.clip(code.decode(grid), 0, 1)
    count, height, width, channels = tiles.shape
    whole = tiles.reshape(steps, steps, height, width, channels).swapaxes(1, 2)
    whole = whole.reshape(steps * height, steps * width, channels)
    figure = picture(
        6.0,
        6.0 * height / width,
        f"{count} images decoded from a grid of codes: the first number from {low[0]:.2g} to {high[0]:.2g}, left to "
        f"right, the second from {low[1]:.2g} to {high[1]:.2g}, upwards.",
    )
    axis = figure.subplots()
    reach = (high - low) / (steps - 1) / 2
    axis.imshow(
        whole[..., 0] if channels == 1 else whole,
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(low[0] - reach[0], high[0] + reach[0], low[1] - reach[1], high[1] + reach[1]),
        aspect="auto",
        interpolation="none",
    )
    axis.set(xlabel="first number of the code", ylabel="second number of the code")
    return figure


def active_units(model: keras.Model, images: Any) -> Picture:
    """Draw what each unit of a variational autoencoder's code carries: its divergence from N(0, 1), largest first.

    Args:
        model: a `variational_autoencoder`.
        images: float array `(examples, *input_shape)`, two or more.

    Returns:
        The figure; active units, whose mean differs between images, are in color.

    Raises:
        InputError: another model, or images that do not fit it.

    Source: Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016, section 4.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).random((50, 28, 28, 1))
    >>> len(active_units(cnnzoo.variational_autoencoder(units=(), code=5), images).axes[0].patches)
    5
    """
    mean, log_variance = code_distributions(model, images)
    active = mean.var(axis=0) > ACTIVE
    each = kl_divergence(mean[..., None], log_variance[..., None])  # not summed over the units
    divergences = keras.ops.convert_to_numpy(each).mean(axis=0)
    order = np.argsort(-divergences, kind="stable")
    figure = picture(
        6.0,
        2.6,
        f"Divergence of each unit's distribution from N(0, 1), in the mean over {len(images):,} images, "
        f"{divergences.sum():.1f} nats in sum: {active.sum()} of {len(active)} units are active.",
    )
    axis = figure.subplots()
    colors = [COLORS[0] if active[unit] else "#999999" for unit in order]
    axis.bar(range(1, len(order) + 1), divergences[order], color=colors)
    axis.set(xlabel="units of the code", ylabel="KL (nats)")
    axis.set_title(
        f"{active.sum()} of {len(active)} units active: the variance of their mean is above {ACTIVE:g}", fontsize=9
    )
    light_grid(axis)
    return figure
