"""Principal components as an encoder and a decoder, and the checks of images that all codes share."""

import dataclasses

import numpy as np

from cnnzoo import checks
from cnnzoo.errors import InputError


def pixels(images, name: str = "images", peak: float | None = 1.0) -> np.ndarray:
    """Return images as floating-point pixels from 0 to `peak`, or finite values of any size.

    Args:
        images: array `(examples, …)`; uint8 pixels of 0 to 255, or floats of 0 to `peak`.
        name: the argument's name, for errors.
        peak: the value of a white pixel, > 0; `None` for values that are no pixels.

    Returns:
        float32 or float64 array of the same shape; uint8 pixels are divided by 255/`peak`.

    Raises:
        InputError: no array of images, or pixels outside the range.

    Example:
    >>> pixels(np.array([[0, 51, 255]], "uint8"))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    array = _array(name, images)
    if peak is None:
        checks.check_finite(array, f"`{name}`")
        return array
    if array.dtype == np.uint8:
        return array / np.float32(255 / peak)
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= peak):  # also where one is not a number
        # With enough digits to see that a value is out of the range.
        received = f"floats from {float(low):.6g} to {float(high):.6g}"
        raise InputError(f"`{name}` must be uint8, or floats from 0 to {peak:g}. Received: {received}")
    return array


def peak_of(shape: tuple[int, ...]) -> float | None:
    """Return the value of a white pixel of examples of a shape: 1 of images, `None` of signals and vectors.

    Example:
    >>> peak_of((28, 28, 1)), peak_of((30,))
    (1.0, None)
    """
    return 1.0 if len(shape) == 3 else None


def reconstructed_pixels(reconstructions, images: np.ndarray, peak: float | None = 1.0) -> np.ndarray:
    """Return reconstructions as floating-point pixels, which may lie outside the range of the images.

    Args:
        reconstructions: array of the shape of the images; uint8, or any finite floats.
        images: the originals.
        peak: the value of a white pixel; `None` for values that are no pixels.

    Raises:
        InputError: another shape, or values that are not finite.

    Example:
    >>> reconstructed_pixels([[-0.5, 1.5]], np.zeros((1, 2)))
    array([[-0.5,  1.5]])
    """
    array = _array("reconstructions", reconstructions)
    if array.shape != images.shape:
        raise InputError(
            f"`reconstructions` must have the shape of the images, {images.shape}. Received the shape: {array.shape}"
        )
    if array.dtype == np.uint8 and peak is not None:
        return array / np.float32(255 / peak)
    if not np.isfinite(array).all():
        raise InputError(f"`reconstructions` must be finite. Received: {array[~np.isfinite(array)][0]}")
    return array


def checked_shape(images: np.ndarray, shape: tuple[int, ...], taker: str) -> np.ndarray:
    """Return images, each of which must have the given shape.

    Args:
        images: array `(examples, …)`.
        shape: shape of one image.
        taker: what takes the images, for errors.

    Raises:
        InputError: they have another shape.

    Example:
    >>> checked_shape(np.zeros((2, 8, 8, 1)), (8, 8, 1), "the model").shape
    (2, 8, 8, 1)
    """
    if images.shape[1:] != shape:
        raise InputError(f"{taker} takes images of shape {shape}. Received: {images.shape[1:]}")
    return images


def _array(name: str, values) -> np.ndarray:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"`{name}` must be an array of numbers. Received a {type(values).__name__}") from error
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise InputError(f"`{name}` must be uint8 or floats. Received: {array.dtype}")
    if array.ndim < 2 or not array.size:
        raise InputError(
            f"`{name}` must be an array (examples, …) of at least one example. Received the shape: {array.shape}"
        )
    return array.astype("float32") if array.dtype == np.float16 else array


@dataclasses.dataclass(frozen=True, eq=False)
class LinearCode:
    """An encoder and a decoder of one linear layer each, over all the pixels of an image.

    Attributes:
        name: what a table calls it.
        image_shape: shape of one image.
        kernel: float32 array `(pixels, size)`; the code of an image x is x·kernel + offset.
        offset: float32 array `(size,)`.
        components: float32 array `(size, pixels)`; a code c is decoded as c·components + bias.
        bias: float32 array `(pixels,)`.
        peak: the value of a white pixel; `None` for values that are no pixels.
    """

    name: str
    image_shape: tuple[int, ...]
    kernel: np.ndarray
    offset: np.ndarray
    components: np.ndarray
    bias: np.ndarray
    peak: float | None = 1.0

    @property
    def size(self) -> int:
        """Numbers in a code."""
        return len(self.offset)

    def first(self, size: int) -> "LinearCode":
        """Return the code of the first numbers alone: for principal components, the same as a fit of fewer.

        Args:
            size: numbers in the code; from 1 to `self.size`.

        Raises:
            InputError: another size.
        """
        size = checks.integer("size", size, 1, self.size, of=f"the numbers of {self.name}")
        kernel, offset, components = self.kernel[:, :size], self.offset[:size], self.components[:size]
        return dataclasses.replace(self, kernel=kernel, offset=offset, components=components)

    def encode(self, images) -> np.ndarray:
        """Return the codes of images.

        Args:
            images: array `(examples, *image_shape)`; uint8, or floats of 0 to 1.

        Returns:
            float32 array `(examples, size)`.

        Raises:
            InputError: images of another shape, or pixels outside 0 to 1.
        """
        images = checked_shape(pixels(images, peak=self.peak), self.image_shape, self.name)
        flat = images.reshape(len(images), -1).astype("float32", copy=False)
        return flat @ self.kernel + self.offset

    def decode(self, codes) -> np.ndarray:
        """Return the images that codes stand for.

        Args:
            codes: float array `(examples, size)`.

        Returns:
            float32 array `(examples, *image_shape)`, not clipped.

        Raises:
            InputError: codes of another size.
        """
        images = checked_codes(codes, self.size, self.name) @ self.components
        images += self.bias
        return images.reshape(-1, *self.image_shape)

    def reconstruct(self, images) -> np.ndarray:
        """Return images encoded and decoded.

        Args:
            images: array `(examples, *image_shape)`; uint8, or floats of 0 to 1.

        Returns:
            float32 array of the same shape.

        Raises:
            InputError: as for `encode`.
        """
        return self.decode(self.encode(images))


def checked_codes(codes, size: int, taker: str) -> np.ndarray:
    """Return codes as a float32 array `(examples, size)`.

    Args:
        codes: the codes.
        size: numbers in a code.
        taker: what takes them, for the message.

    Raises:
        InputError: they have another shape.

    Example:
    >>> checked_codes([[1, 2]], 2, "PCA")
    array([[1., 2.]], dtype=float32)
    """
    array = np.asarray(codes, "float32")
    if array.ndim != 2 or array.shape[1] != size:
        raise InputError(f"`codes` of {taker} must have the shape (examples, {size}). Received: {array.shape}")
    return array


def checked_size(size: int, images: np.ndarray) -> int:
    """Return the size of a code, at most the pixels and at most the examples of the images that it is fitted to.

    Raises:
        InputError: no positive integer, or more than there are pixels or examples.

    Example:
    >>> checked_size(30, np.zeros((100, 8, 8, 1)))
    30
    """
    most = min(len(images), images[0].size)
    return checks.integer("size", size, 1, most, of=f"for {len(images)} images of {images[0].size} pixels")


def pca(images, size: int, *, peak: float | None = 1.0) -> LinearCode:
    """Fit principal components, exactly: mean-centered, reconstructions not clipped.

    30 components of MNIST's 60,000 training images give a squared error per image (sum over pixels) of 13.866 on
    the test images; 2 components give 43.645.

    Args:
        images: array `(examples, …)` to fit; uint8, or floats of 0 to 1. A copy in float64 is made.
        size: numbers in a code; at most the pixels of an image, and at most the images.
        peak: the value of a white pixel; `None` for values that are no pixels, such as standardized columns.

    Returns:
        A `LinearCode`; its codes are centered and ordered by variance, largest first.

    Raises:
        InputError: a size out of range, or pixels outside 0 to 1.

    Source: Hinton and Salakhutdinov, Science 313, 2006, use it as their baseline.

    Example:
    >>> from cnnzoo.analysis import squared_error
    >>> from cnnzoo.data import load
    >>> digits = load("digits")
    >>> round(squared_error(digits.test.images, pca(digits.train.images, 8).reconstruct(digits.test.images)), 2)
    1.57
    """
    # scikit-learn takes a second to import, and only this function needs it.
    from sklearn.decomposition import PCA

    images = pixels(images, peak=peak)
    size = checked_size(size, images)
    shape = images.shape[1:]
    flat = images.reshape(len(images), -1).astype("float64")
    del images  # the copy takes twice as much, and both together more than all else here
    # Both are exact. The covariances take seconds for 60,000 images of 784 pixels, and cannot be held for large images.
    solver = "covariance_eigh" if flat.shape[1] <= len(flat) else "full"
    fitted = PCA(size, svd_solver=solver).fit(flat)
    kernel = fitted.components_.T
    return LinearCode(
        name="PCA",
        image_shape=shape,
        kernel=kernel.astype("float32"),
        offset=(-fitted.mean_ @ kernel).astype("float32"),
        components=fitted.components_.astype("float32"),
        bias=fitted.mean_.astype("float32"),
        peak=peak,
    )
