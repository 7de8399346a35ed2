"""Errors against loops over single pixels, and ratios against arithmetic by hand."""

import math

import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import (
    bits_per_image,
    compression_ratio,
    mean_squared_error,
    pca,
    pca_errors,
    psnr,
    squared_error,
)
from cnnzoo.errors import InputError
from tests.analysis.reconstruction.autoencoders import images

ONE = images(3)
OTHER = images(3, seed=1) * 1.4 - 0.2  # beyond the range of pixels, as principal components do


def sums(one, other):
    """Return each image's squared error, pixel by pixel, in Python's own numbers."""
    return [
        math.fsum((float(a) - float(b)) ** 2 for a, b in zip(image.ravel(), reconstruction.ravel(), strict=True))
        for image, reconstruction in zip(one, other, strict=True)
    ]


def test_squared_error_is_the_sum_over_pixels_and_the_mean_over_images():
    assert squared_error(ONE, OTHER) == pytest.approx(math.fsum(sums(ONE, OTHER)) / 3, rel=1e-6)


def test_mean_squared_error_is_that_divided_by_the_pixels():
    assert mean_squared_error(ONE, OTHER) == pytest.approx(math.fsum(sums(ONE, OTHER)) / 3 / 20, rel=1e-6)


def test_psnr_is_the_mean_of_the_images_decibels_or_that_of_the_mean_error():
    each = [10 * math.log10(20 / error) for error in sums(ONE, OTHER)]
    of_mean = 10 * math.log10(3 * 20 / math.fsum(sums(ONE, OTHER)))
    assert psnr(ONE, OTHER) == pytest.approx(sum(each) / 3, rel=1e-6)
    assert psnr(ONE, OTHER, average="errors") == pytest.approx(of_mean, rel=1e-6)
    assert of_mean < sum(each) / 3


def test_psnr_does_not_depend_on_the_scale():
    assert psnr(ONE * 255, OTHER * 255, peak=255) == pytest.approx(psnr(ONE, OTHER), rel=1e-5)


def test_uint8_images_are_0_to_1():
    gray = np.random.default_rng(0).integers(0, 256, (4, 3, 3, 1)).astype("uint8")
    reconstructions = images(4, (3, 3, 1))
    assert squared_error(gray, reconstructions) == pytest.approx(squared_error(gray / 255, reconstructions), rel=1e-6)
    assert psnr(gray, reconstructions * 255, peak=255) == pytest.approx(psnr(gray, reconstructions), rel=1e-5)
    assert squared_error(gray, gray) == 0


def test_a_perfect_reconstruction_has_infinitely_many_decibels():
    assert psnr(ONE, ONE) == math.inf
    assert psnr(ONE, ONE, average="errors") == math.inf


def test_float16_errors_are_summed_in_float64():
    one = np.ones((1, 300, 300, 1), "float16")
    assert squared_error(one, 0 * one) == 90_000


@pytest.mark.parametrize(
    ("shape", "size", "bits", "pixel_bits", "ratio"),
    [((28, 28, 1), 30, 32, 8, 6272 / 960), ((28, 28, 1), 30, 8, 1, 784 / 240), ((32, 32, 3), 128, 4, 8, 48.0)],
)
def test_compression_ratio(shape, size, bits, pixel_bits, ratio):
    assert compression_ratio(shape, size, bits, pixel_bits) == pytest.approx(ratio)
    assert bits_per_image(size, bits) == size * bits


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (ONE * 2, OTHER, "`images` must be uint8, or floats from 0 to 1. Received: floats from"),
        (ONE * np.nan, OTHER, "Received: floats from nan to nan"),
        (ONE, OTHER * np.inf, "`reconstructions` must be finite. Received: inf"),
        (ONE, OTHER[:2], r"must have the shape of the images, \(3, 4, 5, 1\)\. Received the shape: \(2, 4, 5, 1\)"),
        (ONE > 0.5, OTHER, "`images` must be uint8 or floats. Received: bool"),
        (ONE[:0], OTHER[:0], r"at least one example\. Received the shape: \(0, 4, 5, 1\)"),
        ([[1.0], [1.0, 2.0]], OTHER, "`images` must be an array of numbers. Received a list"),
        ("images", OTHER, "`images` must be uint8 or floats. Received: <U6"),
    ],
)
def test_what_are_no_images_is_refused(one, other, words):
    for measure in (squared_error, mean_squared_error, psnr):
        with pytest.raises(InputError, match=words):
            measure(one, other)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"peak": 0}, "`peak` must be a positive number. Received: 0"),
        ({"peak": np.nan}, "`peak` must be a positive number. Received: nan"),
        ({"average": "median"}, "unknown average 'median'; the values of average are errors, images"),
    ],
)
def test_psnr_names_what_is_allowed(options, words):
    with pytest.raises(InputError, match=words):
        psnr(ONE, OTHER, **options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((28, 0, 1), 30), r"`image_shape\[1\]` must be a positive integer\. Received: 0"),
        (((28, 28, 1), 0), "`code_size` must be a positive integer. Received: 0"),
        (((28, 28, 1), 30, 33), "`bits` must be an integer from 1 to 32. Received: 33"),
        (((28, 28, 1), 30, 8, 0), "`pixel_bits` must be an integer from 1 to 32. Received: 0"),
        (((28, 28, 1), 2.5), "`code_size` must be a positive integer. Received: 2.5"),
    ],
)
def test_compression_ratio_names_what_is_allowed(arguments, words):
    with pytest.raises(InputError, match=words):
        compression_ratio(*arguments)


def test_pca_errors_are_those_of_separate_fits():
    digits = cnnzoo.data.load("digits")
    curve = pca_errors(pca(digits.train.images, 20), digits.test.images)
    assert (np.diff(curve) < 0).all()
    for size in (1, 2, 9, 20):
        own = pca(digits.train.images, size)
        assert curve[size - 1] == pytest.approx(
            squared_error(digits.test.images, own.reconstruct(digits.test.images)), rel=1e-5
        )


def test_pca_errors_refuse_images_of_another_shape():
    with pytest.raises(InputError, match=r"PCA takes images of shape \(4, 5, 1\)\. Received: \(9, 8, 1\)"):
        pca_errors(pca(images(12), 4), np.zeros((2, 9, 8, 1)))
