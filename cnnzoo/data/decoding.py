"""From the bytes of an image file to pixels of one size."""

import os
import re

import numpy as np
import tensorflow as tf

CORES = os.cpu_count() or 1


def decoded(content: tf.Tensor, shape: tuple[int, int, int] | None = None) -> tf.Tensor:
    """Return the pixels of a JPEG, PNG, GIF, BMP or WebP file, told by its content, not by its name.

    Whatever is in the file, three colours of 8 bits come out: grey is repeated, an alpha channel left out, CMYK
    converted, 16 bits rounded down to 8; of an animation it is the first picture. TensorFlow refuses images that take
    more than 512 MiB.

    Args:
        content: string tensor `()`.
        shape: `(height, width, 3)` to bring the image to, as `central` does, or `None` to leave its size.

    Returns:
        uint8 tensor `(height, width, 3)`.

    Raises:
        tf.errors.InvalidArgumentError: the content is no such image, or broken off.
    """
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    return image if shape is None else tf.ensure_shape(central(image, shape[:2]), shape)


def central(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Rescale an image until it just covers a size, its aspect ratio kept, and cut out the centre.

    Bilinear and antialiased; `ScaleAndTranslate` computes only the pixels that are kept.

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
    covering = tf.maximum(tf.round(given * tf.reduce_max(wanted / given)), wanted)
    pixels = tf.raw_ops.ScaleAndTranslate(
        images=image[tf.newaxis],
        size=size,
        scale=tf.cast(covering / given, "float32"),
        translation=tf.cast(-((covering - wanted) // 2), "float32"),
        kernel_type="triangle",
        antialias=True,
    )[0]
    return tf.cast(tf.round(tf.clip_by_value(pixels, 0, 255)), "uint8")


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
