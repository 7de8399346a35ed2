"""Which part of the image one place of a layer sees."""

from collections.abc import Callable, Iterable, Sequence

import keras

from cnnzoo.analysis.arithmetic import Arithmetic
from cnnzoo.analysis.receptive_field import MINGLED
from cnnzoo.analysis.report import surveyed
from cnnzoo.errors import InputError, unknown


def receptive_field_of(
    model: keras.Model, layer: str, place: Sequence[int], *, elementwise: Iterable[type] = ()
) -> tuple[range, ...]:
    """Return the pixels that one place of a layer's maps sees, along each side of the image.

    Args:
        model: a functional or Sequential model without branches, with one image of a fixed size as its input.
        layer: name of a layer whose outputs have places.
        place: row and column of the place, from 0.
        elementwise: layer classes of your own that compute each output from the inputs at its place.

    Returns:
        The rows and the columns of the image, those in the padding left out.

    Raises:
        InputError: no such layer or place, or the model is no such chain of known layers.

    Example:
    >>> import cnnzoo
    >>> receptive_field_of(cnnzoo.lenet(), "C3", (0, 9))
    (range(0, 14), range(18, 32))
    """
    return receptive_field(model, layer, elementwise)(place)


def receptive_field(
    model: keras.Model, layer: str, elementwise: Iterable[type] = ()
) -> Callable[[Sequence[int]], tuple[range, ...]]:
    """Return what tells of each place of a layer which pixels it sees; the arguments are those of `receptive_field_of`.

    Raises:
        InputError: as `receptive_field_of`.
    """
    arithmetics = _until(model, layer, elementwise)
    last, image = arithmetics[-1], arithmetics[0].shape[:-1]
    axes = [axis for axis in last.field.axes if axis and axis != MINGLED]
    if len(axes) != len(image):
        raise InputError(f"layer {layer!r} of {model.name} has no places: each of its values sees the whole image")
    sides = [last.shape[number] for number, axis in enumerate(last.field.axes) if axis and axis != MINGLED]

    def seen(place: Sequence[int]) -> tuple[range, ...]:
        if len(place) != len(sides) or not all(0 <= at < side for at, side in zip(place, sides, strict=True)):
            raise InputError(f"place must be within the {'×'.join(map(str, sides))} places of {layer!r}, not {place!r}")
        if last.field.whole:
            return tuple(range(side) for side in image)
        return tuple(_back(arithmetics, axis.side, at) for axis, at in zip(axes, place, strict=True))

    return seen


def _until(model: keras.Model, layer: str, elementwise: Iterable[type]) -> list[Arithmetic]:
    """Return the arithmetic of the image and of every layer up to one."""
    if not isinstance(model, keras.Model):
        raise InputError(f"what a layer sees is read off a Keras model, such as cnnzoo.lenet(), not {model!r}")
    survey = surveyed(model, None, elementwise)
    if any(len(row.input_shapes) > 1 or "/" in row.name for row in survey.rows) or len(model.inputs) != 1:
        raise InputError(
            f"what a layer sees is known for nets without branches and nested models; {model.name} has some"
        )
    names = [row.name for row in survey.rows]
    if layer not in names[1:]:
        raise unknown(f"layer of {model.name}", layer, names[1:], plural=f"layers of {model.name}")
    return survey.arithmetics[: names.index(layer) + 1]


def _back(arithmetics: Sequence[Arithmetic], side: int, place: int) -> range:
    """Return the pixels along one side that a place sees, going down layer by layer."""
    first = last = place
    for before, layer in zip(arithmetics[-2::-1], arithmetics[:0:-1], strict=True):
        for axis, step in zip(before.field.axes, layer.steps, strict=False):
            if axis and axis != MINGLED and axis.side == side:
                seen = [pixel for each in (first, last) for pixel in step.seen(each)]
                if not seen:  # between the windows that a transposed convolution lays down
                    return range(0)
                first, last = max(min(seen), 0), min(max(seen), step.size - 1)
    return range(first, last + 1)
