"""The estimate of a likelihood, against a model whose likelihood is known, and sums in NumPy."""

import logging

import numpy as np
import pytest
from scipy import special

import cnnzoo
from cnnzoo import analysis
from cnnzoo.errors import InputError
from tests.models.test_variational_autoencoder import (
    BINARY,
    LOG_LIKELIHOOD,
    OTHER,
    POSTERIOR,
    SMALL,
    X,
    bernoulli,
    linear_gaussian,
    parts_in_numpy,
)


def likelihoods(model, values, **options):
    return analysis.log_likelihood(model, np.asarray(values, "float32").reshape(-1, 1, 1, 1), **options)


def test_of_the_posterior_it_is_exact_with_any_number_of_samples():
    # Images are pixels of 0 to 1; the model is shifted by 1, so that the image 0.3 is the paper's 1.3.
    model = linear_gaussian(*POSTERIOR)
    model.get_layer("output").set_weights([np.array([[2.0]]), np.array([0.5 - 1])])
    for samples in (1, 7, 100):
        assert likelihoods(model, [X - 1], samples=samples) == pytest.approx([LOG_LIKELIHOOD], abs=1e-5)


def test_it_can_be_called_again_and_again_without_warnings_of_tensorflow():
    logger, messages = logging.getLogger("tensorflow"), []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())
    logger.addHandler(handler)
    model = cnnzoo.variational_autoencoder(input_shape=(2, 2, 1), units=(), code=1)
    try:
        for _ in range(4):  # in batches of two sizes
            analysis.log_likelihood(model, np.zeros((101, 2, 2, 1)), samples=1)
    finally:
        logger.removeHandler(handler)
    assert messages == []


def test_of_another_distribution_it_approaches_the_likelihood_with_more_samples():
    model = linear_gaussian(*OTHER)
    model.get_layer("output").set_weights([np.array([[2.0]]), np.array([0.5 - 1])])
    found = likelihoods(model, np.full(200, X - 1), samples=5000)
    assert found.mean() == pytest.approx(LOG_LIKELIHOOD, abs=0.005)
    assert likelihoods(model, np.full(200, X - 1), samples=1).mean() < LOG_LIKELIHOOD - 0.2


def test_it_is_the_integral_over_a_code_of_two_units():
    model = cnnzoo.variational_autoencoder(**{**SMALL, "code": 2})
    _, _, logits = parts_in_numpy(model, BINARY)
    axis = np.linspace(-6, 6, 241)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 1, 2)
    densities = -(grid**2).sum(-1) / 2 - np.log(2 * np.pi)
    exact = special.logsumexp(bernoulli(BINARY[:5], logits(grid)) + densities, axis=0) + 2 * np.log(axis[1] - axis[0])
    np.testing.assert_allclose(analysis.log_likelihood(model, BINARY[:5], samples=20_000), exact, atol=0.05)


def test_batches_and_parts_of_the_samples_make_no_difference(monkeypatch):
    from cnnzoo.analysis import likelihood

    model = cnnzoo.variational_autoencoder(**SMALL)
    whole = analysis.log_likelihood(model, BINARY, samples=3000)
    monkeypatch.setattr(likelihood, "IMAGES", 7)
    monkeypatch.setattr(likelihood, "VALUES", 7 * 72 * 100)
    assert analysis.log_likelihood(model, BINARY, samples=3000).mean() == pytest.approx(whole.mean(), abs=0.3)
    again = analysis.log_likelihood(model, BINARY, samples=3000)
    np.testing.assert_array_equal(analysis.log_likelihood(model, BINARY, samples=3000), again)
    assert np.any(analysis.log_likelihood(model, BINARY, samples=3000, seed=1) != again)


def test_vectors_have_a_likelihood_whatever_their_sign():
    """Of a decoder that ignores the code it is that of one normal distribution."""
    model = cnnzoo.variational_autoencoder(input_shape=(3,), units=(), code=2)
    zeros = [np.zeros(weight.shape) for weight in model.get_layer("code").weights]
    model.get_layer("code").set_weights(zeros)
    model.get_layer("output").set_weights([np.zeros((2, 3)), np.array([1.0, -2.0, 0.0])])
    rows = np.array([[-3.0, 1.0, 7.0], [1.0, -2.0, 0.0]], "float32")
    expected = -(np.square(rows - [1, -2, 0]).sum(axis=1) + 3 * np.log(2 * np.pi)) / 2
    np.testing.assert_allclose(analysis.log_likelihood(model, rows, samples=20), expected, rtol=1e-5)
    np.testing.assert_allclose(analysis.anomaly_scores(model, rows, by="bound", samples=20), -expected, rtol=1e-5)
    assert analysis.active_units(model, rows).sum() == 0


def test_active_units_are_those_whose_mean_differs_between_images():
    model = cnnzoo.variational_autoencoder(**SMALL)
    kernel, *rest = model.get_layer("code").get_weights()
    model.get_layer("code").set_weights([kernel * [1, 0, 1, 0.001], *rest])
    mean, *_ = parts_in_numpy(model, BINARY)
    np.testing.assert_array_equal(analysis.active_units(model, BINARY), mean.var(axis=0) > 0.01)
    assert analysis.active_units(model, BINARY).tolist() == [True, False, True, False]
    assert analysis.active_units(model, BINARY, threshold=0).sum() == 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda model: analysis.log_likelihood(cnnzoo.autoencoder(), BINARY), "only a variational_autoencoder"),
        (lambda model: analysis.log_likelihood(model, BINARY * 0.5), "pixels that are 0 or 1"),
        (lambda model: analysis.log_likelihood(model, BINARY * 2), "floats from 0 to 1"),
        (lambda model: analysis.log_likelihood(model, BINARY[:, :5]), "takes images of shape"),
        (lambda model: analysis.log_likelihood(model, BINARY, samples=0), "`samples` must be a positive integer"),
        (lambda model: analysis.active_units(cnnzoo.lenet(), BINARY), "only a variational_autoencoder"),
        (lambda model: analysis.active_units(model, BINARY[:1]), "two or more"),
    ],
)
def test_what_has_no_likelihood_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call(cnnzoo.variational_autoencoder(**SMALL))
