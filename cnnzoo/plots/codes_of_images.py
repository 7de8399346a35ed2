"""Codes of autoencoders: images between two codes, and how active and how steady the units of a code are."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnzoo import checks
from cnnzoo.analysis import ModelCode
from cnnzoo.analysis.reconstruction.linear_codes import pixels
from cnnzoo.errors import InputError
from cnnzoo.plots.codes import in_rows
from cnnzoo.plots.picture import COLORS, Picture, light_grid, listed, picture, plain

BINS = 20


def decoded_between(model: Any, one, other, *, steps: int = 9) -> Picture:
    """Draw the images of codes on the straight line between the codes of two images, and mixtures of their pixels.

    Args:
        model: an autoencoder with a layer `code`.
        one: array `(height, width, channels)`; uint8, or floats of 0 to 1.
        other: the same.
        steps: images from the one to the other, both included; 2 to 15.

    Returns:
        The figure: decoded codes above, mixed pixels below.

    Raises:
        InputError: no autoencoder, images that do not fit, or `steps` out of range.

    Source: Bengio, Mesnil, Dauphin and Rifai, "Better Mixing via Deep Representations", ICML 2013.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.deep_autoencoder(input_shape=(8, 8, 1), units=(20,), code=2)
    >>> digits = cnnzoo.data.load("digits").test.images
    >>> [len(axis.images) for axis in decoded_between(model, digits[0], digits[1], steps=5).axes]
    [5, 5]
    """
    steps = checks.integer("steps", steps, 2, 15)
    code = ModelCode(model)
    ends = [np.asarray(each) for each in (one, other)]
    if any(end.ndim != 3 for end in ends) or ends[0].shape != ends[1].shape:
        raise InputError(
            f"`one` and `other` must be images (height, width, channels) of one shape. Received: {ends[0].shape} and "
            f"{ends[1].shape}"
        )
    pair = pixels(np.stack(ends))
    parts = np.linspace(0, 1, steps)
    start, stop = code.encode(pair)
    decoded = code.decode(np.stack([(1 - part) * start + part * stop for part in parts]).astype("float32"))
    mixed = np.stack([(1 - part) * pair[0] + part * pair[1] for part in parts])
    percent = [f"{100 * part:.0f} %" for part in parts]
    return in_rows(
        {f"decoded from codes of {code.size} numbers": decoded, "mixed pixel by pixel": mixed},
        {"mixed pixel by pixel": percent},
        f"{steps} images on the way from one image to another: decoded from the codes between their codes, and mixed "
        "from their pixels.",
    )


def code_activity(models: Mapping[str, Any], images, *, seed: int = 0) -> Picture:
    """Draw how active the units of codes are, and how far a code moves when its image changes a little.

    On the left are histograms of the units' values, over all images. On the right is the length of the change of a code
    when Gaussian noise is added to the image, in the mean over the images, against the noise' standard deviation.

    Args:
        models: autoencoders with a layer `code`, up to five, by title.
        images: array `(examples, height, width, channels)`; uint8, or floats of 0 to 1.
        seed: of the noise.

    Returns:
        The figure; its `alternative` has the mean value, and the change at a noise of 0.1.

    Raises:
        InputError: no autoencoders, or images that do not fit.

    Source: Ng, "Sparse autoencoder", 2011; Rifai et al., "Contractive Auto-Encoders", ICML 2011.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.autoencoder(input_shape=(8, 8, 1), units=(), code=16)
    >>> figure = code_activity({"net": model}, cnnzoo.data.load("digits").test.images[:50])
    >>> figure.axes[0].get_xlabel()
    'value of a unit of the code'
    """
    if not isinstance(models, Mapping) or not 1 <= len(models) <= len(COLORS):
        raise checks.refusal("models", f"a mapping from titles to one to {len(COLORS)} autoencoders", models)
    clean = pixels(images).astype("float32")
    coders = {title: ModelCode(model) for title, model in models.items()}
    codes = {title: coder.encode(clean) for title, coder in coders.items()}
    deviations = np.array([0.02, 0.05, 0.1, 0.15, 0.2])
    noise = np.random.default_rng(seed).normal(size=clean.shape).astype("float32")
    moves = {
        title: [_move(coder, codes[title], clean + np.float32(deviation) * noise) for deviation in deviations]
        for title, coder in coders.items()
    }
    ends = [f"{title}, mean value {each.mean():.2f}, moved by {moves[title][2]:.2f}" for title, each in codes.items()]
    figure = picture(
        7.6,
        3.0,
        "Histograms of the values of codes, and how far a code moves when noise of deviation 0.1 is added to its "
        f"image: {listed(ends)}.",
    )
    left, right = figure.subplots(1, 2)
    low, high = min(each.min() for each in codes.values()), max(each.max() for each in codes.values())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for (title, each), color in zip(codes.items(), COLORS, strict=False):
        counts, _ = np.histogram(each, edges)
        left.stairs(100 * counts / each.size, edges, color=color, linewidth=1.5, label=plain(title))
        right.plot(deviations, moves[title], "o-", color=color, markersize=4, label=plain(title))
    left.set(xlabel="value of a unit of the code", ylabel="% of all values")
    right.set(xlabel="noise on the pixels (deviation)", ylabel="change of the code (length)")
    right.set_ylim(bottom=0)
    for axis in (left, right):
        light_grid(axis)
        axis.legend(fontsize=8, frameon=False)
    return figure


def _move(coder: ModelCode, codes: np.ndarray, noisy: np.ndarray) -> float:
    # Beyond 0 and 1 noisy pixels are cut off: `encode` takes pixels.
    moved = coder.encode(np.clip(noisy, 0, 1)) - codes
    return float(np.sqrt(np.square(moved).sum(axis=1)).mean())
