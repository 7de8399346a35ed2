"""Images in rows, each with a caption."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnzoo import checks
from cnnzoo.errors import InputError
from cnnzoo.plots.picture import Picture, drawable, height_of, listed, picture, room_for, tiles

COLUMNS = 10
MOST = 500  # images, for the time that drawing takes


def images(images, captions: Sequence[Any] | np.ndarray | None = None, *, columns: int | None = None) -> Picture:
    """Draw images in rows.

    Pixels of uint8 are drawn from 0 to 255, floats of 0 to 1 as these, and others, such as what a net takes, from the
    smallest to the largest value of all images.

    Args:
        images: array `(examples, height, width)` or `(examples, height, width, 1 or 3)`, or images of one size in a
            list; up to 500.
        captions: a text, or another value such as a label, below each image; default none.
        columns: images per row; default up to 10.

    Returns:
        The figure.

    Raises:
        InputError: no images, too many, or another number of captions.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits").test
    >>> figure = images(digits.images[:12], digits.labels[:12], columns=6)
    >>> len(figure.axes[0].images), figure.axes[0].texts[0].get_text()
    (12, '7')
    """
    try:
        array = np.asarray(images)
    except ValueError as error:  # images of several sizes
        raise InputError("`images` must be of one size. Received images of several sizes") from error
    if array.ndim == 3 and array.shape[-1] in (1, 3):
        raise InputError(f"`images` must have an axis for the examples; give image[None]. Received: {array.shape}")
    if array.dtype.kind not in "uif" or not (array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3))):
        raise InputError(
            "`images` must be numbers of shape (examples, height, width) or (examples, height, width, 1 or 3). "
            f"Received: {array.dtype} of shape {array.shape}"
        )
    if not (1 <= len(array) <= MOST and array.size):
        raise InputError(f"`images` must be 1 to {MOST} images to be drawn. Received: {len(array)}")
    texts = [] if captions is None else [str(caption) for caption in captions]
    if captions is not None and len(texts) != len(array):
        raise InputError(f"`captions` must be one for each of {len(array)} images. Received: {len(texts)}")
    columns = checks.integer("columns", min(COLUMNS, len(array)) if columns is None else columns)
    drawn, limits = drawable(array[..., None] if array.ndim == 3 else array)
    width = min(8.0, 1.3 * columns)
    room = room_for(max((text.count("\n") + 1 for text in texts), default=0), drawn, columns, width)
    _, high, wide, _ = drawn.shape
    named = f": {listed(texts[:COLUMNS])}" + (" and others" if len(texts) > COLUMNS else "") if texts else ""
    figure = picture(
        width, height_of(drawn, columns, width, room), f"{len(drawn)} images of {high}×{wide} pixels{named}."
    )
    tiles(figure.subplots(), drawn, columns=columns, captions=texts, limits=limits, room=room)
    return figure
