"""Images as numbers to compute with: pixels from 0 to 1, or a sentence that says what they are instead."""

import numpy as np

from cnnzoo.errors import InputError


def pixels(images, what: str = "images", peak: float = 1.0) -> np.ndarray:
    """Return images as floating-point pixels from 0 to `peak`.

    Args:
        images: array `(examples, …)`; uint8 pixels of 0 to 255, or floats of 0 to `peak`.
        what: what an error calls them.
        peak: the value of a white pixel, > 0.

    Returns:
        float32 or float64 array of the same shape; uint8 pixels are divided by 255/`peak`.

    Raises:
        InputError: no array of images, or pixels outside the range.

    Example:
    >>> pixels(np.array([[0, 51, 255]], "uint8"))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    array = _array(images, what)
    if array.dtype == np.uint8:
        return array / np.float32(255 / peak)
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= peak):  # also where one is not a number
        raise InputError(
            f"{what} must be uint8, or floats of 0 to {peak:g}, not floats of {_read(low)} to {_read(high)}"
        )
    return array


def beside(reconstructions, images: np.ndarray, peak: float = 1.0) -> np.ndarray:
    """Return reconstructions as floating-point pixels, which may leave the range of the images.

    Args:
        reconstructions: array of the shape of the images; uint8, or any finite floats.
        images: what is reconstructed.
        peak: the value of a white pixel.

    Raises:
        InputError: another shape, or values that are not finite.

    Example:
    >>> beside([[-0.5, 1.5]], np.zeros((1, 2)))
    array([[-0.5,  1.5]])
    """
    array = _array(reconstructions, "reconstructions")
    if array.shape != images.shape:
        raise InputError(f"reconstructions must have the shape of the images, {images.shape}, not {array.shape}")
    if array.dtype == np.uint8:
        return array / np.float32(255 / peak)
    if not np.isfinite(array).all():
        raise InputError("reconstructions must be finite, and some of these are infinite or not a number")
    return array


def of_shape(images: np.ndarray, shape: tuple[int, ...], whose: str) -> np.ndarray:
    """Return the images if each has the given shape.

    Raises:
        InputError: they have another.

    Example:
    >>> of_shape(np.zeros((2, 8, 8, 1)), (8, 8, 1), "the model").shape
    (2, 8, 8, 1)
    """
    if images.shape[1:] != shape:
        raise InputError(f"{whose} takes images of shape {shape}, not {images.shape[1:]}")
    return images


def _array(values, what: str) -> np.ndarray:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must be one array of numbers, not {type(values).__name__}") from error
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise InputError(f"{what} must be uint8 or floats, not {array.dtype}")
    if array.ndim < 2 or not array.size:
        raise InputError(f"{what} must be an array (examples, …) with one example or more, not of shape {array.shape}")
    return array.astype("float32") if array.dtype == np.float16 else array


def _read(value) -> str:
    """Return a number as one reads it, with enough digits to see that it leaves the range."""
    return f"{float(value):.6g}"
