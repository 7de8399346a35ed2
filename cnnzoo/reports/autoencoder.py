"""The sections of a page about an autoencoder."""

import dataclasses
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from cnnzoo import plots
from cnnzoo.analysis import LabeledCodes, LinearCode, ModelCode, anomaly_scores, codes_2d, pca
from cnnzoo.data.source import kind_of
from cnnzoo.errors import InputError
from cnnzoo.models.variational_model import VariationalAutoencoder
from cnnzoo.plots.codes import corruption_of
from cnnzoo.reports.run_data import RunData, images_and_labels, preprocessed, spread
from cnnzoo.reports.sections import Section, drawn, first_layer

EXAMPLES = 10  # images in a row
TRACES = 6  # signals, or rows of a table, below one another
FITTED_VALUES = 6e7  # values of training images that principal components are fitted to, for the time that it takes
PER_CLASS = 500  # images of each class on a plane, as in the paper
NEIGHBORS = 5  # that vote for a class
MIN_COMPONENTS, MAX_COMPONENTS = 40, 256  # of a curve


def sections(run_data: RunData) -> list[Section]:
    """Return the sections about reconstructions and codes."""
    linear = components([ModelCode(run_data.model).size], run_data)
    name = run_data.recipe.name.rpartition("/")[2]
    point = ModelCode(run_data.model).size, run_data.run.metrics["test"]["squared_error"]
    variational = isinstance(run_data.model, VariationalAutoencoder)
    odd = _anomalies(run_data) if run_data.recipe.anomalies else []
    if run_data.source.kind != "images":
        return [
            *odd,
            _traces(run_data),
            error_by_code_size({name: point}, linear, run_data.inputs),
            _plane(run_data, linear),
        ]
    return [
        *odd,
        _reconstructions(run_data, linear),
        *(_of_the_distribution(run_data) if variational else [_denoising(run_data)]),
        error_by_code_size({name: point}, linear, run_data.inputs),
        _plane(run_data, linear),
        *([_decoded_plane(run_data)] if point[0] == 2 else []),
        Section("The first layer", [first_layer(run_data.model)]),
    ]


def components(sizes: Sequence[int], run_data: RunData) -> LinearCode:
    """Return as many principal components of training images as the pictures need, fitted once.

    Args:
        sizes: sizes of the codes that they are compared with.
        run_data: the run whose data and preprocessing are used.
    """
    train = training_images(run_data)
    largest = min(len(train), train[0].size, max(MIN_COMPONENTS, min(2 * max(sizes), MAX_COMPONENTS)))
    kind = run_data.source.kind
    peak = 1.0 if kind == "images" else None
    return dataclasses.replace(
        pca(train, largest, peak=peak), name=f"principal components of {len(train):,} training {kind}"
    )


def training_images(run_data: RunData) -> np.ndarray:
    """Return training images as the net takes them, as many as principal components are fitted to in seconds."""
    most = max(1, int(FITTED_VALUES // np.prod(run_data.inputs.shape[1:])))
    pixels, _ = images_and_labels(spread(run_data.source.train, most))
    return preprocessed(pixels, run_data.preprocess)


def error_by_code_size(points: Mapping[str, tuple[int, float]], linear: LinearCode, images: np.ndarray) -> Section:
    """Return the section that compares autoencoders with principal components of as many numbers.

    Args:
        points: code size and squared error of each run.
        linear: principal components.
        images: the test images that the principal components are evaluated on.
    """
    caption = (
        f"Squared error per example over the size of its code. The curve is of {linear.name}, evaluated on "
        f"{len(images):,} test {kind_of(images.shape[1:])}."
    )
    draw = drawn("error_by_code_size", caption, lambda: plots.errors_by_code_size(points, linear, images))
    return Section("Error over code size", [draw])


def _anomalies(run_data: RunData) -> list[Section]:
    """Return how well anomalies are told by their errors, and the oddest of them."""
    odd = np.isin(run_data.labels, run_data.recipe.anomalies)
    scores = anomaly_scores(run_data.model, run_data.inputs)
    threshold = run_data.run.metrics["anomalies"].get("threshold")
    names = ", ".join(run_data.class_names[label] for label in run_data.recipe.anomalies)
    curve = (
        f"Test {run_data.source.kind} scored by their squared error. The net was trained without the anomalies, which "
        f"are of class {names}. The threshold is the 99 % quantile of those that were held out for validation."
    )
    sections = [
        Section("Anomalies", [drawn("roc_curve", curve, lambda: plots.roc_curve(scores, odd, threshold=threshold))])
    ]
    if run_data.source.kind == "images":
        oddest = run_data.inputs[np.argsort(-scores)[:EXAMPLES]]
        caption = (
            "The oddest test images, their reconstructions, and the squared error of each pixel; its sum stands below."
        )
        sections.append(
            Section("The oddest", [drawn("odd_pixels", caption, lambda: plots.odd_pixels(run_data.model, oddest))])
        )
    return sections


def _traces(run_data: RunData) -> Section:
    kind = run_data.source.kind
    caption = (
        f"Test {kind}, standardized, and their reconstructions by the net. Above each is its squared error, the sum "
        "over its values."
    )
    values = run_data.inputs[run_data.examples(TRACES)]
    columns = run_data.source.columns
    draw = drawn("traces", caption, lambda: plots.traces(run_data.model, values, columns=columns))
    return Section("Reconstructions", [draw])


def _reconstructions(run_data: RunData, linear: LinearCode) -> Section:
    size = ModelCode(run_data.model).size
    others = [linear.first(size)] if size <= linear.size else []
    pca_row = f", and those from as many {linear.name}" if others else ""
    caption = (
        f"Test images, their reconstructions by the net{pca_row}. Below each is its squared error, the sum over pixels."
    )
    images = run_data.inputs[run_data.examples(EXAMPLES)]
    draw = drawn("reconstructions", caption, lambda: plots.reconstructions(run_data.model, images, *others))
    return Section("Reconstructions", [draw])


def _denoising(run_data: RunData) -> Section:
    corruption = corruption_of(run_data.model)
    noise = "the noise of the layer that corrupts its input in training" if corruption else "noise that is in no layer"
    caption = (
        f"Test images, the same with {noise}, and their reconstructions by the net. Below each is its peak "
        "signal-to-noise ratio against the clean image; higher is better."
    )
    images = run_data.inputs[run_data.examples(EXAMPLES)]
    noisy = corruption or keras.layers.GaussianNoise(0.2)
    draw = drawn("denoised", caption, lambda: plots.denoised(run_data.model, images, noisy))
    return Section("Denoising", [draw])


def _of_the_distribution(run_data: RunData) -> list[Section]:
    """Return the sections that a variational autoencoder has: samples, images between two, and active units."""
    model, images = run_data.model, run_data.inputs
    one, other = images[run_data.examples(2)]
    made_up = "Images that the decoder makes of codes drawn from N(0, 1), without any image to begin with."
    between = (
        "Decoded from codes on the straight line between those of two test images; below, their pixels mixed in the "
        "same parts."
    )
    active = (
        "Divergence from N(0, 1) of each unit of the code, in the mean over test images. A unit without any is drawn "
        "at random, whatever the image, and the decoder ignores it."
    )
    return [
        Section("Samples", [drawn("samples", made_up, lambda: plots.samples(model))]),
        Section("Between two images", [drawn("between", between, lambda: plots.decoded_between(model, one, other))]),
        Section("Active units", [drawn("active_units", active, lambda: plots.active_units(model, images))]),
    ]


def _decoded_plane(run_data: RunData) -> Section:
    model = run_data.model
    images = None if isinstance(model, VariationalAutoencoder) else run_data.inputs
    caption = "Images that the decoder makes of a grid of codes; the two numbers of each stand at the axes."
    draw = drawn("decoded_plane", caption, lambda: plots.decoded_plane(model, images))
    return Section("The decoded plane", [draw])


def _plane(run_data: RunData, linear: LinearCode) -> Section:
    per_class = min(PER_CLASS, *np.bincount(run_data.labels)[np.unique(run_data.labels)].tolist())
    decodes = " The decoder turns any two numbers of the code into an image."
    caption = (
        f"Test images as points, up to {per_class} of each class, in the colors of their classes; the net was trained "
        "without labels. The accuracy is that of a vote of the five nearest neighbors of each image."
        f"{decodes if ModelCode(run_data.model).size == 2 else ''}"
    )
    draw = drawn(
        "codes_on_a_plane",
        caption,
        lambda: plots.codes_on_a_plane(_planes(run_data, linear, per_class), run_data.class_names),
    )
    return Section("Codes on a plane", [draw])


def _planes(run_data: RunData, linear: LinearCode, per_class: int) -> dict[str, LabeledCodes]:
    """Return codes of two numbers: those of the pixels' principal components, and the net's or their projection."""
    images, labels = run_data.inputs, run_data.labels
    if per_class * len(np.unique(labels)) <= NEIGHBORS:
        raise InputError(f"{per_class} images of each class are too few for {NEIGHBORS} neighbors")
    pixels = codes_2d(linear.first(2), images, labels, per_class=per_class)
    code = ModelCode(run_data.model)
    if code.size == 2:
        planes = {"the two numbers of the code": codes_2d(run_data.model, images, labels, per_class=per_class)}
    elif code.size > 2:
        title = f"two principal components of the {code.size} code numbers"
        planes = {title: _projected(code, images, labels, per_class)}
    else:
        raise InputError("a code of one number lies on a line")
    return {"two principal components of the pixels": pixels, **planes}


def _projected(code: ModelCode, images: np.ndarray, labels: np.ndarray, per_class: int) -> LabeledCodes:
    from sklearn.decomposition import PCA

    chosen = np.sort(np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]))
    codes = code.encode(images[chosen]).astype("float64")
    return LabeledCodes(
        code.name, PCA(2, svd_solver="covariance_eigh").fit_transform(codes).astype("float32"), labels[chosen]
    )
