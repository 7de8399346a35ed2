"""The receptive field of one position of a layer, as rows and columns of the image."""

from collections.abc import Callable, Iterable, Sequence

import keras

from cnnzoo import checks
from cnnzoo.analysis.arithmetic import Arithmetic
from cnnzoo.analysis.report import surveyed
from cnnzoo.errors import InputError, unknown


def receptive_field_of(
    model: keras.Model, layer: str, position: Sequence[int], *, elementwise: Iterable[type] = ()
) -> tuple[range, ...]:
    """Return the receptive field of one position of a layer's maps: its pixels along each side of the image.

    Args:
        model: a functional or Sequential model without branches, with one image of a fixed size as its input.
        layer: name of a layer whose outputs have positions.
        position: row and column of the position, from 0.
        elementwise: layer classes of your own that compute each output from the inputs at its position.

    Returns:
        The rows and the columns of the image, those in the padding left out.

    Raises:
        InputError: no such layer or position, or the model is no such chain of known layers.

    Example:
    >>> import cnnzoo
    >>> receptive_field_of(cnnzoo.lenet(), "C3", (0, 9))
    (range(0, 14), range(18, 32))
    """
    return receptive_field_function(model, layer, elementwise)(position)


def receptive_field_function(
    model: keras.Model, layer: str, elementwise: Iterable[type] = ()
) -> Callable[[Sequence[int]], tuple[range, ...]]:
    """Return a function from a position of a layer to its receptive field.

    Args:
        model: as for `receptive_field_of`.
        layer: as for `receptive_field_of`.
        elementwise: as for `receptive_field_of`.

    Raises:
        InputError: as `receptive_field_of`.
    """
    arithmetics = _layers_until(model, layer, elementwise)
    last, image = arithmetics[-1], arithmetics[0].shape[:-1]
    image_axes = last.receptive_field.image_axes
    if len(image_axes) != len(image):
        raise InputError(
            f"layer {layer!r} of {model.name} has no positions: each of its values depends on the whole image"
        )
    sides = [last.shape[number] for number, _ in image_axes]

    def receptive_field(position: Sequence[int]) -> tuple[range, ...]:
        if len(position) != len(sides) or not all(0 <= at < side for at, side in zip(position, sides, strict=True)):
            allowed = f"within the {'×'.join(map(str, sides))} positions of {layer!r}"
            raise checks.refusal("position", allowed, position)
        if last.receptive_field.whole:
            return tuple(range(side) for side in image)
        return tuple(_pixels(arithmetics, axis.side, at) for (_, axis), at in zip(image_axes, position, strict=True))

    return receptive_field


def _layers_until(model: keras.Model, layer: str, elementwise: Iterable[type]) -> list[Arithmetic]:
    """Return the arithmetic of the image and of every layer up to one."""
    if not isinstance(model, keras.Model):
        raise checks.refusal("model", "a Keras model, such as cnnzoo.lenet()", model)
    survey = surveyed(model, None, elementwise)
    if any(len(row.input_shapes) > 1 or "/" in row.name for row in survey.rows) or len(model.inputs) != 1:
        raise InputError(
            f"the receptive field of a position is known for nets without branches and nested models; {model.name} "
            "has some"
        )
    names = [row.name for row in survey.rows]
    if layer not in names[1:]:
        raise unknown(f"layer of {model.name}", layer, names[1:], plural=f"layers of {model.name}")
    return survey.arithmetics[: names.index(layer) + 1]


def _pixels(arithmetics: Sequence[Arithmetic], side: int, position: int) -> range:
    """Return the pixels along one side of the image that a position depends on, going back layer by layer."""
    first = last = position
    for before, layer in zip(arithmetics[-2::-1], arithmetics[:0:-1], strict=True):
        for number, axis in before.receptive_field.image_axes:
            if axis.side == side and number < len(layer.steps):
                step = layer.steps[number]
                inputs = [index for end in (first, last) for index in step.receptive_field(end)]
                if not inputs:  # between the windows of a transposed convolution
                    return range(0)
                first, last = max(min(inputs), 0), min(max(inputs), step.size - 1)
    return range(first, last + 1)
