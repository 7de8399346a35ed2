"""Metrics of a reconstruction: squared error, PSNR, compression ratio.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313, 2006,
take the squared error per image as the sum over its pixels; others take the mean. The two differ by
the number of pixels, 784 on MNIST.
"""

import math

import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.reconstruction.linear_codes import LinearCode, checked_shape, pixels, reconstructed_pixels

AVERAGES = ("images", "errors")  # how the PSNR of many images becomes one number
CHUNK = 4096  # images in float64 at once


def squared_error(images, reconstructions, *, peak: float | None = 1.0) -> float:
    """Return the squared error per image: the sum over its pixels, in the mean over the images.

    Args:
        images: array `(examples, …)`; uint8, or floats of 0 to 1.
        reconstructions: array of the same shape; uint8, or any finite floats.
        peak: the value of a white pixel; `None` for values that are no pixels, such as standardized columns.

    Raises:
        InputError: different shapes, pixels outside 0 to 1, or values that are not finite.

    Source: Hinton and Salakhutdinov, Science 313, 2006.

    Example:
    >>> squared_error(np.ones((2, 28, 28, 1)), np.full((2, 28, 28, 1), 0.5))
    196.0
    """
    return float(squared_errors(images, reconstructions, peak).mean())


def mean_squared_error(images, reconstructions) -> float:
    """Return the squared error, in the mean over all pixels of all images.

    Args:
        images: as for `squared_error`.
        reconstructions: as for `squared_error`.

    Raises:
        InputError: as for `squared_error`.

    Example:
    >>> mean_squared_error(np.ones((2, 28, 28, 1)), np.full((2, 28, 28, 1), 0.5))
    0.25
    """
    return squared_error(images, reconstructions) / np.asarray(images)[0].size


def psnr(images, reconstructions, *, peak: float = 1.0, average: str = "images") -> float:
    """Return the peak signal-to-noise ratio in decibels, 10·log₁₀(peak² / mean squared error).

    Args:
        images: array `(examples, …)`; uint8, or floats of 0 to `peak`.
        reconstructions: array of the same shape; uint8, or any finite floats, in the scale of the images.
        peak: the value of a white pixel, > 0; 255 for floats of 0 to 255.
        average: `"images"` is the mean of each image's own ratio, as papers on compression and restoration
            print it, infinite once one image is reproduced exactly. `"errors"` is the ratio of the mean error
            of all images, which orders methods as the squared error does and is never the larger of the two.

    Raises:
        InputError: as for `squared_error`, a peak that is no positive number, or another average.

    Example:
    >>> images = np.zeros((2, 2, 2, 1))
    >>> reconstructions = images + np.array([0.1, 0.01]).reshape(2, 1, 1, 1)
    >>> round(psnr(images, reconstructions), 2), round(psnr(images, reconstructions, average="errors"), 2)
    (30.0, 22.97)
    """
    peak = checks.number("peak", peak, above=0)
    checks.choice("average", average, AVERAGES)
    errors = squared_errors(images, reconstructions, peak) / np.asarray(images)[0].size
    with np.errstate(divide="ignore"):  # no error at all is infinitely many decibels
        ratios = 10 * np.log10(peak**2 / (errors if average == "images" else errors.mean()))
    return float(np.mean(ratios))


def compression_ratio(image_shape: tuple[int, ...], code_size: int, bits: int = 32, pixel_bits: int = 8) -> float:
    """Return the bits of an image divided by the bits of its code; the decoder itself is not counted.

    Args:
        image_shape: height, width and channels.
        code_size: numbers in a code, ≥ 1.
        bits: bits a number of the code is kept in, 1 to 32. Fewer than 32 change the reconstruction:
            `quantize` in `benchmarks/reconstruction_codes.py` shows by how much.
        pixel_bits: bits a value of a pixel takes, 1 to 32.

    Raises:
        InputError: a size that is no positive integer, or bits outside 1 to 32.

    Example:
    >>> round(compression_ratio((28, 28, 1), 30), 2), round(compression_ratio((28, 28, 1), 30, bits=8), 2)
    (6.53, 26.13)
    """
    values = math.prod(checks.integer(f"image_shape[{axis}]", side) for axis, side in enumerate(image_shape))
    return values * checks.integer("pixel_bits", pixel_bits, 1, 32) / bits_per_image(code_size, bits)


def bits_per_image(code_size: int, bits: int = 32) -> int:
    """Return the bits that the code of one image takes.

    Args:
        code_size: numbers in a code, ≥ 1.
        bits: bits a number of the code is kept in, 1 to 32.

    Raises:
        InputError: as for `compression_ratio`.

    Example:
    >>> bits_per_image(30, bits=8)
    240
    """
    return checks.integer("code_size", code_size) * checks.integer("bits", bits, 1, 32)


def squared_errors(images, reconstructions, peak: float | None = 1.0) -> np.ndarray:
    """Return the squared error of each image, summed over its pixels."""
    images = pixels(images, peak=peak)
    errors = (images - reconstructed_pixels(reconstructions, images, peak)).reshape(len(images), -1)
    return np.square(errors).sum(axis=1, dtype="float64")


def pca_errors(code: LinearCode, images) -> np.ndarray:
    """Return the squared errors per image of the first component, of the first two, and so on.

    One fit gives them all: each further component reduces the error by the square of its own number in the code.

    Args:
        code: what `pca` returned.
        images: array `(examples, *image_shape)` to evaluate on; uint8, or floats of 0 to 1.

    Returns:
        float64 array `(code.size,)`: the sum over an image's pixels, mean over the images.

    Raises:
        InputError: images of another shape.

    Example:
    >>> from cnnzoo.analysis import pca
    >>> from cnnzoo.data import load
    >>> digits = load("digits")
    >>> pca_errors(pca(digits.train.images, 8), digits.test.images).round(2)[[1, 7]]
    array([3.4 , 1.57])
    """
    images = checked_shape(pixels(images, peak=code.peak), code.image_shape, code.name)
    kernel, bias = code.kernel.astype("float64"), code.bias.astype("float64")
    total, explained = 0.0, np.zeros(code.size)
    for start in range(0, len(images), CHUNK):
        centered = images[start : start + CHUNK].reshape(-1, len(bias)) - bias
        total += np.square(centered).sum()
        explained += np.square(centered @ kernel).sum(axis=0)
    return (total - np.cumsum(explained)) / len(images)
