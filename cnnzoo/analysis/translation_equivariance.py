"""Does a net's answer move along with its image?"""

import dataclasses
import itertools
import math
from collections.abc import Iterable
from fractions import Fraction

import keras
import numpy as np

from cnnzoo.analysis.arithmetic import Arithmetic
from cnnzoo.analysis.graph import graph_inputs
from cnnzoo.analysis.receptive_field import MINGLED, Field
from cnnzoo.analysis.report import surveyed
from cnnzoo.errors import InputError, reason

TOLERANCE = 1e-4  # of the outputs' range: what the order of floating-point sums may change

# For each side of the image, and each place along it, whether it sees nothing but the image.
Clear = list[list[bool]]


@dataclasses.dataclass(frozen=True)
class Moved:
    """What a shift of the image does to the outputs of one layer.

    Attributes:
        name: the layer's name.
        jump: pixels of the image between two places, one above the other; a fraction after upsampling, `None`
            where the layer has no places.
        places: number of places a side that were compared; 0 where the border reaches everywhere.
        difference: largest difference between the moved outputs and the outputs of the moved image, as a share
            of the outputs' range; `None` where nothing could be compared.
    """

    name: str
    jump: Fraction | None
    places: int
    difference: float | None

    @property
    def equivariant(self) -> bool | None:
        """Whether the outputs move along with the image; `None` where nothing could be compared."""
        return None if self.difference is None else self.difference <= TOLERANCE


def equivariance(model: keras.Model, images, shift: int, *, elementwise: Iterable[type] = ()) -> list[Moved]:
    """Compare what a net makes of an image and of the same image shifted, layer by layer.

    Two windows of the model's size are cut out of larger images, `shift` pixels down and right of one
    another, so that new content moves in, as with a camera. A convolution or pooling layer with jump j
    answers to the second as to the first, shift/j places on, if that is whole for it and all layers before.
    Where shift/j is not whole, the place before is compared, and a difference is what is to be expected.
    Places that see the padding are left out. A dense layer has no places, and its outputs are compared as
    they are.

    Args:
        model: a functional or Sequential model without branches, with one image as its input.
        images: float array `(batch, height, width, channels)`, at least `shift` pixels larger a side than
            the model's input, in the model's own scale.
        shift: how far to shift, in pixels; an integer ≥ 1.
        elementwise: layer classes of your own that compute each output from the inputs at its place.

    Returns:
        One entry for each layer after the input.

    Raises:
        InputError: the images are too small, the shift is no positive integer, or the model is no chain of
            known layers with one image of a fixed size as its input.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(1, 40, 40, 1)).astype("float32")
    >>> moved = equivariance(cnnzoo.lenet(), images, shift=4)
    >>> [(layer.name, layer.equivariant) for layer in moved if layer.name in ("C1", "C3", "F6")]
    [('C1', True), ('C3', True), ('F6', False)]
    """
    height, width, channels = _image_of(model)
    images = _checked(images, model.name, (height, width, channels), shift)
    arithmetics = surveyed(model, None, elementwise).arithmetics
    layers = _chain(model, len(arithmetics))
    every_layer = keras.Model(model.inputs, [layer.output for layer in layers])
    before = every_layer.predict(images[:, :height, :width], verbose=0)
    after = every_layer.predict(images[:, shift : shift + height, shift : shift + width], verbose=0)
    return [
        _moved(layer.name, arithmetic.field, clear, shift, one, other)
        for layer, arithmetic, clear, one, other in zip(
            layers, arithmetics[1:], _clear(arithmetics), _listed(before), _listed(after), strict=True
        )
    ]


def _image_of(model: keras.Model) -> tuple[int, int, int]:
    """Return the sides and the depth of the image that a model takes."""
    if not isinstance(model, keras.Model):
        raise InputError(f"equivariance takes a Keras model, such as cnnzoo.create('lenet'), not {model!r}")
    shapes = [tuple(tensor.shape[1:]) for tensor in graph_inputs(model)]
    if len(shapes) != 1 or len(shapes[0]) != 3 or None in shapes[0]:
        raise InputError(
            f"equivariance takes models with one input (height, width, channels) of a fixed size, and {model.name} "
            f"takes {' and '.join(map(str, shapes))}"
        )
    return shapes[0]


def _checked(images, name: str, image: tuple[int, int, int], shift: int) -> np.ndarray:
    if not isinstance(shift, int) or isinstance(shift, bool) or shift < 1:
        raise InputError(f"shift must be an integer of at least 1, not {shift!r}")
    try:
        images = np.asarray(images, "float32")
    except (TypeError, ValueError) as error:
        raise InputError(f"images must be an array of numbers: {reason(error)}") from error
    wanted = (1, image[0] + shift, image[1] + shift, image[2])
    fits = images.ndim == 4 and images.shape[3] == wanted[3]
    if not fits or any(side < least for side, least in zip(images.shape, wanted, strict=True)):
        raise InputError(
            f"images must be (batch, ≥ {wanted[1]}, ≥ {wanted[2]}, {wanted[3]}) for {name} and a shift of "
            f"{shift}, not {images.shape}"
        )
    return images


def _chain(model: keras.Model, calls: int) -> list[keras.Operation]:
    """Return the layers after the input, each of which takes what the one before it gives."""
    layers = keras.Function(model.inputs, model.outputs).operations
    if len(layers) != calls or any(after.input is not before.output for before, after in itertools.pairwise(layers)):
        raise InputError(
            f"equivariance follows nets without branches, nested models or shared layers, and {model.name} has some"
        )
    return layers[1:]


def _listed(outputs) -> list[np.ndarray]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _clear(arithmetics: list[Arithmetic]) -> list[Clear]:
    """Return which places see nothing but the image, for each layer after the input."""
    clear = [[True] * side for side in arithmetics[0].field.image]
    found = []
    for before, layer in itertools.pairwise(arithmetics):
        clear = list(clear)
        for axis, step in zip(before.field.axes, layer.steps, strict=False):
            if axis and axis != MINGLED:
                seen = clear[axis.side]
                clear[axis.side] = [
                    all(0 <= place < step.size and seen[place] for place in step.seen(output))
                    for output in range(step.outputs)
                ]
        found.append(clear)
    return found


def _moved(name: str, field: Field, clear: Clear, shift: int, before: np.ndarray, after: np.ndarray) -> Moved:
    scale = float(np.ptp(before)) or 1.0
    along = {axis.side: (number, axis.jump) for number, axis in enumerate(field.axes, 1) if axis and axis != MINGLED}
    if len(along) < 2:
        return Moved(name, None, 0, float(np.abs(before - after).max()) / scale)
    places = []
    for side, (number, jump) in along.items():
        step = math.floor(shift / jump)
        kept = [place for place in range(len(clear[side]) - step) if clear[side][place] and clear[side][place + step]]
        after = after.take(np.array(kept, int), axis=number)
        before = before.take(np.array(kept, int) + step, axis=number)
        places.append(len(kept))
    difference = float(np.abs(before - after).max()) / scale if min(places) else None
    return Moved(name, along[0][1], min(places), difference)
