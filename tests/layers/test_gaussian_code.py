"""The code of a variational autoencoder: mean and variance in NumPy, and draws that have them."""

import keras
import numpy as np
import pytest

from cnnzoo.layers import GaussianCode, GaussianScale
from tests.layers.checking import saved_and_loaded_equally

FEATURES = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")


def built(**options):
    layer = GaussianCode(3, seed=1, **options)
    layer.build(FEATURES.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.weights])
    return layer, [np.asarray(weight, "float64") for weight in layer.weights]


def test_mean_and_log_variance_are_linear_in_the_features(tmp_path):
    layer, (kernel, bias, variance_kernel, variance_bias) = built()
    mean, log_variance = layer.distribution(FEATURES)
    np.testing.assert_allclose(mean, FEATURES @ kernel + bias, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log_variance, FEATURES @ variance_kernel + variance_bias, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(FEATURES), mean, rtol=1e-6)
    assert layer.compute_output_shape(FEATURES.shape) == (5, 3)
    assert saved_and_loaded_equally(layer, FEATURES, tmp_path)


def test_draws_have_mean_and_variance():
    layer, _ = built()
    mean, log_variance = (np.asarray(each) for each in layer.distribution(FEATURES))
    draws = np.asarray(layer.draw(mean, log_variance, 5, 40_000), "float64")
    deviation = np.exp(log_variance / 2)
    assert draws.shape == (40_000, 5, 3)
    assert np.all(np.abs(draws.mean(0) - mean) < 4.5 * deviation / 200)
    assert np.all(np.abs(draws.std(0) / deviation - 1) < 4.5 / np.sqrt(2 * 40_000))


def test_training_draws_anew_at_each_call_as_its_seed_says():
    (layer, _), (again, _) = built(), built()
    first, second = (np.asarray(layer(FEATURES, training=True)) for _ in range(2))
    assert np.all(first != second)
    np.testing.assert_array_equal(again(FEATURES, training=True), first)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_distribution_is_in_single_precision_in_mixed_precision(dtype):
    layer, (kernel, bias, *_) = built(dtype=dtype)
    mean, log_variance = layer.distribution(FEATURES)
    assert {keras.backend.standardize_dtype(each.dtype) for each in (mean, log_variance)} == {"float32"}
    np.testing.assert_allclose(mean, FEATURES @ kernel + bias, rtol=0.03, atol=0.03)
    half = dtype.removeprefix("mixed_")
    assert {keras.backend.standardize_dtype(layer(FEATURES, training=t).dtype) for t in (True, False)} == {half}


def test_scale_is_a_weight_and_changes_nothing(tmp_path):
    layer = GaussianScale(initial=0.25)
    np.testing.assert_array_equal(layer(FEATURES), FEATURES)
    [log_scale] = layer.trainable_weights
    assert float(log_scale) == pytest.approx(np.log(0.25))
    assert saved_and_loaded_equally(layer, FEATURES, tmp_path)
