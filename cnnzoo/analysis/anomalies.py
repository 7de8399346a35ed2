"""Anomalies: what an autoencoder that was trained on ordinary examples reconstructs badly."""

from typing import Any

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.likelihood import log_likelihood
from cnnzoo.analysis.reconstruction.codes import BATCH, checked_autoencoder
from cnnzoo.analysis.reconstruction.linear_codes import checked_shape, peak_of, pixels
from cnnzoo.errors import InputError

SCORES = ("reconstruction", "bound")


def anomaly_scores(model: keras.Model, values: Any, *, by: str = "reconstruction", samples: int = 100) -> np.ndarray:
    """Return how odd each example is: how badly an autoencoder reconstructs it.

    Args:
        model: an autoencoder that was trained on ordinary examples.
        values: array `(examples, …)` as the model takes it: pixels of 0 to 1, or standardized signals or rows.
        by: `"reconstruction"`, the squared error, summed over the values, as the signature `score` of an export has it;
            or `"bound"`, of a `variational_autoencoder`, minus the estimate of its log-likelihood, in nats.
        samples: codes for each example, with `"bound"`.

    Returns:
        float64 array `(examples,)`; larger is odder.

    Raises:
        InputError: no autoencoder, or values that do not fit.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.autoencoder(input_shape=(6,), units=(), code=2)
    >>> anomaly_scores(model, np.zeros((3, 6))).shape
    (3,)
    """
    if checks.choice("by", by, SCORES) == "bound":
        return -log_likelihood(model, values, samples=samples)
    return anomaly_errors(model, values).reshape(len(values), -1).sum(axis=1)


def anomaly_errors(model: keras.Model, values: Any) -> np.ndarray:
    """Return what is odd about each example: the squared error of each of its pixels, or columns.

    Args:
        model: an autoencoder.
        values: array `(examples, …)` as the model takes it.

    Returns:
        float64 array of the shape of the values.

    Raises:
        InputError: no autoencoder, or values that do not fit.

    Example:
    >>> import cnnzoo
    >>> errors = anomaly_errors(cnnzoo.autoencoder(input_shape=(6,), units=(), code=2), np.eye(6))
    >>> errors.shape, bool((errors >= 0).all())
    ((6, 6), True)
    """
    checked_autoencoder(model)
    shape = tuple(model.input_shape[1:])
    given = checked_shape(pixels(values, "values", peak=peak_of(shape)), shape, model.name)
    reconstructed = type(model).predict(model, given.astype("float32"), batch_size=BATCH, verbose=0)
    return np.square(given - np.asarray(reconstructed, "float64"))


def anomaly_threshold(scores: Any, *, quantile: float = 0.99) -> float:
    """Return the score above which an example counts as odd: a quantile of the scores of ordinary ones.

    Take examples that the model was not trained on: its errors are smaller on those that it was.

    Args:
        scores: float array `(examples,)`, the scores of ordinary examples that were held out.
        quantile: fraction of them that is to stay below it; above 0 and below 1.

    Raises:
        InputError: no scores, or some that are not finite, or a quantile out of range.

    Example:
    >>> anomaly_threshold(np.arange(101.0), quantile=0.9)
    90.0
    """
    quantile = checks.number("quantile", quantile, above=0, below=1)
    scores = np.asarray(scores)
    if scores.ndim != 1 or not scores.size or scores.dtype.kind not in "fiu":
        raise checks.refusal("scores", "numbers (examples,), of one example at least", f"shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise InputError(f"`scores` must be finite. Received: {scores[~np.isfinite(scores)][0]}")
    return float(np.quantile(scores.astype("float64"), quantile))
