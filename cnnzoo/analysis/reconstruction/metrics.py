"""How far a reconstruction is from its image, and how much smaller than the image its code is.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313, 2006,
count the squared error of an image as the sum over its pixels; others count the mean. The two differ by
the number of pixels, 784 on MNIST.
"""

import math

import numpy as np

from cnnzoo.analysis.reconstruction.linear_codes import CHUNK, LinearCode, beside, of_shape, pixels
from cnnzoo.errors import InputError

# How the PSNR of many images becomes one number.
AVERAGES = ("images", "errors")


def squared_error(images, reconstructions) -> float:
    """Return the sum over the pixels of the squared error, in the mean over the images: the unit of 2006.

    Args:
        images: array `(examples, …)`; uint8, or floats of 0 to 1.
        reconstructions: array of the same shape; uint8, or any finite floats.

    Raises:
        InputError: different shapes, pixels outside 0 to 1, or values that are not finite.

    Source: Hinton and Salakhutdinov, Science 313, 2006.

    Example:
    >>> squared_error(np.ones((2, 28, 28, 1)), np.full((2, 28, 28, 1), 0.5))
    196.0
    """
    return float(_squared_errors(images, reconstructions).mean())


def mean_squared_error(images, reconstructions) -> float:
    """Return the squared error in the mean over all pixels of all images.

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
        InputError: as for `squared_error`, or a peak or an average that there is not.

    Example:
    >>> images = np.zeros((2, 2, 2, 1))
    >>> reconstructions = images + np.array([0.1, 0.01]).reshape(2, 1, 1, 1)
    >>> round(psnr(images, reconstructions), 2), round(psnr(images, reconstructions, average="errors"), 2)
    (30.0, 22.97)
    """
    if isinstance(peak, bool) or not isinstance(peak, int | float) or not 0 < peak < math.inf:
        raise InputError(f"peak must be a number above 0, not {peak!r}")
    if average not in AVERAGES:
        raise InputError(f"average must be 'images' or 'errors', not {average!r}")
    errors = _squared_errors(images, reconstructions, peak) / np.asarray(images)[0].size
    with np.errstate(divide="ignore"):  # no error at all is infinitely many decibels
        ratios = 10 * np.log10(peak**2 / (errors if average == "images" else errors.mean()))
    return float(np.mean(ratios))


def compression_ratio(image_shape: tuple[int, ...], code_size: int, bits: int = 32, pixel_bits: int = 8) -> float:
    """Return the bits of an image divided by the bits of its code; the decoder itself is not counted.

    Args:
        image_shape: height, width and channels.
        code_size: numbers in a code, ≥ 1.
        bits: bits a number of the code is kept in, 1 to 32. Fewer than 32 change the reconstruction:
            `quantize` says by how much.
        pixel_bits: bits a value of a pixel takes, 1 to 32.

    Raises:
        InputError: a size that is no positive integer, or bits outside 1 to 32.

    Example:
    >>> round(compression_ratio((28, 28, 1), 30), 2), round(compression_ratio((28, 28, 1), 30, bits=8), 2)
    (6.53, 26.13)
    """
    values = math.prod(_whole("every side of image_shape", side) for side in image_shape)
    return values * _whole("pixel_bits", pixel_bits, 32) / bits_per_image(code_size, bits)


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
    return _whole("code_size", code_size) * _whole("bits", bits, 32)


def _squared_errors(images, reconstructions, peak: float = 1.0) -> np.ndarray:
    """Return the sum over the pixels of the squared error, for each image."""
    images = pixels(images, peak=peak)
    errors = (images - beside(reconstructions, images, peak)).reshape(len(images), -1)
    return np.square(errors).sum(axis=1, dtype="float64")


def _whole(name: str, value: int, most: float = math.inf) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= most:
        allowed = "of at least 1" if most == math.inf else f"of 1 to {most}"
        raise InputError(f"{name} must be an integer {allowed}, not {value!r}")
    return int(value)


def pca_errors(code: LinearCode, images) -> np.ndarray:
    """Return the squared error of the first component, of the first two, and so on, on images.

    One fit gives them all: what each further component takes away is the square of its own number in the code.

    Args:
        code: what `pca` returned.
        images: array `(examples, *image_shape)` to judge by; uint8, or floats of 0 to 1.

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
    images = of_shape(pixels(images), code.image_shape, code.name)
    kernel, bias = code.kernel.astype("float64"), code.bias.astype("float64")
    whole, taken = 0.0, np.zeros(code.size)
    for start in range(0, len(images), CHUNK):
        centered = images[start : start + CHUNK].reshape(-1, len(bias)) - bias
        whole += np.square(centered).sum()
        taken += np.square(centered @ kernel).sum(axis=0)
    return (whole - np.cumsum(taken)) / len(images)
