"""How well anomalies are told by their errors, and where in an image the error is."""

from typing import Any

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.anomalies import anomaly_errors
from cnnzoo.analysis.reconstruction.linear_codes import pixels
from cnnzoo.errors import InputError
from cnnzoo.plots.codes import in_rows
from cnnzoo.plots.picture import COLORS, Picture, light_grid, picture

BINS = 40


def roc_curve(scores: Any, anomalous: Any, *, threshold: float | None = None) -> Picture:
    """Draw the ROC curve of anomaly scores, and their histograms.

    Args:
        scores: float array `(examples,)`, larger for odder examples.
        anomalous: boolean array `(examples,)`, which of them are anomalies; some, and not all.
        threshold: the score above which an example counts as odd, or `None`.

    Returns:
        The figure; its title has the area under the curve.

    Raises:
        InputError: arrays that do not fit, or no anomalies, or nothing else.

    Example:
    >>> figure = roc_curve([0.1, 0.4, 0.3, 0.8], [False, False, True, True])
    >>> figure.axes[0].get_title()
    'area under the curve: 0.750'
    """
    from sklearn import metrics  # a second to import

    scores, anomalous = np.asarray(scores, "float64"), np.asarray(anomalous)
    if scores.ndim != 1 or anomalous.shape != scores.shape or anomalous.dtype != bool:
        raise InputError(
            "`scores` and `anomalous` must be numbers and booleans (examples,). Received: the shapes "
            f"{scores.shape} and {anomalous.shape}, {anomalous.dtype}"
        )
    if anomalous.all() or not anomalous.any():
        raise checks.refusal("anomalous", "true for some examples, and not for all", f"{anomalous.sum()} true")
    false_alarms, found, _ = metrics.roc_curve(anomalous, scores)
    area = metrics.auc(false_alarms, found)
    text = f"ROC curve of {anomalous.sum()} anomalies among {(~anomalous).sum()} ordinary examples, area {area:.3f}"
    figure = picture(7.6, 3.2, f"{text}; and the histograms of their scores.")
    left, right = figure.subplots(1, 2)
    left.plot(false_alarms, found, color=COLORS[0])
    left.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
    left.set(xlabel="ordinary examples above the threshold", ylabel="anomalies above the threshold")
    left.set_title(f"area under the curve: {area:.3f}", fontsize=9)
    edges = np.linspace(scores.min(), np.percentile(scores, 99.5), BINS + 1)
    for name, which, color in (("ordinary", ~anomalous, COLORS[0]), ("anomalies", anomalous, COLORS[1])):
        right.hist(np.clip(scores[which], edges[0], edges[-1]), edges, color=color, alpha=0.6, label=name, density=True)
    if threshold is not None:
        right.axvline(threshold, color="#555555", linewidth=1, label=f"threshold {threshold:.3g}")
    right.set(xlabel="score", ylabel="density")
    right.legend(fontsize=8, frameon=False)
    for axis in (left, right):
        light_grid(axis)
    return figure


def odd_pixels(model: keras.Model, images: Any) -> Picture:
    """Draw images, their reconstructions, and in which pixels the error is.

    Args:
        model: an autoencoder of images.
        images: array `(examples, height, width, channels)`; uint8, or floats of 0 to 1.

    Returns:
        The figure: images, reconstructions and errors, each with its score.

    Raises:
        InputError: no autoencoder of images, or images that do not fit.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.autoencoder(input_shape=(8, 8, 1), units=(), code=4)
    >>> len(odd_pixels(model, cnnzoo.data.load("digits").test.images[:5]).axes)
    3
    """
    given = pixels(images).astype("float32")
    errors = anomaly_errors(model, given).sum(axis=-1, keepdims=True)
    scores = errors.reshape(len(given), -1).sum(axis=1)
    decoded = np.asarray(type(model).predict(model, given, verbose=0))
    largest = errors.max() or 1.0
    listed = ", ".join(f"{score:.2f}" for score in scores)
    return in_rows(
        {"images": given, "reconstructions": decoded, "squared error of each pixel": errors / largest},
        {"squared error of each pixel": [f"{score:.2f}" for score in scores]},
        f"{len(given)} images, their reconstructions, and the squared errors of their pixels, in sum {listed}.",
    )
