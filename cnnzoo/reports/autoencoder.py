"""What a page shows of an autoencoder."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from cnnzoo import models, plots
from cnnzoo.analysis import LabeledCodes, LinearCode, ModelCode, codes_2d, pca
from cnnzoo.errors import InputError
from cnnzoo.plots.codes import corruption_of
from cnnzoo.reports.run_data import RunData, images_in_order, prepared, spread
from cnnzoo.reports.sections import Section, drawn, first_layer

EXAMPLES = 10  # images in a row
FITTED_VALUES = 6e7  # values of training images that principal components are fitted to, for the time that it takes
ON_A_PLANE = 500  # images of each class, as in the paper
NEIGHBOURS = 5  # that vote
LEAST, MOST = 40, 256  # principal components of a curve


def sections(run_data: RunData) -> list[Section]:
    """Return the sections about what a code keeps."""
    linear = components([ModelCode(run_data.model).size], run_data)
    return [
        _kept(run_data, linear),
        _noise(run_data),
        _size(run_data, linear),
        _plane(run_data, linear),
        Section("The first layer", [first_layer(run_data.model)]),
    ]


def components(sizes: Sequence[int], run_data: RunData) -> LinearCode:
    """Return as many principal components of training images as the pictures need, fitted once.

    Args:
        sizes: numbers in the codes that they are compared with.
        run_data: whose data and preprocessing they are fitted to.
    """
    train = training_images(run_data)
    largest = min(len(train), train[0].size, max(LEAST, min(2 * max(sizes), MOST)))
    fitted = pca(train, largest)
    return dataclasses.replace(fitted, name=f"principal components of {len(train):,} training images")


def training_images(run_data: RunData) -> np.ndarray:
    """Return training images as the net takes them, as many as principal components are fitted to in seconds."""
    most = max(1, int(FITTED_VALUES // np.prod(run_data.inputs.shape[1:])))
    pixels, _ = images_in_order(spread(run_data.source.train, most))
    return prepared(pixels, models.preprocessing(run_data.recipe.model, run_data.model))


def _kept(run_data: RunData, linear: LinearCode) -> Section:
    as_many = _as_many(linear, run_data)
    beside = f", and what as many {linear.name} make of them" if as_many else ""
    images = run_data.inputs[run_data.examples(EXAMPLES)]
    return Section(
        "What the code keeps",
        [
            drawn(
                "reconstructions",
                f"Test images, what is decoded from their codes{beside}. Below stands the squared error, summed over "
                "the image.",
                lambda: plots.reconstructions(run_data.model, images, *as_many),
            )
        ],
    )


def _as_many(linear: LinearCode, run_data: RunData) -> list[LinearCode]:
    """Return as many principal components as the code has numbers, where there are so many."""
    size = ModelCode(run_data.model).size
    return [linear.first(size)] if size <= linear.size else []


def _noise(run_data: RunData) -> Section:
    corruption = corruption_of(run_data.model)
    own = "by the layer that spoilt its input in training" if corruption else "by no layer of the net"
    return Section(
        "Noise",
        [
            drawn(
                "denoised",
                f"Test images, the same with noise {own}, and what the net makes of the noisy ones. Below stands the "
                "peak signal-to-noise ratio against the clean image; more is better.",
                lambda: plots.denoised(
                    run_data.model,
                    run_data.inputs[run_data.examples(EXAMPLES)],
                    corruption or keras.layers.GaussianNoise(0.2),
                ),
            )
        ],
    )


def _size(run_data: RunData, linear: LinearCode) -> Section:
    size, error = ModelCode(run_data.model).size, run_data.run.metrics["test"]["squared_error"]
    return Section(
        "Compression",
        [
            drawn(
                "error_by_code_size",
                f"Squared error of a test image over the numbers in its code. The curve is of {linear.name}, judged on "
                f"{len(run_data.inputs):,} test images.",
                lambda: plots.errors_by_code_size(
                    {run_data.recipe.name.rpartition("/")[2]: (size, error)}, linear, run_data.inputs
                ),
            )
        ],
    )


def _plane(run_data: RunData, linear: LinearCode) -> Section:
    few = min(ON_A_PLANE, *np.bincount(run_data.labels)[np.unique(run_data.labels)].tolist())
    return Section(
        "Codes on a plane",
        [
            drawn(
                "codes_on_a_plane",
                f"Test images as points, up to {few} of each class, in the colors of their classes; the net saw no "
                "labels. An image lies among its own class where its five nearest neighbors vote for that.",
                lambda: plots.codes_on_a_plane(_planes(run_data, linear, few), run_data.names),
            )
        ],
    )


def _planes(run_data: RunData, linear: LinearCode, few: int) -> dict[str, LabeledCodes]:
    """Return the codes on a plane, by their principal components where they have more numbers, beside the pixels'."""
    images, labels = run_data.inputs, run_data.labels
    if few * len(np.unique(labels)) <= NEIGHBOURS:
        raise InputError(f"{few} images of each class are too few for {NEIGHBOURS} neighbors")
    pixels = codes_2d(linear.first(2), images, labels, per_class=few)
    code = ModelCode(run_data.model)
    if code.size == 2:
        own = {"the two numbers of the code": codes_2d(run_data.model, images, labels, per_class=few)}
    elif code.size > 2:
        own = {f"two principal components of the {code.size} code numbers": _projected(code, images, labels, few)}
    else:
        raise InputError("a code of one number lies on a line")
    return {"two principal components of the pixels": pixels, **own}


def _projected(code: ModelCode, images: np.ndarray, labels: np.ndarray, per_class: int) -> LabeledCodes:
    from sklearn.decomposition import PCA

    chosen = np.sort(np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]))
    codes = code.encode(images[chosen]).astype("float64")
    return LabeledCodes(
        code.name, PCA(2, svd_solver="covariance_eigh").fit_transform(codes).astype("float32"), labels[chosen]
    )
