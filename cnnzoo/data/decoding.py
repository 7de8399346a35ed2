"""Decode image files, and bring the pixels to one size."""

import functools
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simplejpeg
import tensorflow as tf
from PIL import Image, ImageOps, UnidentifiedImageError

from cnnzoo.data.orientation import exif_orientation, oriented
from cnnzoo.errors import reason
from cnnzoo.runtime import cores
from cnnzoo.tensorflow_errors import operation_message

CHUNK = 64  # images that are decoded, or read, before the next ones
AT_ONCE = 16  # files that a thread decodes before it takes others
BY_PILLOW = 0  # in place of an orientation: TensorFlow cannot decode the file, and Pillow turns it, too

# What Pillow may read: no formats that other programs decode for it, and none that it takes anything for.
PILLOW_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")


# How libjpeg's warnings begin; the others are of headers that it understands even so.
DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG file", "Inconsistent progression")


class Decoded(NamedTuple):
    """What became of a file.

    Attributes:
        pixels: uint8 array `(height, width, 3)`, the right way up, or `None` where it cannot be decoded.
        orientation: its EXIF orientation, 1 to 8, or `BY_PILLOW`.
        reason: why it cannot be decoded.
        damage: what of it is damaged, though it can be decoded; some pixels are wrong.
    """

    pixels: np.ndarray | None
    orientation: int
    reason: str = ""
    damage: str = ""


def decode(
    content: tf.Tensor, shape: tuple[int, int, int] | None = None, orientation: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the pixels of a JPEG, PNG, GIF, BMP or WebP file; the content decides which, not the file's name.

    Every image gets three colors of 8 bits, or as many channels as `shape` says: gray is repeated, colors are
    weighted to gray, an alpha channel is dropped, CMYK is converted, 16 bits are rounded down to 8; of an animation
    the first picture is taken. TensorFlow refuses images that take more than 512 MiB.

    Args:
        content: string tensor `()`.
        shape: `(height, width, channels)` to bring the image to, as `crop_and_resize` does, or `None` to keep its
            size. A JPEG at least twice as large is decoded at a half, a quarter or an eighth of its size, as PIL's
            `draft` does.
        orientation: its EXIF orientation, int32 tensor `()`, or `None` for an image that is stored upright.

    Returns:
        uint8 tensor `(height, width, channels)`, the right way up.

    Raises:
        tf.errors.InvalidArgumentError: the content is no such image, or is truncated.
    """
    if shape is None:
        return _upright(_decode_full_size(content), orientation)
    is_jpeg = tf.equal(tf.strings.substr(content, 0, 3), b"\xff\xd8\xff")
    # Reading its size costs a tenth of decoding a small JPEG; files so short are hardly ever twice as large.
    least = shape[0] * shape[1] if shape[2] == 3 else 0  # for gray, what its colors are must be read, too
    image = tf.cond(
        tf.logical_and(is_jpeg, tf.strings.length(content) > least),
        lambda: _decode_jpeg(content, shape, orientation),
        lambda: _decode_full_size(content, shape[2]),
    )
    return tf.ensure_shape(crop_and_resize(_upright(image, orientation), shape[:2]), shape)


def _upright(image: tf.Tensor, orientation: tf.Tensor | None) -> tf.Tensor:
    return image if orientation is None else oriented(image, orientation)


def _decode_full_size(content: tf.Tensor, channels: int = 3) -> tf.Tensor:
    return tf.io.decode_image(content, channels=channels, expand_animations=False)


def _decode_jpeg(content: tf.Tensor, shape: tuple[int, int, int], orientation: tf.Tensor | None = None) -> tf.Tensor:
    """Decode a JPEG at the smallest of its whole, half, quarter or eighth size that still covers `shape`."""
    stored = tf.io.extract_jpeg_shape(content)
    sides = stored[:2]
    if orientation is not None:
        sides = tf.where(orientation >= 5, sides[::-1], sides)
    times = tf.reduce_min(sides // tf.constant(shape[:2], "int32"))

    def at(ratio, channels=shape[2]):
        return lambda: tf.io.decode_jpeg(content, channels=channels, ratio=ratio)

    def in_size(channels):
        return tf.case([(times >= ratio, at(ratio, channels)) for ratio in (8, 4, 2)], default=at(1, channels))

    if shape[2] == 3:
        return in_size(3)
    # libjpeg turns four inks into colors, and not into gray.
    return tf.cond(tf.equal(stored[2], 4), lambda: tf.image.rgb_to_grayscale(in_size(3)), lambda: in_size(1))


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


def decode_by_pillow(path: bytes) -> np.ndarray:
    """Read a file that TensorFlow cannot decode, the right way up.

    Args:
        path: the file's name.

    Returns:
        uint8 array `(height, width, 3)`.

    Raises:
        OSError: the file cannot be read, or is no image that Pillow knows. Other errors of Pillow's are passed on.
        ValueError: its pixels have 32 bits, of no range that is stated.
    """
    Image.init()
    with Image.open(path, formats=[name for name in PILLOW_FORMATS if name in Image.OPEN]) as file:
        file.info.pop("transparency", None)  # which Pillow would warn about: it is dropped
        has_16_bits = file.mode.startswith("I;16") or (file.format, file.mode) == ("PPM", "I")
        if file.mode in ("I", "F") and not has_16_bits:
            raise ValueError(f"its pixels are 32-bit {'integers' if file.mode == 'I' else 'floats'} of no stated range")
        image = ImageOps.exif_transpose(file)
    if has_16_bits:
        image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
    return np.asarray(image.convert("RGB"))


def decode_files(paths: np.ndarray, shape: tuple[int, int, int] | None) -> Iterator[Decoded]:
    """Read and decode files on all cores; Pillow decodes those that TensorFlow cannot.

    Args:
        paths: bytes array `(files,)`.
        shape: as in `decode`.
    """
    if shape is not None:
        _batch_reader(shape)  # made by one thread, for all
    pending: deque[Future[list[Decoded]]] = deque()
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(paths), AT_ONCE):
            pending.append(pool.submit(_decoded, paths[start : start + AT_ONCE], shape))
            if len(pending) > 2 * cores():  # as far as they may be ahead of those who take them
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()


def _decoded(paths: np.ndarray, shape: tuple[int, int, int] | None) -> list[Decoded]:
    """Decode some files at once, or, where TensorFlow refuses one of them, one by one."""
    if shape is None or len(paths) == 1:
        return [_decoded_alone(path, shape) for path in paths]
    try:
        with tf.device("CPU:0"):
            pixels, orientations, are_jpegs = (each.numpy() for each in _batch_reader(shape)(tf.constant(paths)))
        damages = [damage_of(_content(path)) if is_jpeg else "" for path, is_jpeg in zip(paths, are_jpegs, strict=True)]
    except (tf.errors.OpError, OSError):
        return [_decoded_alone(path, shape) for path in paths]
    return [Decoded(*each) for each in zip(pixels, map(int, orientations), [""] * len(paths), damages, strict=True)]


def _decoded_alone(path: bytes, shape: tuple[int, int, int] | None) -> Decoded:
    try:
        with tf.device("CPU:0"):
            content, pixels, orientation = _reader(shape)(path)
            return Decoded(pixels.numpy(), int(orientation), damage=damage_of(content.numpy()))
    except tf.errors.OpError as error:
        return _decoded_by_pillow(path, shape, operation_message(error))


def _content(path: bytes) -> bytes:
    return Path(os.fsdecode(path)).read_bytes()


@functools.cache
def _reader(shape: tuple[int, int, int] | None) -> Any:
    """Return a function of a path that returns the pixels and the orientation of what TensorFlow can decode."""

    # Compiled it leaves Python to the other threads: three times as fast as operation by operation.
    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def read(path):
        content = tf.io.read_file(path)
        return content, *_pixels_and_orientation(content, shape)

    return read


@functools.cache
def _batch_reader(shape: tuple[int, int, int]) -> Any:
    """Return a function of paths that returns pixels, orientations, and which files are JPEGs.

    Of small files it reads four times as many in a second as one call a file does.
    """

    def read_one(path):
        content = tf.io.read_file(path)
        return *_pixels_and_orientation(content, shape), tf.equal(tf.strings.substr(content, 0, 3), b"\xff\xd8\xff")

    types = tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.bool)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def read(paths):
        # One after the other, as each may take 512 MiB: the other cores have files of their own.
        return tf.map_fn(read_one, paths, fn_output_signature=types, parallel_iterations=1)

    with tf.device("CPU:0"):
        return read.get_concrete_function()


def _pixels_and_orientation(content: tf.Tensor, shape: tuple[int, int, int] | None) -> tuple[tf.Tensor, tf.Tensor]:
    tf.debugging.Assert(~_is_decoded_wrongly(content), ["an image with a palette"])
    orientation = exif_orientation(content)
    return decode(content, shape, orientation), orientation


def damage_of(content: bytes) -> str:
    """Return what libjpeg complains of in a JPEG that it decodes, or nothing, as for every other format.

    TensorFlow and Pillow decode such a file to pixels that are far from those that were saved, and say nothing.
    """
    if not content.startswith(b"\xff\xd8\xff"):
        return ""
    try:
        *_, colors, _ = simplejpeg.decode_jpeg_header(content)
        colors = "CMYK" if colors in ("CMYK", "YCCK") else "GRAY"
        # At an eighth of its size: what takes time is to read it, and all of it is read even so.
        simplejpeg.decode_jpeg(content, colors, min_height=1, min_width=1, strict=True)
    except ValueError as error:
        return reason(error) if str(error).startswith(DAMAGE) else ""
    return ""


def _is_decoded_wrongly(content: tf.Tensor) -> tf.Tensor:
    """Return whether TensorFlow would decode a file to other colors than it has.

    It takes the indices of a BMP's palette for gray values, and what is transparent in a GIF for black.
    """
    return tf.strings.regex_full_match(tf.strings.substr(content, 0, 30), r"GIF8\C*|BM\C{26}[\x01-\x08]\x00")


def _decoded_by_pillow(path: bytes, shape: tuple[int, int, int] | None, by_tensorflow: str) -> Decoded:
    """Decode a file that TensorFlow refuses for a reason."""
    try:
        pixels = decode_by_pillow(path)
        if shape is not None:
            pixels = crop_and_resize(tf.constant(pixels), shape[:2]).numpy()
    except FileNotFoundError:
        return Decoded(None, BY_PILLOW, "it does not exist any more")
    except UnidentifiedImageError:
        return Decoded(None, BY_PILLOW, by_tensorflow)
    except Exception as error:  # each of its formats has its own
        return Decoded(None, BY_PILLOW, reason(error))
    return Decoded(pixels, BY_PILLOW)


def broken_file_message(path: str, reason: str) -> str:
    """Return the error message for a file that cannot be decoded."""
    return f"{path!r} is not a readable image ({reason}); repair or remove it, or set on_error='skip'"
