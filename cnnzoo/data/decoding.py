"""From the bytes of an image file to pixels of one size."""

import os
import re

import numpy as np
import tensorflow as tf

CORES = os.cpu_count() or 1


def decoded(content: tf.Tensor, shape: tuple[int, int, int] | None = None) -> tf.Tensor:
    """Return the pixels of a JPEG, PNG, GIF, BMP or WebP file, told by its content, not by its name.

    Whatever is in the file, three colors of 8 bits come out, or as many channels as `shape` says: gray is repeated,
    colors are weighed to gray, an alpha channel is left out, CMYK converted, 16 bits rounded down to 8; of an
    animation it is the first picture. TensorFlow refuses images that take more than 512 MiB.

    Args:
        content: string tensor `()`.
        shape: `(height, width, channels)` to bring the image to, as `central` does, or `None` to leave its size. A
            JPEG at least twice as large is decoded at a half, a quarter or an eighth of its size, as PIL's `draft`
            does.

    Returns:
        uint8 tensor `(height, width, channels)`.

    Raises:
        tf.errors.InvalidArgumentError: the content is no such image, or broken off.
    """
    if shape is None:
        return _whole(content)
    is_jpeg = tf.equal(tf.strings.substr(content, 0, 3), b"\xff\xd8\xff")
    # To look at its size costs a tenth of decoding a small JPEG; files so short are hardly ever twice as large.
    may_be_large = tf.logical_and(is_jpeg, tf.strings.length(content) > shape[0] * shape[1])
    image = tf.cond(may_be_large, lambda: _jpeg(content, shape), lambda: _whole(content, shape[2]))
    return tf.ensure_shape(central(image, shape[:2]), shape)


def _whole(content: tf.Tensor, channels: int = 3) -> tf.Tensor:
    return tf.io.decode_image(content, channels=channels, expand_animations=False)


def _jpeg(content: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Decode a JPEG at the smallest eighth of its size that still covers `shape`."""
    sides = tf.io.extract_jpeg_shape(content)[:2]
    times = tf.reduce_min(sides // tf.constant(shape[:2], "int32"))

    def at(ratio):
        return lambda: tf.io.decode_jpeg(content, channels=shape[2], ratio=ratio)

    return tf.case([(times >= ratio, at(ratio)) for ratio in (8, 4, 2)], default=at(1))


def central(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Return the largest central part of an image that has the proportions of a size, rescaled to it.

    Bilinear; antialiased where it is made less than half as large: below that it would cost twice what decoding a JPEG
    does, and change pixels by less than the JPEG's own loss.

    Args:
        image: uint8 tensor `(height, width, channels)`.
        size: height and width to return.

    Returns:
        uint8 tensor of that size.

    Source: Krizhevsky et al. 2012, section 2: "such that the shorter side was of length 256, and then
    cropped out the central 256×256 patch".

    Example:
    >>> import numpy as np
    >>> central(tf.constant(np.zeros((30, 50, 3), "uint8")), (16, 16)).shape
    TensorShape([16, 16, 3])
    """
    given, wanted = tf.cast(tf.shape(image)[:2], "float64"), tf.constant(size, "float64")
    smaller = tf.reduce_min(given / wanted)
    part = tf.minimum(given, tf.round(smaller * wanted))
    corner = (given - part) // 2
    image = tf.slice(image, tf.concat([tf.cast(corner, "int32"), [0]], 0), tf.concat([tf.cast(part, "int32"), [-1]], 0))

    def antialiased():
        return tf.raw_ops.ScaleAndTranslate(
            images=image[tf.newaxis],
            size=size,
            scale=tf.cast(wanted / part, "float32"),
            translation=[0.0, 0.0],
            kernel_type="triangle",
            antialias=True,
        )

    def plain():
        return tf.raw_ops.ResizeBilinear(images=image[tf.newaxis], size=size, half_pixel_centers=True)

    pixels = tf.cond(smaller >= 2, antialiased, plain)[0]
    return tf.cast(pixels + 0.5, "uint8")  # no weight is negative: they stay from 0 to 255


def tried(path: bytes, shape: tuple[int, int, int] | None) -> tuple[np.ndarray | None, str]:
    """Read and decode a file, and return its pixels, or `None` and what is wrong with it.

    Args:
        path: the file's name.
        shape: as in `decoded`.
    """
    try:
        with tf.device("CPU:0"):
            return decoded(tf.io.read_file(path), shape).numpy(), ""
    except tf.errors.NotFoundError:
        return None, "it is gone"
    except tf.errors.OpError as error:
        # TensorFlow wraps the reason into names of its own operations.
        reason = re.sub(r"\{\{.*?\}\}\s*|\s*\[Op:.*", "", error.message).splitlines()[0].strip().rstrip(".")
        return None, reason or type(error).__name__


def broken(path: str, reason: str) -> str:
    """Return the sentence about a file that cannot be used."""
    return f"{path!r} is no image that can be read ({reason}); mend or remove it, or give on_error='skip'"
