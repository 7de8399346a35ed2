"""Principal components against NumPy's singular values, against smaller fits, and against the paper."""

import dataclasses

import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import pca, squared_error
from cnnzoo.errors import InputError
from tests.analysis.reconstruction.autoencoders import images


def by_singular_values(train, test, size):
    flat, other = (array.reshape(len(array), -1).astype("float64") for array in (train, test))
    mean = flat.mean(axis=0)
    components = np.linalg.svd(flat - mean, full_matrices=False)[2][:size]
    return (mean + (other - mean) @ components.T @ components).reshape(test.shape)


@pytest.mark.parametrize("examples", [60, 12], ids=["more images than pixels", "fewer"])
@pytest.mark.parametrize("size", [1, 5])
def test_reconstructions_are_those_of_the_singular_values(examples, size):
    train, test = images(examples), images(7, seed=1)
    fitted = pca(train, size)
    np.testing.assert_allclose(fitted.reconstruct(test), by_singular_values(train, test, size), atol=1e-5)
    assert fitted.size == fitted.encode(test).shape[1] == size


def test_codes_are_centered_uncorrelated_and_ordered_by_variance():
    train = images(60)
    covariance = np.cov(pca(train, 5).encode(train).astype("float64"), rowvar=False)
    np.testing.assert_allclose(pca(train, 5).encode(train).mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-6)
    assert (np.diff(np.diag(covariance)) < 0).all()


def test_as_many_components_as_pixels_lose_nothing():
    train = images(60)
    np.testing.assert_allclose(pca(train, 20).reconstruct(train), train, atol=1e-5)


def test_uint8_images_are_fitted_as_0_to_1():
    train = np.random.default_rng(0).integers(0, 256, (60, 4, 5, 1)).astype("uint8")
    ours, theirs = pca(train, 3).reconstruct(train), pca(train / 255, 3).reconstruct(train / 255)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_mnist_gives_the_figures_of_the_paper(tfds_folder):
    """13.866 with 30 components and 43.645 with 2; the paper prints 13.87."""
    source = cnnzoo.data.load("mnist", data_dir=tfds_folder)
    fitted = pca(source.train.images, 30)
    first_two = dataclasses.replace(
        fitted, kernel=fitted.kernel[:, :2], offset=fitted.offset[:2], components=fitted.components[:2]
    )
    errors = [squared_error(source.test.images, coder.reconstruct(source.test.images)) for coder in (fitted, first_two)]
    assert [round(error, 3) for error in errors] == [13.866, 43.645]


@pytest.mark.parametrize(
    ("train", "size", "words"),
    [
        (images(60), 21, "`size` must be an integer from 1 to 20, for 60 images of 20 pixels. Received: 21"),
        (images(12), 13, "`size` must be an integer from 1 to 12, for 12 images of 20 pixels. Received: 13"),
        (images(12), 0, "Received: 0"),
        (images(12), True, "Received: True"),
        (images(12) * np.nan, 2, "`images` must be uint8, or floats from 0 to 1. Received: floats from nan to nan"),
        (images(12) - 0.5, 2, "`images` must be uint8, or floats from 0 to 1"),
    ],
)
def test_pca_refuses_bad_input(train, size, words):
    with pytest.raises(InputError, match=words):
        pca(train, size)


def test_images_and_codes_of_another_shape_are_refused():
    fitted = pca(images(12), 2)
    with pytest.raises(InputError, match=r"PCA takes images of shape \(4, 5, 1\)\. Received: \(5, 4, 1\)"):
        fitted.encode(images(3, (5, 4, 1)))
    with pytest.raises(InputError, match=r"`codes` of PCA must have the shape \(examples, 2\)\. Received: \(4, 3\)"):
        fitted.decode(np.zeros((4, 3)))


def test_the_first_components_are_those_of_a_smaller_fit():
    digits = cnnzoo.data.load("digits")
    whole, own = pca(digits.train.images, 20), pca(digits.train.images, 5)
    first = whole.first(5).reconstruct(digits.test.images)
    np.testing.assert_allclose(first, own.reconstruct(digits.test.images), atol=1e-5)


@pytest.mark.parametrize("size", [0, 5, 2.0])
def test_the_first_components_are_at_most_all(size):
    with pytest.raises(InputError, match=f"`size` must be an integer from 1 to 4, the numbers of PCA.*: {size}"):
        pca(images(12), 4).first(size)
