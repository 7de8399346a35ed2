"""Translation equivariance: whether a layer's outputs shift along with the image."""

import dataclasses
import itertools
import math
from collections.abc import Iterable
from fractions import Fraction

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.arithmetic import Arithmetic
from cnnzoo.analysis.layer_activations import numeric
from cnnzoo.analysis.receptive_field import ReceptiveField
from cnnzoo.analysis.report import surveyed
from cnnzoo.errors import InputError
from cnnzoo.keras_internals import Call
from cnnzoo.layers.graph import calls, graph_inputs

TOLERANCE = 1e-4  # of the outputs' range, for the order of floating-point sums

# For each side of the image, and each position along it, whether its receptive field is within the image.
Inside = list[list[bool]]


@dataclasses.dataclass(frozen=True)
class LayerEquivariance:
    """The translation equivariance of one layer.

    Attributes:
        name: the layer's name.
        jump: pixels of the image between two neighboring positions; a fraction after upsampling, `None` where the
            layer has no positions.
        positions: number of positions per side that were compared; 0 where the border reaches everywhere.
        difference: largest difference between the shifted outputs and the outputs for the shifted image, as a
            fraction of the outputs' range; `None` where nothing could be compared.
    """

    name: str
    jump: Fraction | None
    positions: int
    difference: float | None

    @property
    def equivariant(self) -> bool | None:
        """Whether the outputs shift along with the image; `None` where nothing could be compared."""
        return None if self.difference is None else self.difference <= TOLERANCE


def equivariance(
    model: keras.Model, images, shift: int, *, elementwise: Iterable[type] = ()
) -> list[LayerEquivariance]:
    """Compare a net's outputs for an image and for the same image shifted, layer by layer.

    Two windows of the model's size are cut out of larger images, `shift` pixels down and right of one
    another, so that new content moves in, as with a camera. A convolution or pooling layer with jump j has
    the same outputs for both, shifted by shift/j positions, if that is whole for it and all layers before.
    Where shift/j is not whole, the position before is compared, and a difference is to be expected.
    Positions that depend on the padding are left out. A dense layer has no positions, and its outputs are
    compared as they are.

    Args:
        model: a functional or Sequential model without branches, with one image as its input.
        images: float array `(batch, height, width, channels)`, at least `shift` pixels larger per side than
            the model's input, in the model's own scale.
        shift: how far to shift, in pixels; an integer ≥ 1.
        elementwise: layer classes of your own that compute each output from the inputs at its position.

    Returns:
        One entry for each layer after the input.

    Raises:
        InputError: the images are too small, the shift is no positive integer, or the model is no chain of
            known layers with one image of a fixed size as its input.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(1, 40, 40, 1)).astype("float32")
    >>> layers = equivariance(cnnzoo.lenet(), images, shift=4)
    >>> [(layer.name, layer.equivariant) for layer in layers if layer.name in ("C1", "C3", "F6")]
    [('C1', True), ('C3', True), ('F6', False)]
    """
    height, width, channels = _image_shape(model)
    images = _checked_images(images, model.name, (height, width, channels), shift)
    arithmetics = surveyed(model, None, elementwise).arithmetics
    chain = _chain(model, len(arithmetics) - 1)
    all_layers = keras.Model(model.inputs, [call.outputs[0] for call in chain])
    before = all_layers.predict(images[:, :height, :width], verbose=0)
    after = all_layers.predict(images[:, shift : shift + height, shift : shift + width], verbose=0)
    return [
        _compared(call.layer.name, arithmetic.receptive_field, inside, shift, *outputs)
        for call, arithmetic, inside, *outputs in zip(
            chain, arithmetics[1:], _inside(arithmetics), _listed(before), _listed(after), strict=True
        )
    ]


def _image_shape(model: keras.Model) -> tuple[int, int, int]:
    """Return the height, width and channels of the image that a model takes."""
    if not isinstance(model, keras.Model):
        raise checks.refusal("model", "a Keras model, such as cnnzoo.create('lenet')", model)
    shapes = [tuple(tensor.shape[1:]) for tensor in graph_inputs(model)]
    if len(shapes) != 1 or len(shapes[0]) != 3 or None in shapes[0]:
        raise InputError(
            f"equivariance takes models with one input (height, width, channels) of a fixed size, and {model.name} "
            f"takes {' and '.join(map(str, shapes))}"
        )
    return shapes[0]


def _checked_images(images, name: str, image: tuple[int, int, int], shift: int) -> np.ndarray:
    images, shift = numeric(images), checks.integer("shift", shift)
    least = (1, image[0] + shift, image[1] + shift, image[2])
    fits = images.ndim == 4 and images.shape[3] == least[3]
    if not fits or any(side < smallest for side, smallest in zip(images.shape, least, strict=True)):
        raise InputError(
            f"`images` must be (batch, ≥ {least[1]}, ≥ {least[2]}, {least[3]}) for {name} and a shift of {shift}. "
            f"Received the shape: {images.shape}"
        )
    return images


def _chain(model: keras.Model, count: int) -> list[Call]:
    """Return the calls of layers, each of which takes the output of the one before it."""
    chain = calls(model)
    before = [model.inputs[0], *(call.outputs[0] for call in chain)]
    follows = all([id(tensor)] == [*map(id, call.inputs)] for call, tensor in zip(chain, before, strict=False))
    if len(chain) != count or len({id(call.layer) for call in chain}) != count or not follows:
        raise InputError(
            f"equivariance follows nets without branches, nested models or shared layers, and {model.name} has some"
        )
    return chain


def _listed(outputs) -> list[np.ndarray]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _inside(arithmetics: list[Arithmetic]) -> list[Inside]:
    """Return which positions have receptive fields within the image, for each layer after the input."""
    inside = [[True] * side for side in arithmetics[0].receptive_field.image]
    of_layers = []
    for before, layer in itertools.pairwise(arithmetics):
        inside = list(inside)
        for number, axis in before.receptive_field.image_axes:
            if number < len(layer.steps):
                step, inputs = layer.steps[number], inside[axis.side]
                inside[axis.side] = [
                    all(0 <= index < step.size and inputs[index] for index in step.receptive_field(output))
                    for output in range(step.outputs)
                ]
        of_layers.append(inside)
    return of_layers


def _compared(
    name: str, receptive_field: ReceptiveField, inside: Inside, shift: int, before: np.ndarray, after: np.ndarray
) -> LayerEquivariance:
    """Return the equivariance of a layer from its outputs for the image and for the shifted one."""
    scale = float(np.ptp(before)) or 1.0
    axes = {axis.side: (number + 1, axis.jump) for number, axis in receptive_field.image_axes}
    if len(axes) < 2:
        return LayerEquivariance(name, None, 0, float(np.abs(before - after).max()) / scale)
    positions = []
    for side, (number, jump) in axes.items():
        step = math.floor(shift / jump)
        kept = [at for at in range(len(inside[side]) - step) if inside[side][at] and inside[side][at + step]]
        after = after.take(np.array(kept, int), axis=number)
        before = before.take(np.array(kept, int) + step, axis=number)
        positions.append(len(kept))
    difference = float(np.abs(before - after).max()) / scale if min(positions) else None
    return LayerEquivariance(name, axes[0][1], min(positions), difference)
