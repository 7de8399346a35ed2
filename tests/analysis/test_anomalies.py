"""Scores of anomalies, against NumPy and a linear code of scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

import cnnzoo
from cnnzoo import analysis

rng = np.random.default_rng(0)
ROWS = (rng.normal(size=(200, 2)) @ rng.normal(size=(2, 6))).astype("float32")


def linear(components):
    """Return the autoencoder that projects onto principal components."""
    fitted = PCA(components).fit(ROWS)
    model = cnnzoo.autoencoder(
        input_shape=(6,), units=(), code=components, code_activation="linear", tied=False, compile=False
    )
    kernel = fitted.components_.T
    model.set_weights([kernel, -fitted.mean_ @ kernel, fitted.components_, fitted.mean_])
    return model, fitted


def test_score_is_the_squared_error_in_sum_over_the_values():
    model, fitted = linear(1)
    expected = np.square(ROWS - fitted.inverse_transform(fitted.transform(ROWS))).sum(axis=1)
    np.testing.assert_allclose(analysis.anomaly_scores(model, ROWS), expected, rtol=1e-4, atol=1e-6)
    errors = analysis.anomaly_errors(model, ROWS)
    assert errors.shape == ROWS.shape
    np.testing.assert_allclose(errors.sum(axis=1), expected, rtol=1e-4, atol=1e-6)


def test_what_lies_beside_the_plane_of_the_rows_has_the_largest_score():
    model, fitted = linear(2)
    beside = fitted.inverse_transform(np.zeros((1, 2))) + 3 * np.linalg.svd(ROWS)[2][-1]
    scores = analysis.anomaly_scores(model, np.concatenate([ROWS, beside]))
    assert scores.argmax() == 200
    assert scores[200] == pytest.approx(9, rel=0.01)
    assert scores[:200].max() < 1e-6


def test_bound_is_minus_the_likelihood():
    model = cnnzoo.variational_autoencoder(input_shape=(4, 4, 1), units=(), code=2)
    images = rng.integers(0, 2, (5, 4, 4, 1)).astype("float32")
    expected = -analysis.log_likelihood(model, images, samples=50)
    np.testing.assert_array_equal(analysis.anomaly_scores(model, images, by="bound", samples=50), expected)


def test_threshold_is_a_quantile():
    scores = rng.exponential(size=1000)
    for quantile in (0.5, 0.9, 0.99):
        threshold = analysis.anomaly_threshold(scores, quantile=quantile)
        assert abs((scores <= threshold).mean() - quantile) < 0.002


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda model: analysis.anomaly_threshold([]), "of one example at least. Received: 'shape"),
        (lambda model: analysis.anomaly_threshold([1.0, np.nan]), "`scores` must be finite. Received: nan"),
        (lambda model: analysis.anomaly_threshold([1.0], quantile=1), "`quantile` must be a number"),
        (lambda model: analysis.anomaly_threshold(["a"]), "`scores` must be numbers"),
        (lambda model: analysis.anomaly_scores(model, np.full((2, 6), np.nan)), "NaN or infinite, in the columns 0"),
        (lambda model: analysis.anomaly_scores(model, ROWS[:, :5]), r"takes images of shape \(6,\)"),
        (lambda model: analysis.anomaly_scores(model, ROWS, by="bound"), "only a variational_autoencoder"),
        (lambda model: analysis.anomaly_scores(model, ROWS, by="error"), "'error'"),
        (
            lambda model: analysis.anomaly_scores(cnnzoo.lenet(), np.zeros((1, 32, 32, 1))),
            "an autoencoder has one input",
        ),
        (lambda model: analysis.anomaly_scores("model", ROWS), "`model` must be a Keras model"),
    ],
)
def test_what_has_no_score_is_refused(call, words):
    model = keras.models.clone_model(linear(2)[0])
    with pytest.raises(cnnzoo.InputError, match=words):
        call(model)
