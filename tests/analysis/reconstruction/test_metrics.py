"""Errors against loops over single pixels, and ratios against arithmetic by hand."""

import math

import numpy as np
import pytest

from cnnzoo.analysis import bits_per_image, compression_ratio, mean_squared_error, psnr, squared_error
from cnnzoo.errors import InputError
from tests.analysis.reconstruction.autoencoders import images

ONE = images(3)
OTHER = images(3, seed=1) * 1.4 - 0.2  # leaves the range of pixels, as principal components do


def sums(one, other):
    """Return each image's squared error, pixel by pixel, in Python's own numbers."""
    return [
        math.fsum((float(a) - float(b)) ** 2 for a, b in zip(image.ravel(), found.ravel(), strict=True))
        for image, found in zip(one, other, strict=True)
    ]


def test_squared_error_is_the_sum_over_pixels_and_the_mean_over_images():
    assert squared_error(ONE, OTHER) == pytest.approx(math.fsum(sums(ONE, OTHER)) / 3, rel=1e-6)


def test_mean_squared_error_is_that_divided_by_the_pixels():
    assert mean_squared_error(ONE, OTHER) == pytest.approx(math.fsum(sums(ONE, OTHER)) / 3 / 20, rel=1e-6)


def test_psnr_is_the_mean_of_the_images_decibels_or_that_of_the_mean_error():
    each = [10 * math.log10(20 / error) for error in sums(ONE, OTHER)]
    whole = 10 * math.log10(3 * 20 / math.fsum(sums(ONE, OTHER)))
    assert psnr(ONE, OTHER) == pytest.approx(sum(each) / 3, rel=1e-6)
    assert psnr(ONE, OTHER, average="errors") == pytest.approx(whole, rel=1e-6)
    assert whole < sum(each) / 3


def test_psnr_does_not_depend_on_the_scale():
    assert psnr(ONE * 255, OTHER * 255, peak=255) == pytest.approx(psnr(ONE, OTHER), rel=1e-5)


def test_uint8_images_are_0_to_1():
    gray = np.random.default_rng(0).integers(0, 256, (4, 3, 3, 1)).astype("uint8")
    found = images(4, (3, 3, 1))
    assert squared_error(gray, found) == pytest.approx(squared_error(gray / 255, found), rel=1e-6)
    assert psnr(gray, found * 255, peak=255) == pytest.approx(psnr(gray, found), rel=1e-5)
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
        (ONE * 2, OTHER, "images must be uint8, or floats of 0 to 1, not floats of"),
        (ONE * np.nan, OTHER, "not floats of nan to nan"),
        (ONE, OTHER * np.inf, "reconstructions must be finite"),
        (ONE, OTHER[:2], r"must have the shape of the images, \(3, 4, 5, 1\), not \(2, 4, 5, 1\)"),
        (ONE > 0.5, OTHER, "images must be uint8 or floats, not bool"),
        (ONE[:0], OTHER[:0], r"one example or more, not of shape \(0, 4, 5, 1\)"),
        ([[1.0], [1.0, 2.0]], OTHER, "images must be one array of numbers, not list"),
        ("images", OTHER, "images must be uint8 or floats, not <U6"),
    ],
)
def test_what_are_no_images_gets_a_sentence(one, other, words):
    for measure in (squared_error, mean_squared_error, psnr):
        with pytest.raises(InputError, match=words):
            measure(one, other)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"peak": 0}, "peak must be a number above 0, not 0"),
        ({"peak": np.nan}, "peak must be a number above 0, not nan"),
        ({"average": "median"}, "average must be 'images' or 'errors', not 'median'"),
    ],
)
def test_psnr_says_what_it_takes(options, words):
    with pytest.raises(InputError, match=words):
        psnr(ONE, OTHER, **options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((28, 0, 1), 30), "every side of image_shape must be an integer of at least 1, not 0"),
        (((28, 28, 1), 0), "code_size must be an integer of at least 1, not 0"),
        (((28, 28, 1), 30, 33), "bits must be an integer of 1 to 32, not 33"),
        (((28, 28, 1), 30, 8, 0), "pixel_bits must be an integer of 1 to 32, not 0"),
        (((28, 28, 1), 2.5), "code_size must be an integer of at least 1, not 2.5"),
    ],
)
def test_a_ratio_says_what_it_takes(arguments, words):
    with pytest.raises(InputError, match=words):
        compression_ratio(*arguments)
