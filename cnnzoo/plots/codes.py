"""Reconstructions and codes of autoencoders, compared with principal components of the same size."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes

from cnnzoo import checks
from cnnzoo.analysis import LabeledCodes, LinearCode, pca, pca_errors, psnr
from cnnzoo.analysis.reconstruction.codes import Coder, ModelCode
from cnnzoo.analysis.reconstruction.linear_codes import pixels
from cnnzoo.errors import InputError
from cnnzoo.layers.noise import Corruption
from cnnzoo.plots.picture import (
    COLORS,
    Picture,
    height_of,
    label_logarithms,
    light_grid,
    listed,
    picture,
    plain,
    tiles,
)

NOISES = (Corruption, keras.layers.GaussianNoise, keras.layers.Dropout, keras.layers.GaussianDropout)


def reconstructions(model: keras.Model, images, *others: Any, train=None) -> Picture:
    """Draw images, their reconstructions by an autoencoder, and those by as many principal components.

    The caption of each reconstruction is its squared error, summed over the pixels.

    Args:
        model: an autoencoder with a layer `code`.
        images: array `(examples, height, width, channels)`; uint8, or floats of 0 to 1.
        others: further autoencoders, or codes such as `cnnzoo.analysis.pca(train, 30)`.
        train: images to fit principal components to, as many as the code has numbers; `None` for none.

    Returns:
        The figure, one row of axes for the images and each code.

    Raises:
        InputError: no autoencoder, or images that do not fit.

    Source: Hinton and Salakhutdinov, Science 313, 2006, figure 2.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits")
    >>> model = cnnzoo.deep_autoencoder(input_shape=(8, 8, 1), units=(20,), code=4)
    >>> figure = reconstructions(model, digits.test.images[:3], train=digits.train.images)
    >>> [len(axis.images) for axis in figure.axes], figure.axes[2].get_title(loc="left")[:22]
    ([3, 3, 3], '4 principal components')
    """
    images = pixels(images)
    code = ModelCode(model)
    coders: dict[str, Coder] = {f"{model.name}: {code.size} numbers": code}
    if train is not None and code.size < min(len(train), images[0].size):
        coders[f"{code.size} principal components"] = pca(train, code.size)
    for other in others:
        coder = ModelCode(other) if isinstance(other, keras.Model) else other
        coders[f"{coder.name}: {coder.size} numbers"] = coder
    return decoded(images, coders)


def decoded(images: np.ndarray, coders: Mapping[str, Coder]) -> Picture:
    """Draw images and their reconstructions by several codes, with squared errors.

    Args:
        images: float array `(examples, height, width, channels)`, pixels from 0 to 1.
        coders: encoders and decoders, by the titles of their rows.
    """
    rows = {name: coder.reconstruct(images) for name, coder in coders.items()}
    errors = {name: np.square(images - row, dtype="float64").sum(axis=(1, 2, 3)) for name, row in rows.items()}
    means = [f"{name}, squared error per image {each.mean():.2f}" for name, each in errors.items()]
    return in_rows(
        {"images": images, **rows},
        {name: [f"{error:.1f}" for error in each] for name, each in errors.items()},
        f"{len(images)} images and their reconstructions: {listed(means)}.",
    )


def in_rows(rows: Mapping[str, np.ndarray], captions: Mapping[str, Sequence[str]], alternative: str) -> Picture:
    """Draw rows of images below one another, each with its title.

    Args:
        rows: arrays `(count, height, width, channels)` of pixels from 0 to 1, by title.
        captions: of a row's images, by title.
        alternative: the alternative text.
    """
    first = next(iter(rows.values()))
    width = max(min(8.0, 0.9 * len(first)), 4.0)
    columns = max(len(first), round(width / 0.9))
    rooms = [0.3 if captions.get(title) else 0.0 for title in rows]
    heights = [height_of(images, columns, width, room) for images, room in zip(rows.values(), rooms, strict=True)]
    figure = picture(width, sum(heights) + 0.26 * len(rows), alternative)
    axes = np.atleast_1d(figure.subplots(len(rows), 1, height_ratios=heights))
    for axis, (title, images), room in zip(axes, rows.items(), rooms, strict=True):
        values = np.clip(images, 0, 1) if images.shape[-1] == 3 else images
        tiles(axis, values, columns=columns, captions=captions.get(title, ()), limits=(0, 1), room=room)
        axis.set_title(plain(title), fontsize=8, loc="left", pad=2)
    return figure


def corruption_of(model: keras.Model) -> keras.layers.Layer | None:
    """Return the layer that corrupts a model's input in training, before any weights, or `None`.

    Example:
    >>> import cnnzoo
    >>> corruption_of(cnnzoo.denoising_autoencoder()).rate
    0.25
    """
    before = itertools.takewhile(lambda layer: not layer.trainable_weights, model.layers)
    return next((layer for layer in before if isinstance(layer, NOISES)), None)


def denoised(model: keras.Model, images, corruption: keras.layers.Layer | None = None, *, seed: int = 0) -> Picture:
    """Draw clean images, the same with noise, and an autoencoder's reconstructions of the noisy ones, with PSNR.

    Args:
        model: an autoencoder.
        images: array `(examples, height, width, channels)`; uint8, or floats of 0 to 1.
        corruption: a Keras layer that corrupts in training, such as `keras.layers.GaussianNoise(0.3)`; default: the
            model's own.
        seed: seed of the noise.

    Returns:
        The figure, three rows of axes.

    Raises:
        InputError: no autoencoder, images that do not fit, or no corruption.

    Source: Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", 2008.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits")
    >>> model = cnnzoo.denoising_autoencoder(input_shape=(8, 8, 1), code=20)
    >>> figure = denoised(model, digits.test.images[:3])
    >>> [axis.get_title(loc="left")[:8] for axis in figure.axes]
    ['clean', 'masking ', 'denoised']
    """
    images = pixels(images).astype("float32")
    corruption = corruption or corruption_of(model)
    if not isinstance(corruption, keras.layers.Layer):
        raise InputError(
            f"{model.name} has no layer that corrupts its input: `corruption` must be one, such as "
            f"keras.layers.GaussianNoise(0.3). Received: {corruption!r}"
        )
    noisy = corrupted(corruption, images, seed)
    restored = keras.ops.convert_to_numpy(keras.ops.cast(model(noisy, training=False), "float32"))
    title = _noise_title(corruption)
    rows = {title: noisy, "denoised": restored}
    ratios = {
        name: [psnr(clean[None], np.clip(image, 0, 1)[None]) for clean, image in zip(images, row, strict=True)]
        for name, row in rows.items()
    }
    return in_rows(
        {"clean": images, **rows},
        {name: [f"{ratio:.1f} dB" for ratio in each] for name, each in ratios.items()},
        f"{len(images)} images, the same with noise ({title}, mean PSNR {np.mean(ratios[title]):.1f} dB) and denoised "
        f"({np.mean(ratios['denoised']):.1f} dB).",
    )


def corrupted(corruption: keras.layers.Layer, images: np.ndarray, seed: int) -> np.ndarray:
    """Return images corrupted by a copy of a layer, the same for the same seed."""
    config = corruption.get_config()
    copy = type(corruption).from_config({**config, "name": "copy", "seed": seed, "dtype": "float32"})
    return keras.ops.convert_to_numpy(copy(images, training=True))


def _noise_title(corruption: keras.layers.Layer) -> str:
    kind = "".join(f" {each.lower()}" if each.isupper() else each for each in type(corruption).__name__).strip()
    rate = getattr(corruption, "rate", None)
    if rate is None:
        return f"{kind.replace('gaussian', 'Gaussian')}, deviation {corruption.stddev:g}"
    return f"{kind}, {rate:.0%} of the pixels".replace("%", " %")


def errors_by_code_size(
    points: Mapping[str, tuple[int, float] | Sequence[tuple[int, float]]], components: LinearCode, images
) -> Picture:
    """Draw the squared error per image against the code size, with the curve of principal components.

    Args:
        points: by the name of each autoencoder, its code size and its squared error per test image (sum over pixels),
            or a list of such pairs, which a line connects.
        components: the result of `cnnzoo.analysis.pca`; its size is that of the largest code of the curve.
        images: array `(examples, *image_shape)` to evaluate them on; uint8, or floats of 0 to 1.

    Returns:
        The figure, with logarithmic axes.

    Raises:
        InputError: images that do not fit one another, or no points.

    Source: Hinton and Salakhutdinov, Science 313, 2006, compare at 30 numbers.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits")
    >>> figure = errors_by_code_size({"net": (6, 0.86)}, pca(digits.train.images, 12), digits.test.images)
    >>> len(figure.axes[0].lines[0].get_xdata())
    12
    """
    if not points:
        raise checks.refusal("points", "a mapping from at least one autoencoder to (code size, squared error)", points)
    of_kinds = {name: _pairs(each) for name, each in points.items()}
    curve, largest = pca_errors(components, images), components.size
    drawn = np.where(curve > 1e-4 * curve[0], curve, np.nan)  # as many components as pixels have no error but rounding
    alone = all(len(pairs) == 1 for pairs in of_kinds.values())
    errors = [
        f"{name} {listed([f'{error:.2f}' for _, error in pairs])} with {listed([size for size, _ in pairs])} numbers"
        for name, pairs in of_kinds.items()
    ]
    sizes = sorted({size for pairs in of_kinds.values() for size, _ in pairs if size <= largest})
    errors += [f"{size} principal components {curve[size - 1]:.2f}" for size in sizes]
    text = listed(errors) if alone else "; ".join(errors)
    figure = picture(5.6, 3.4, f"Squared error per image against code size: {text}.")
    axis = figure.subplots()
    marker = "." if largest < 3 else ""
    axis.plot(range(1, largest + 1), drawn, color="#888888", label="principal components", marker=marker)
    for number, (name, pairs) in enumerate(of_kinds.items()):
        axis.plot(*zip(*pairs, strict=True), "o-", color=COLORS[number % len(COLORS)], label=plain(name))
    axis.set(xscale="log", yscale="log", xlabel="code size", ylabel="squared error per test image")
    axis.set_ylim(
        bottom=0.5 * min(*drawn[drawn > 0].tolist(), *(error for pairs in of_kinds.values() for _, error in pairs))
    )
    ratio = math.prod(components.image_shape)
    upper = axis.secondary_xaxis("top", functions=(lambda size: ratio / np.maximum(size, 1e-9),) * 2)
    upper.set_xlabel("pixel values per number of the code", fontsize=8)
    for scale in (axis.xaxis, axis.yaxis, upper.xaxis):
        label_logarithms(scale)
    axis.legend(fontsize=8, frameon=False)
    light_grid(axis)
    return figure


def _pairs(given: tuple[int, float] | Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return pairs of code size and squared error by their sizes, also of one such pair."""
    array = np.atleast_2d(np.asarray(given, "float64"))
    if array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise checks.refusal("points", "pairs (code size, squared error), by the name of each autoencoder", given)
    return sorted((int(size), float(error)) for size, error in array)


def codes_on_a_plane(planes: Mapping[str, LabeledCodes], class_names: Sequence[str]) -> Picture:
    """Draw scatter plots of codes of two numbers, in the colors of their classes.

    The axes have the code's own numbers: the decoder turns any point into an image, as
    `cnnzoo.decoder(model).predict(np.array([[first, second]]))`.

    Args:
        planes: results of `cnnzoo.analysis.codes_2d`, by title.
        class_names: name of each label.

    Returns:
        The figure; each title has the accuracy of a vote of the five nearest neighbors. Names stand in the middle of
        their classes; where two would cover each other they move apart, with a line to where they belong.

    Raises:
        InputError: there are no planes, or codes of another size.

    Source: Hinton and Salakhutdinov, Science 313, 2006, figure 3.

    Example:
    >>> from cnnzoo import data
    >>> from cnnzoo.analysis import codes_2d, pca
    >>> digits = data.load("digits")
    >>> plane = codes_2d(pca(digits.train.images, 2), digits.train.images, digits.train.labels, per_class=50)
    >>> codes_on_a_plane({"PCA": plane}, digits.class_names).axes[0].get_title().splitlines()
    ['PCA', 'accuracy of a vote of 5 neighbors: 63 %']
    """
    if not planes or any(plane.codes.ndim != 2 or plane.codes.shape[1] != 2 for plane in planes.values()):
        raise InputError(f"`planes` must be codes of two numbers, by title. Received: {planes!r:.200}")
    accuracies = {
        title: f"accuracy of a vote of 5 neighbors: {100 * plane.neighbor_accuracy():.0f} %"
        for title, plane in planes.items()
    }
    description = listed([f"{title}, {accuracy}" for title, accuracy in accuracies.items()])
    figure = picture(4.2 * len(planes), 4.4, f"Scatter plots of codes in the colors of their classes: {description}.")
    for axis, (title, plane) in zip(np.atleast_1d(figure.subplots(1, len(planes))), planes.items(), strict=True):
        middles: list[tuple[float, float]] = []
        for number, label in enumerate(np.unique(plane.labels)):
            x, y = plane.codes[plane.labels == label].T
            color = f"C{number % 10}"
            axis.scatter(x, y, s=2.5, color=color, linewidths=0, rasterized=True)
            middles.append((float(np.median(x)), float(np.median(y))))
        _name_classes(axis, np.array(middles), [plain(class_names[label]) for label in np.unique(plane.labels)])
        axis.set_title(f"{plain(title)}\n{accuracies[title]}", fontsize=9)
        axis.set_xlabel("first number", fontsize=8)
        axis.set_ylabel("second number", fontsize=8)
        axis.tick_params(labelsize=7)
        light_grid(axis)
    return figure


def _name_classes(axis: Axes, middles: np.ndarray, names: Sequence[str]) -> None:
    """Write the name of each class where its middle is, moved apart where two would cover each other."""
    spans = np.array([np.ptp(axis.get_xlim()), np.ptp(axis.get_ylim())])
    rooms = np.array([[0.035 + 0.02 * len(name), 0.055] for name in names])
    places = moved_apart(middles / spans, rooms) * spans
    for number, (name, middle, place) in enumerate(zip(names, middles, places, strict=True)):
        color = f"C{number % 10}"
        if np.abs((place - middle) / spans).max() > 0.01:
            axis.plot(*zip(middle, place, strict=True), color="#0a0a0a", linewidth=0.9)
        axis.text(
            float(place[0]), float(place[1]), name, fontsize=9, weight="bold", ha="center", va="center",
            color="#0a0a0a",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": color, "alpha": 0.85},
        )  # fmt: skip


def moved_apart(places: np.ndarray, rooms: np.ndarray) -> np.ndarray:
    """Return places of boxes moved, each by little, until none covers another.

    Args:
        places: float array `(boxes, 2)`, their middles.
        rooms: float array `(boxes, 2)`, their widths and heights.

    Example:
    >>> moved_apart(np.array([[0.0, 0.0], [0.01, 0.0]]), np.full((2, 2), 0.1)).round(3).tolist()
    [[-0.045, 0.0], [0.055, 0.0]]
    """
    places = places.astype("float64").copy()
    for _ in range(500):
        moved = False
        for one, other in itertools.combinations(range(len(places)), 2):
            needed, apart = (rooms[one] + rooms[other]) / 2, places[other] - places[one]
            overlap = needed - np.abs(apart)
            if (overlap > 1e-9).all():
                along = int(overlap.argmin())
                step = overlap[along] / 2 * (1 if apart[along] >= 0 else -1)
                places[one, along] -= step
                places[other, along] += step
                moved = True
        if not moved:
            break
    return places
