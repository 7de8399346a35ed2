"""Codes that are linear in the image, and what is decoded from them."""

import dataclasses

import numpy as np

from cnnzoo.analysis.reconstruction.pixels import of_shape, pixels
from cnnzoo.errors import InputError

CHUNK = 4096  # images decoded at once by the logistic function


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
        logistic: whether the decoded pixels pass through the logistic function, into 0 to 1.
    """

    name: str
    image_shape: tuple[int, ...]
    kernel: np.ndarray
    offset: np.ndarray
    components: np.ndarray
    bias: np.ndarray
    logistic: bool = False

    @property
    def size(self) -> int:
        """Numbers in a code."""
        return len(self.offset)

    def first(self, size: int) -> "LinearCode":
        """Return the code of the first numbers alone; of principal components that is what a fit of fewer gives.

        Args:
            size: numbers in the code; from 1 to those there are.

        Raises:
            InputError: another size, or a logistic code, whose numbers do not come in an order.
        """
        if self.logistic or type(size) is not int or not 1 <= size <= self.size:
            raise InputError(f"of {self.name} with {self.size} numbers the first {size!r} cannot be taken alone")
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
        images = of_shape(pixels(images), self.image_shape, self.name)
        flat = images.reshape(len(images), -1).astype("float32", copy=False)
        return flat @ self.kernel + self.offset

    def decode(self, codes) -> np.ndarray:
        """Return the images that codes stand for.

        Args:
            codes: float array `(examples, size)`.

        Returns:
            float32 array `(examples, *image_shape)`, of 0 to 1 if `logistic`, else not clipped.

        Raises:
            InputError: codes of another size.
        """
        codes = np.asarray(codes, "float32")
        if codes.ndim != 2 or codes.shape[1] != self.size:
            raise InputError(f"codes of {self.name} have the shape (examples, {self.size}), not {codes.shape}")
        images = codes @ self.components
        images += self.bias
        if self.logistic:
            for start in range(0, len(images), CHUNK):
                part = images[start : start + CHUNK]
                part[:] = (1 + np.tanh(part / 2)) / 2
        return images.reshape(-1, *self.image_shape)

    def reconstruct(self, images) -> np.ndarray:
        """Return what is left of images after encoding and decoding.

        Args:
            images: array `(examples, *image_shape)`; uint8, or floats of 0 to 1.

        Returns:
            float32 array of the same shape.

        Raises:
            InputError: as for `encode`.
        """
        return self.decode(self.encode(images))


def checked_size(size: int, images: np.ndarray) -> int:
    """Return the size of a code that these images can be fitted with.

    Raises:
        InputError: no integer of at least 1, or more than there are pixels or examples.

    Example:
    >>> checked_size(30, np.zeros((100, 8, 8, 1)))
    30
    """
    most = min(len(images), images[0].size)
    whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
    if not whole or not 1 <= size <= most:
        raise InputError(
            f"size must be an integer of 1 to {most}, for {len(images)} images of {images[0].size} pixels, not {size!r}"
        )
    return int(size)
