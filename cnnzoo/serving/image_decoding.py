"""Decoding of image files inside a served graph. Nothing about the files is trusted."""

from typing import Any

import tensorflow as tf

from cnnzoo.data.decoding import decode
from cnnzoo.data.orientation import exif_orientation

# A photograph of a telephone has 12 to 50 million pixels; three bytes for each of these take 150 MB.
MAX_PIXELS = 50_000_000


def pixels_of(image_bytes: tf.Tensor, shape: Any) -> tf.Tensor:
    """Return the pixels of encoded images, decoded as folders of photographs are read for training.

    The size of an image is read from its header before anything is decoded: a file of a few bytes can claim
    gigabytes.

    Args:
        image_bytes: string tensor `(batch,)`, each a whole JPEG or PNG file. Colors, gray, alpha and 16 bits are
            converted to the channels of `shape` with 8 bits, and EXIF says which way is up.
        shape: `(height, width, channels)` of the result: the largest central part of these proportions is resized.

    Returns:
        uint8 tensor `(batch, *shape)`.

    Raises:
        tf.errors.InvalidArgumentError: neither JPEG nor PNG, a broken file, or more than `MAX_PIXELS`.
    """

    def decode_one(content):
        with tf.control_dependencies([_check_header(content)]):
            content = tf.identity(content)
        return decode(content, shape, exif_orientation(content))

    # Few at a time, as each may take 150 MB.
    return tf.map_fn(decode_one, image_bytes, fn_output_signature=tf.TensorSpec(shape, tf.uint8), parallel_iterations=2)


def _check_header(content: tf.Tensor) -> tf.Operation:
    """Return an operation that fails for a file that must not be decoded."""
    is_png = tf.equal(tf.strings.substr(content, 0, 8), b"\x89PNG\r\n\x1a\n")
    is_jpeg = tf.equal(tf.strings.substr(content, 0, 3), b"\xff\xd8\xff")
    known = tf.debugging.Assert(
        tf.logical_or(is_png, is_jpeg),
        ["image_bytes must hold whole JPEG or PNG files, not what begins with", tf.strings.substr(content, 0, 8)],
    )
    with tf.control_dependencies([known]):
        sides = tf.cond(is_png, lambda: _png_sides(content), lambda: tf.io.extract_jpeg_shape(content)[:2])
    sides = tf.cast(sides, tf.int64)
    return tf.debugging.Assert(
        tf.logical_and(tf.reduce_min(sides) > 0, tf.reduce_prod(sides) <= MAX_PIXELS),
        [f"an image of image_bytes must have from 1 to {MAX_PIXELS} pixels, not (height, width) =", sides],
    )


def _png_sides(content: tf.Tensor) -> tf.Tensor:
    """Return height and width from a PNG's header, bytes 16 to 23."""
    enough = tf.debugging.Assert(
        tf.strings.length(content) >= 33, ["image_bytes must hold whole files; a PNG ends in its header"]
    )
    with tf.control_dependencies([enough]):
        header = tf.strings.substr(content, 16, 8)
    width, height = tf.unstack(tf.io.decode_raw(header, tf.int32, little_endian=False), num=2)
    return tf.stack([height, width])
