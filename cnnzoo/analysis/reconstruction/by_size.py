"""What principal components leave, as a curve over the size of the code."""

import numpy as np

from cnnzoo.analysis.reconstruction.linear_code import CHUNK, LinearCode
from cnnzoo.analysis.reconstruction.pixels import of_shape, pixels


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
        centred = images[start : start + CHUNK].reshape(-1, len(bias)) - bias
        whole += np.square(centred).sum()
        taken += np.square(centred @ kernel).sum(axis=0)
    return (whole - np.cumsum(taken)) / len(images)
