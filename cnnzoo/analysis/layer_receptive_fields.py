"""The receptive field of one position of a layer, as rows and columns of the image."""

from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.report import surveyed
from cnnzoo.analysis.sides import hull
from cnnzoo.checks import is_integer
from cnnzoo.errors import InputError, unknown
from cnnzoo.layers.graph import graph_inputs


def receptive_field_of(
    model: keras.Model, layer: str, position: Sequence[int], *, elementwise: Iterable[type] = ()
) -> tuple[range, ...]:
    """Return the receptive field of one position of a layer's maps: its pixels along each side of the image.

    Where branches of a net meet, it reaches from the first pixel of all to the last of all.

    Args:
        model: a functional or Sequential model with one image of a fixed size as its input.
        layer: name of a layer whose outputs have positions, as `cnnzoo.conv_report` prints it: `"inner/conv1"` inside
            of a model that is used as a layer.
        position: row and column of the position, from 0.
        elementwise: layer classes of your own that compute each output from the inputs at its position.

    Returns:
        The rows and the columns of the image, those in the padding left out.

    Raises:
        InputError: no such layer or position, several inputs, or a layer type that has no formula.

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
    if not isinstance(model, keras.Model):
        raise checks.refusal("model", "a Keras model, such as cnnzoo.lenet()", model)
    if len(graph_inputs(model)) != 1:
        raise InputError(f"the receptive field of a position is known for nets of one image; {model.name} takes more")
    survey = surveyed(model, None, elementwise, bordered=True)
    arithmetics = dict(zip([row.name for row in survey.rows], survey.arithmetics, strict=True))
    image = survey.rows[0].name
    if layer not in arithmetics or layer == image:
        raise unknown(f"layer of {model.name}", layer, arithmetics.keys() - {image}, plural=f"layers of {model.name}")
    field, shape = arithmetics[layer].receptive_field, arithmetics[layer].shape
    [parts] = field.images.values()
    if len(field.image_axes) != len(parts[0]):
        raise InputError(
            f"layer {layer!r} of {model.name} has no positions: each of its values depends on the whole image"
        )
    sides = [shape[number] for number, _ in field.image_axes]

    def receptive_field(position: Sequence[int]) -> tuple[range, ...]:
        given = tuple(position) if isinstance(position, Sequence | np.ndarray) else ()
        if len(given) != len(sides) or not all(
            is_integer(at) and 0 <= at < side for at, side in zip(given, sides, strict=True)
        ):
            allowed = f"within the {'×'.join(map(str, sides))} positions of {layer!r}"
            raise checks.refusal("position", allowed, position)
        places = [(axis.side, at) for (_, axis), at in zip(field.image_axes, position, strict=True)]
        read = [[sides[number].at(at) for number, at in places] for sides in parts]
        read = [spans for spans in read if None not in spans]  # in the padding, or between windows
        if not read:
            return (range(0),) * len(sides)
        hulls = dict(zip((number for number, _ in places), map(hull, zip(*read, strict=True)), strict=True))
        found = (hulls[number] for number in sorted(hulls))  # of the image, whose sides a layer may have changed around
        return tuple(range(int(first), int(last) + 1) for first, last in filter(None, found))

    return receptive_field
