"""Does a net's answer move along with its image?"""

import dataclasses
import math

import keras
import numpy as np

from cnnzoo.analysis.report import conv_report
from cnnzoo.analysis.row import Row
from cnnzoo.errors import InputError

TOLERANCE = 1e-4  # of the outputs' range: what the order of floating-point sums may change


@dataclasses.dataclass(frozen=True)
class Moved:
    """What a shift of the image does to the outputs of one layer.

    Attributes:
        name: the layer's name.
        jump: pixels of the image between two neighbouring places, or `None` where the layer has no places.
        places: number of places a side that were compared; 0 where the border reaches everywhere.
        difference: largest difference between the moved outputs and the outputs of the moved image, as a share
            of the outputs' range; `None` where nothing could be compared.
    """

    name: str
    jump: int | None
    places: int
    difference: float | None

    @property
    def equivariant(self) -> bool | None:
        """Whether the outputs move along with the image; `None` where nothing could be compared."""
        return None if self.difference is None else self.difference <= TOLERANCE


def equivariance(model: keras.Model, images, shift: int) -> list[Moved]:
    """Compare what a net makes of an image and of the same image shifted, layer by layer.

    Two windows of the model's size are cut out of larger images, `shift` pixels down and right of one
    another, so that new content moves in, as with a camera. A convolution or pooling layer with jump j
    answers to the second as to the first, shift/j places on, if that is whole; places that see the padding
    are left out. A dense layer has no places, and its outputs are compared as they are.

    Args:
        model: a functional model without branches, with one image as its input.
        images: float array `(batch, height, width, channels)`, at least `shift` pixels larger a side than
            the model's input, in the model's own scale.
        shift: how far to shift, in pixels; an integer ≥ 1.

    Returns:
        One entry for each layer after the input.

    Raises:
        InputError: the images are too small, the shift is no positive integer, or the model has branches.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(1, 40, 40, 1)).astype("float32")
    >>> moved = equivariance(cnnzoo.lenet(), images, shift=4)
    >>> [(layer.name, layer.equivariant) for layer in moved if layer.name in ("C1", "C3", "F6")]
    [('C1', True), ('C3', True), ('F6', False)]
    """
    images = np.asarray(images, "float32")
    height, width = _checked(model, images, shift)
    rows = conv_report(model).rows
    if any(len(row.input_shapes) > 1 for row in rows) or len(rows) != len(model.layers):
        raise InputError(f"equivariance follows nets without branches or nested models, and {model.name} has some")
    every_layer = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    before = every_layer.predict(images[:, :height, :width], verbose=0)
    after = every_layer.predict(images[:, shift : shift + height, shift : shift + width], verbose=0)
    starts = _starts(rows)
    return [
        _moved(row, start, (height, width), shift, one, other)
        for row, start, one, other in zip(rows[1:], starts[1:], _listed(before), _listed(after), strict=True)
    ]


def _checked(model: keras.Model, images: np.ndarray, shift: int) -> tuple[int, int]:
    if not isinstance(shift, int) or shift < 1:
        raise InputError(f"shift must be an integer of at least 1, not {shift!r}")
    height, width, channels = model.input_shape[1:]
    wanted = (height + shift, width + shift)
    if images.ndim != 4 or images.shape[-1] != channels or images.shape[1] < wanted[0] or images.shape[2] < wanted[1]:
        raise InputError(
            f"images must be (batch, ≥ {wanted[0]}, ≥ {wanted[1]}, {channels}) for {model.name} and a shift of "
            f"{shift}, not {images.shape}"
        )
    return height, width


def _listed(outputs) -> list[np.ndarray]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _starts(rows: tuple[Row, ...]) -> list[tuple[int, ...]]:
    """Return, for each layer, the first pixel that its first place sees: before the image where there is padding."""
    starts: list[tuple[int, ...]] = []
    start, jump = [0, 0], [1, 1]
    for row in rows:
        for side, (before, _) in enumerate(row.padding):
            start[side] -= before * jump[side]
        if len(row.jump) == 2:
            jump = [math.ceil(step) for step in row.jump]
        starts.append(tuple(start))
    return starts


def _moved(row: Row, start, image, shift: int, before: np.ndarray, after: np.ndarray) -> Moved:
    scale = float(np.ptp(before)) or 1.0
    if before.ndim != 4:
        return Moved(row.name, None, 0, float(np.abs(before - after).max()) / scale)
    steps, kept = [], []
    for side in range(2):
        jump = math.ceil(row.jump[side])
        step = shift // jump
        first = max(0, math.ceil(-start[side] / jump))  # places before it see the padding
        last = min(before.shape[1 + side] - 1, (image[side] - row.receptive_field[side] - start[side]) // jump)
        steps.append(step)
        kept.append(range(first, last + 1 - step))
    places = min(map(len, kept))
    if places < 1:
        return Moved(row.name, math.ceil(row.jump[0]), 0, None)
    (top, left), (down, right) = kept, steps
    one = before[:, top.start + down : top.stop + down, left.start + right : left.stop + right]
    other = after[:, top.start : top.stop, left.start : left.stop]
    return Moved(row.name, math.ceil(row.jump[0]), places, float(np.abs(one - other).max()) / scale)
