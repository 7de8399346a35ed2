"""The terms of variational bounds, against closed forms, SciPy and NumPy in float64."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from cnnzoo.variational import importance_weighted_bound, kl_divergence, log_bernoulli, log_normal

DTYPES = [("float64", 1e-12), ("float32", 1e-5)]
rng = np.random.default_rng(0)


def of(values, dtype):
    return np.asarray(values, dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_divergence_has_its_closed_form(dtype, tolerance):
    assert float(kl_divergence(of([0.5], dtype), of([-1.0], dtype))) == pytest.approx(0.308939720586, abs=tolerance)
    assert float(kl_divergence(of([0.0, 0.0], dtype), of([0.0, 0.0], dtype))) == 0


def test_divergence_is_the_integral_that_defines_it():
    mean, variance = 0.7, 0.4
    grid = np.linspace(-12, 12, 200_001)
    density = stats.norm.pdf(grid, mean, np.sqrt(variance))
    ratio = stats.norm.logpdf(grid, mean, np.sqrt(variance)) - stats.norm.logpdf(grid)
    assert float(kl_divergence(of([mean], "float64"), np.log(of([variance], "float64")))) == pytest.approx(
        integrate.trapezoid(density * ratio, grid), abs=1e-9
    )


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_log_normal_is_that_of_scipy(dtype, tolerance):
    values, mean, variance = rng.normal(size=(4, 3)), rng.normal(size=3), rng.uniform(0.1, 3, 3)
    expected = stats.norm.logpdf(values, mean, np.sqrt(variance)).sum(axis=-1)
    found = log_normal(of(values, dtype), of(mean, dtype), of(np.log(variance), dtype))
    np.testing.assert_allclose(found, expected, rtol=10 * tolerance)
    np.testing.assert_allclose(log_normal(of(values, dtype)), stats.norm.logpdf(values).sum(-1), rtol=10 * tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_log_bernoulli_is_that_of_scipy(dtype, tolerance):
    values, logits = rng.integers(0, 2, (5, 7)), rng.normal(0, 3, (5, 7))
    expected = stats.bernoulli.logpmf(values, special.expit(logits)).sum(axis=-1)
    np.testing.assert_allclose(log_bernoulli(of(values, dtype), of(logits, dtype)), expected, rtol=10 * tolerance)


def test_log_bernoulli_is_exact_for_logits_far_from_0():
    found = log_bernoulli(of([[0.0], [1.0]], "float32"), of([[200.0], [200.0]], "float32"))
    assert np.asarray(found).tolist() == [-200.0, 0.0]


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_importance_weighted_bound_is_the_logarithm_of_the_mean_weight(dtype, tolerance):
    weights = rng.uniform(0.1, 2, (6, 3))
    found = importance_weighted_bound(of(np.log(weights), dtype))
    np.testing.assert_allclose(found, np.log(weights.mean(axis=0)), atol=tolerance)
    shifted = importance_weighted_bound(of(np.log(weights) - 900, dtype))  # whose weights are 0 as floats
    np.testing.assert_allclose(shifted, np.log(weights.mean(axis=0)) - 900, rtol=tolerance)
