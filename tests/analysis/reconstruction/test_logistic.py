"""Logistic PCA against the optimum that SciPy finds for the same loss."""

import keras
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

import cnnzoo
from cnnzoo.analysis import logistic_pca, pca, squared_error
from cnnzoo.errors import InputError
from tests.analysis.reconstruction.autoencoders import images

SIZE = 2


def cross_entropy(flat, outputs):
    """Return the sum over the pixels, mean over the images, for logits."""
    return float(np.mean(np.sum(np.logaddexp(0, outputs) - flat * outputs, axis=1)))


def optimum(flat):
    """Return the least cross-entropy of three starts, with gradients worked out by hand, in float64."""
    pixels = flat.shape[1]
    ends = np.cumsum([pixels * SIZE, SIZE, SIZE * pixels])

    def loss(values):
        kernel, offset, components, bias = np.split(values, ends)
        kernel, components = kernel.reshape(pixels, SIZE), components.reshape(SIZE, pixels)
        codes = flat @ kernel + offset
        outputs = codes @ components + bias
        error = (expit(outputs) - flat) / len(flat)
        back = error @ components.T
        parts = (flat.T @ back, back.sum(axis=0), codes.T @ error, error.sum(axis=0))
        return cross_entropy(flat, outputs), np.concatenate([part.ravel() for part in parts])

    generator = np.random.default_rng(0)
    starts = (generator.normal(scale=0.3, size=ends[-1] + pixels) for _ in range(3))
    return min(minimize(loss, start, jac=True, method="BFGS", options={"maxiter": 3000}).fun for start in starts)


def blobs(examples=200):
    """Return small gray images that two numbers explain well, but not wholly."""
    generator = np.random.default_rng(0)
    outputs = generator.normal(size=(examples, 2)) @ generator.normal(size=(2, 9)) * 1.5
    return expit(outputs + generator.normal(scale=0.7, size=outputs.shape)).reshape(examples, 3, 3, 1)


def test_it_comes_to_the_optimum_of_its_loss():
    train = blobs()
    fitted = logistic_pca(train, SIZE, epochs=60, batch_size=50)
    flat = train.reshape(len(train), -1)
    outputs = (flat @ fitted.kernel + fitted.offset) @ fitted.components + fitted.bias
    least = optimum(flat)
    assert least <= cross_entropy(flat, outputs) * (1 + 1e-6)
    assert cross_entropy(flat, outputs) == pytest.approx(least, rel=1e-3)
    np.testing.assert_allclose(fitted.reconstruct(train), expit(outputs).reshape(train.shape), atol=1e-5)


def test_reconstructions_are_pixels_and_better_than_the_principal_components():
    digits = cnnzoo.data.load("digits")
    train, test = digits.train.images, digits.test.images
    fitted = logistic_pca(train, 10)
    found = fitted.reconstruct(test)
    assert found.min() >= 0
    assert found.max() <= 1
    assert found.shape == test.shape
    assert squared_error(test, found) < squared_error(test, pca(train, 10).reconstruct(test))


def test_one_seed_is_one_fit_whatever_keras_is_up_to():
    train = blobs(60)
    first = logistic_pca(train, SIZE, epochs=2, seed=3)
    keras.utils.set_random_seed(1)
    expected = keras.random.normal((3,))
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        second = logistic_pca(train, SIZE, epochs=2, seed=3)
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(first.kernel, second.kernel, rtol=1e-6)
    np.testing.assert_array_equal(keras.random.normal((3,)), expected)
    assert not np.allclose(logistic_pca(train, SIZE, epochs=2, seed=4, batch_size=7).kernel, first.kernel)


def test_a_pixel_that_is_always_black_stays_black():
    train = blobs(60)
    train[:, 0, 0] = 0
    fitted = logistic_pca(train, SIZE)
    assert np.isfinite(fitted.bias).all()
    assert fitted.reconstruct(train)[:, 0, 0].max() < 0.05


@pytest.mark.parametrize(
    ("train", "options", "words"),
    [
        (images(12), {"size": 13}, "size must be an integer of 1 to 12, for 12 images of 20 pixels, not 13"),
        (images(12) * 255, {"size": 2}, "images must be uint8, or floats of 0 to 1"),
        (images(12), {"size": 2, "epochs": 0}, "epochs must be an integer of at least 1, not 0"),
        (images(12), {"size": 2, "batch_size": 0.5}, "batch_size must be an integer of at least 1, not 0.5"),
    ],
)
def test_bad_input_gets_a_sentence(train, options, words):
    with pytest.raises(InputError, match=words):
        logistic_pca(train, **options)


@pytest.mark.slow
def test_mnist_gives_less_than_the_paper_prints(tfds_folder):
    """The paper prints 8.01."""
    source = cnnzoo.data.load("mnist", data_dir=tfds_folder)
    found = logistic_pca(source.train.images, 30).reconstruct(source.test.images)
    assert 7.5 < squared_error(source.test.images, found) < 8.01
