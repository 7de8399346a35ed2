"""The way up of photographs: what their EXIF says, read and obeyed by operations of a graph.

Telephones and cameras store what their sensor saw, and which way they were held: `Orientation`, a number from 1 to 8.
Training and exported models use the same operations. They find what Pillow's `ImageOps.exif_transpose` finds in JPEG,
PNG and WebP files, but for a PNG's EXIF as hexadecimal text (ImageMagick's "Raw profile type exif"), for compressed
XMP, and for what stands behind a JPEG's tables, where nobody writes it: such images stay as they are stored.

Source: CIPA DC-008 (Exif 3.0), 4.6.5.1.6; TIFF 6.0, section 2; XMP, part 1, section 8.
"""

import tensorflow as tf

# What is searched, since a served file may be long: EXIF is in the first or second of a JPEG's segments, before or
# behind the pixels of a PNG and behind those of a WebP, and has at most 64 KiB.
MAX_SEGMENTS, MAX_BYTES = 256, 2**17

# `\C` is any byte. The last bytes of the first pattern are those that a TIFF file, which EXIF is, begins with.
_EXIF = r"(?:Exif\x00\x00|eXIf|EXIF\C{4})(?:Exif\x00\x00)?(?:MM\x00\*|II\*\x00)"
_XMP = r'tiff:Orientation(?:="|>)[0-9]'


def exif_orientation(content: tf.Tensor) -> tf.Tensor:
    """Return the EXIF orientation of an image file, 1 to 8; 1, upright, where it has none.

    Args:
        content: string tensor `()`, a whole file.

    Returns:
        int32 tensor `()`.

    Example:
    >>> int(exif_orientation(tf.constant(b"")))
    1
    """
    is_jpeg = tf.equal(tf.strings.substr(content, 0, 3), b"\xff\xd8\xff")
    header = tf.cond(is_jpeg, lambda: _jpeg_header(content), lambda: _both_ends(content))
    # Most files have neither, which this finds out soonest.
    has_any = tf.strings.regex_full_match(header, rf"\C*(?:{_EXIF}|{_XMP})\C*")
    orientation = tf.cond(has_any, lambda: _found_in(header), lambda: 1)
    return tf.where((orientation >= 1) & (orientation <= 8), orientation, 1)


def oriented(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Return an image the right way up.

    Args:
        image: tensor `(height, width, channels)`, as it is stored.
        orientation: its EXIF orientation, int32 tensor `()`.

    Returns:
        The image, `(width, height, channels)` for orientations from 5 on.

    Example:
    >>> oriented(tf.constant([[[1], [2]]]), tf.constant(3))[..., 0].numpy()
    array([[2, 1]], dtype=int32)
    """

    def turned():
        flips = tf.stack([_is_any(orientation, (3, 4, 7, 8)), _is_any(orientation, (2, 3, 6, 7))])
        upright = tf.cond(orientation >= 5, lambda: _transposed(image), lambda: image)
        return tf.reverse(upright, tf.boolean_mask([0, 1], flips))

    return tf.cond(orientation > 1, turned, lambda: image)


def _transposed(image: tf.Tensor) -> tf.Tensor:
    """Return an image with its rows as columns.

    `tf.transpose` does the same as fast, and has oneDNN log an error for integers on processors without AVX-512.
    """
    across = tf.stack([1, tf.shape(image)[0]])
    return tf.batch_to_space(image[:, :, tf.newaxis], across, [[0, 0], [0, 0]])[0]


def _is_any(number: tf.Tensor, numbers: tuple[int, ...]) -> tf.Tensor:
    return tf.reduce_any(tf.equal(number, numbers))


def _found_in(header: tf.Tensor) -> tf.Tensor:
    """Return the orientation in EXIF, else that in XMP, else 0."""
    exif, xmp = _end_of(_EXIF, header), _end_of(_XMP, header)
    in_exif = tf.cond(exif > 0, lambda: _tag(tf.strings.substr(header, exif - 4, 2**16)), lambda: 0)

    def in_xmp():
        return tf.strings.to_number(tf.strings.substr(header, xmp - 1, 1), tf.int32)

    return tf.cond(tf.equal(in_exif, 0) & (xmp > 0), in_xmp, lambda: in_exif)


def _end_of(pattern: str, text: tf.Tensor) -> tf.Tensor:
    """Return the position after the first occurrence of a pattern, or 0 where there is none."""
    rest = tf.strings.regex_replace(text, rf"\A\C*?{pattern}", "", replace_global=False)
    return tf.strings.length(text) - tf.strings.length(rest)


def _jpeg_header(content: tf.Tensor) -> tf.Tensor:
    """Return a JPEG's first segments, of data and comments; behind its pixels there may be other images."""
    content = tf.strings.join([content, b"\0" * 4])
    last = tf.strings.length(content) - 4

    def marker_and_size(position):
        return tf.unstack(_numbers(tf.strings.substr(content, position, 4), tf.uint16, little=False), 2)

    def more(position, marker, _):
        return (((marker >= 0xFFE0) & (marker <= 0xFFEF)) | (marker >= 0xFFFE)) & (position < last)

    def behind_segment(position, marker, size):
        following = tf.minimum(position + tf.where(tf.equal(marker, 0xFFFF), 1, 2 + size), last)  # or a fill byte
        return [following, *marker_and_size(following)]

    start = tf.minimum(2, last)
    end, _, _ = tf.while_loop(more, behind_segment, [start, *marker_and_size(start)], maximum_iterations=MAX_SEGMENTS)
    return tf.strings.substr(content, 0, tf.minimum(end, MAX_BYTES))


def _both_ends(content: tf.Tensor) -> tf.Tensor:
    behind = tf.maximum(tf.strings.length(content) - MAX_BYTES, tf.minimum(tf.strings.length(content), MAX_BYTES))
    first, last = tf.strings.substr(content, 0, MAX_BYTES), tf.strings.substr(content, behind, MAX_BYTES)
    return tf.strings.join([first, last])


def _tag(tiff: tf.Tensor) -> tf.Tensor:
    """Return the orientation in the first directory of a TIFF file, or 0."""
    is_little = tf.equal(tf.strings.substr(tiff, 0, 2), b"II")
    return tf.cond(is_little, lambda: _tag_in(tiff, True), lambda: _tag_in(tiff, False))


def _tag_in(tiff: tf.Tensor, little: bool) -> tf.Tensor:
    tiff = tf.strings.join([tiff, b"\0" * 16])  # what is cut off reads as 0

    def shorts(start, count):
        return _numbers(tf.strings.substr(tiff, start, 2 * count), tf.uint16, little)

    low, high = (4, 6) if little else (6, 4)
    end = tf.strings.length(tiff) - 2
    start = tf.where(shorts(high, 1)[0] == 0, tf.minimum(shorts(low, 1)[0], end), end)  # of the directory
    room = (tf.strings.length(tiff) - start - 2) // 12
    entries = tf.reshape(shorts(start + 2, 6 * tf.minimum(shorts(start, 1)[0], room)), (-1, 6))
    # An entry: its tag, its type (3: 16 bits, 4: 32 bits), how many values there are in 32 bits, and the value.
    wide = 4 if little else 5  # where 32 bits have their lower half
    values = tf.where(tf.equal(entries[:, 1], 4), entries[:, wide], entries[:, 4])
    found = tf.boolean_mask(values, tf.equal(entries[:, 0], 0x0112))
    return tf.concat([found, [0]], 0)[0]


def _numbers(text: tf.Tensor, dtype: tf.DType, little: bool) -> tf.Tensor:
    return tf.cast(tf.io.decode_raw(text, dtype, little_endian=little), tf.int32)
