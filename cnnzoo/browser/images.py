"""Images in fewer bytes: each pixel as its difference from what its neighbors say."""

import numpy as np


def differences(images: np.ndarray) -> np.ndarray:
    """Return images as what is left of each value after a prediction from its neighbors, modulo 256.

    The differences are small, and so they are packed into fewer bytes than the values. The prediction is the median of
    the value to the left, the one above, and left + above − above left; of colors, red and blue are first taken as
    their differences from green. `undoDifferences` in `static/engine/payload.js` is the way back.

    Args:
        images: uint8 array `(images, height, width, channels)`.

    Returns:
        uint8 array of the same shape.

    Source: Weinberger, Seroussi and Sapiro, "The LOCO-I Lossless Image Compression Algorithm", 2000, eq. 1.

    Example:
    >>> differences(np.full((1, 2, 3, 1), 7, "uint8"))[0, :, :, 0].tolist()
    [[7, 0, 0], [0, 0, 0]]
    """
    values = images.copy()
    if values.shape[-1] == 3:
        values[..., 0] -= images[..., 1]
        values[..., 2] -= images[..., 1]
    padded = np.pad(values, ((0, 0), (1, 0), (1, 0), (0, 0))).astype("int16")
    left, above, corner = padded[:, 1:, :-1], padded[:, :-1, 1:], padded[:, :-1, :-1]
    left = np.concatenate([above[:, :, :1], left[:, :, 1:]], axis=2)  # the first column has no left: the one above
    low, high = np.minimum(left, above), np.maximum(left, above)
    predicted = np.where(corner >= high, low, np.where(corner <= low, high, left + above - corner))
    # In the first row there is nothing above, and in the first column nothing to the left.
    predicted[:, 0] = left[:, 0]
    predicted[:, :, 0] = above[:, :, 0]
    return (values.astype("int16") - predicted).astype("uint8")
