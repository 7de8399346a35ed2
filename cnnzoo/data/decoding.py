"""Decode image files, and bring the pixels to one size."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from cnnzoo.runtime import cores
from cnnzoo.tensorflow_errors import operation_message

CHUNK = 64  # images that are decoded, or read, before the next ones


def decode(content: tf.Tensor, shape: tuple[int, int, int] | None = None) -> tf.Tensor:
    """Return the pixels of a JPEG, PNG, GIF, BMP or WebP file; the content decides which, not the file's name.

    Every image gets three colors of 8 bits, or as many channels as `shape` says: gray is repeated, colors are
    weighted to gray, an alpha channel is dropped, CMYK is converted, 16 bits are rounded down to 8; of an animation
    the first picture is taken. TensorFlow refuses images that take more than 512 MiB.

    Args:
        content: string tensor `()`.
        shape: `(height, width, channels)` to bring the image to, as `crop_and_resize` does, or `None` to keep its
            size. A JPEG at least twice as large is decoded at a half, a quarter or an eighth of its size, as PIL's
            `draft` does.

    Returns:
        uint8 tensor `(height, width, channels)`.

    Raises:
        tf.errors.InvalidArgumentError: the content is no such image, or is truncated.
    """
    if shape is None:
        return _decode_full_size(content)
    is_jpeg = tf.equal(tf.strings.substr(content, 0, 3), b"\xff\xd8\xff")
    # Reading its size costs a tenth of decoding a small JPEG; files so short are hardly ever twice as large.
    may_be_large = tf.logical_and(is_jpeg, tf.strings.length(content) > shape[0] * shape[1])
    image = tf.cond(may_be_large, lambda: _decode_jpeg(content, shape), lambda: _decode_full_size(content, shape[2]))
    return tf.ensure_shape(crop_and_resize(image, shape[:2]), shape)


def _decode_full_size(content: tf.Tensor, channels: int = 3) -> tf.Tensor:
    return tf.io.decode_image(content, channels=channels, expand_animations=False)


def _decode_jpeg(content: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Decode a JPEG at the smallest of its whole, half, quarter or eighth size that still covers `shape`."""
    sides = tf.io.extract_jpeg_shape(content)[:2]
    times = tf.reduce_min(sides // tf.constant(shape[:2], "int32"))

    def at(ratio):
        return lambda: tf.io.decode_jpeg(content, channels=shape[2], ratio=ratio)

    return tf.case([(times >= ratio, at(ratio)) for ratio in (8, 4, 2)], default=at(1))


def crop_and_resize(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Return the largest central part of an image that has the aspect ratio of a size, resized to it.

    Bilinear; antialiased where the image becomes less than half as large: above that, antialiasing would cost twice
    what decoding a JPEG does, and change pixels by less than the JPEG's own loss.

    Args:
        image: uint8 tensor `(height, width, channels)`.
        size: height and width to return.

    Returns:
        uint8 tensor of that size.

    Source: Krizhevsky et al. 2012, section 2: "such that the shorter side was of length 256, and then
    cropped out the central 256×256 patch".

    Example:
    >>> import numpy as np
    >>> crop_and_resize(tf.constant(np.zeros((30, 50, 3), "uint8")), (16, 16)).shape
    TensorShape([16, 16, 3])
    """
    given, wanted = tf.cast(tf.shape(image)[:2], "float64"), tf.constant(size, "float64")
    scale = tf.reduce_min(given / wanted)
    crop = tf.minimum(given, tf.round(scale * wanted))
    corner = (given - crop) // 2
    image = tf.slice(image, tf.concat([tf.cast(corner, "int32"), [0]], 0), tf.concat([tf.cast(crop, "int32"), [-1]], 0))

    def antialiased():
        return tf.raw_ops.ScaleAndTranslate(
            images=image[tf.newaxis],
            size=size,
            scale=tf.cast(wanted / crop, "float32"),
            translation=[0.0, 0.0],
            kernel_type="triangle",
            antialias=True,
        )

    def plain():
        return tf.raw_ops.ResizeBilinear(images=image[tf.newaxis], size=size, half_pixel_centers=True)

    pixels = tf.cond(scale >= 2, antialiased, plain)[0]
    return tf.cast(pixels + 0.5, "uint8")  # no weight is negative: they stay from 0 to 255


def decode_files(paths: np.ndarray, shape: tuple[int, int, int] | None) -> Iterator[tuple[np.ndarray | None, str]]:
    """Read and decode files on all cores; yield the pixels of each, or `None` and why it cannot be decoded.

    Args:
        paths: bytes array `(files,)`.
        shape: as in `decode`.
    """

    # Compiled it leaves Python to the other threads: three times as fast as operation by operation.
    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def read(path):
        return decode(tf.io.read_file(path), shape)

    def pixels_of(path):
        try:
            with tf.device("CPU:0"):
                return read(path).numpy(), ""
        except tf.errors.OpError:
            return try_decode(path, shape)  # whose error has the reason in its first line

    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(paths), CHUNK):
            yield from pool.map(pixels_of, paths[start : start + CHUNK])


def try_decode(path: bytes, shape: tuple[int, int, int] | None) -> tuple[np.ndarray | None, str]:
    """Read and decode a file, and return its pixels, or `None` and why it cannot be decoded.

    Args:
        path: the file's name.
        shape: as in `decode`.
    """
    try:
        with tf.device("CPU:0"):
            return decode(tf.io.read_file(path), shape).numpy(), ""
    except tf.errors.NotFoundError:
        return None, "it does not exist any more"
    except tf.errors.OpError as error:
        return None, operation_message(error)


def broken_file_message(path: str, reason: str) -> str:
    """Return the error message for a file that cannot be decoded."""
    return f"{path!r} is not a readable image ({reason}); repair or remove it, or set on_error='skip'"
