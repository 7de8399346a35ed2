"""Activations of a net's layers, and the images and positions with a unit's top activations."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.layer_receptive_fields import receptive_field_function
from cnnzoo.errors import InputError, reason
from cnnzoo.layers.graph import graph_inputs, outputs_of_layers

BATCH = 250  # images a step
BYTES = 2**28  # of a layer's activations held at once


def activations(
    model: keras.Model, images, layers: Sequence[str], *, before_activation: bool = False
) -> dict[str, np.ndarray]:
    """Return the activations of layers for images, as at inference.

    Args:
        model: a functional or Sequential model with one input.
        images: float array `(batch, *input_shape)`, in the model's own scale.
        layers: names of layers, as `cnnzoo.conv_report` prints them: `"inner/conv1"` inside of a model that is used as
            a layer, `"conv1 (call 2)"` where a layer is called again.
        before_activation: whether to return the sums to which a layer's own activation is applied; of one layer only.

    Returns:
        For each layer, a float32 array `(batch, …)`.

    Raises:
        InputError: there is no such layer, the images do not fit the model, or several layers before activation.

    Example:
    >>> import cnnzoo
    >>> activations(cnnzoo.lenet(), np.zeros((2, 32, 32, 1)), ["C1"])["C1"].shape
    (2, 28, 28, 6)
    """
    images = images_for(model, images)
    outputs_of = activations_function(model, layers, before_activation=before_activation)
    parts = [outputs_of(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    return {name: np.concatenate([part[name] for part in parts]) for name in layers}


def activations_function(
    model: keras.Model, layers: Sequence[str], *, before_activation: bool = False
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return a function from one batch of images to each layer's activations.

    Raises:
        InputError: there is no such layer, or several layers are to be taken before their activation.
    """
    if before_activation and len(layers) != 1:
        raise checks.refusal("layers", "one layer with before_activation=True", list(layers))
    linear = layers[0] if before_activation else None

    def outputs_of(batch: np.ndarray) -> dict[str, np.ndarray]:
        outputs = outputs_of_layers(model, [keras.ops.convert_to_tensor(batch)], layers, before_activation=linear)
        return {name: keras.ops.convert_to_numpy(keras.ops.cast(outputs[name], "float32")) for name in layers}

    return outputs_of


def images_for(model: keras.Model, images) -> np.ndarray:
    """Return images as float32, in the shape that a model takes.

    Raises:
        InputError: no Keras model, images of another shape, or none at all.
    """
    if not isinstance(model, keras.Model):
        raise checks.refusal("model", "a Keras model, such as cnnzoo.lenet()", model)
    inputs = graph_inputs(model)
    shape = tuple(inputs[0].shape)
    images = numeric(images)
    fits = images.ndim == len(shape) and all(
        side in (None, received) for side, received in zip(shape[1:], images.shape[1:], strict=True)
    )
    if len(inputs) != 1 or not fits or not len(images):
        raise InputError(
            f"`images` for {model.name} must be an array ({', '.join(map(str, ('batch', *shape[1:])))}) of at least "
            f"one image. Received the shape: {images.shape}"
        )
    if not np.isfinite(images).all():
        raise InputError(f"`images` must be finite numbers. Received: {images[~np.isfinite(images)][0]}")
    return images


def numeric(images) -> np.ndarray:
    """Return images as a float32 array.

    Raises:
        InputError: they are no array of numbers.
    """
    try:
        return np.asarray(images, "float32")
    except (TypeError, ValueError) as error:
        raise InputError(f"`images` must be an array of numbers: {reason(error)}") from error


def checked_units(units: Sequence[int], count: int, layer: str) -> list[int]:
    """Return indices of units of a layer, at least one.

    Args:
        units: the indices.
        count: how many units the layer has.
        layer: its name.

    Raises:
        InputError: none, or an index out of range.

    Example:
    >>> checked_units(range(2), 6, "C1")
    [0, 1]
    """
    given = list(units) if isinstance(units, Sequence | np.ndarray) else []
    if not given or not all(checks.is_integer(unit) and 0 <= unit < count for unit in given):
        allowed = f"integers from 0 to {count - 1}, the units of {layer!r}"
        raise checks.refusal("units", allowed, given or units)
    return [int(unit) for unit in given]


@dataclasses.dataclass(frozen=True, eq=False)
class TopActivations:
    """The images and positions with the top activations of a unit, or of a map of units.

    Attributes:
        unit: index of the unit or map.
        values: float32 array `(count,)`, its activations there, largest first.
        images: integer array `(count,)`, indices of the images.
        regions: for each, the receptive field of the position, as rows and columns of the image; all of them for a
            dense layer.
    """

    unit: int
    values: np.ndarray
    images: np.ndarray
    regions: tuple[tuple[range, ...], ...]


def top_activations(
    model: keras.Model,
    images,
    layer: str,
    units: Sequence[int] | None = None,
    count: int = 9,
    *,
    before_activation: bool = False,
):
    """Find the images and positions with the top activations of units of a layer, one position per image.

    Args:
        model: a functional or Sequential model with one image as its input.
        images: float array `(batch, height, width, channels)`, in the model's own scale.
        layer: name of a layer of maps, or of a dense one, as `cnnzoo.conv_report` prints it.
        units: indices of maps or units; `None` for all.
        count: images per unit; from 1 to the number of images.
        before_activation: whether units are ranked by the sums to which the layer's own activation is applied. At the
            ceiling of a tanh many activations are nearly the same number; their sums are not.

    Returns:
        A list of `TopActivations`, one for each unit.

    Raises:
        InputError: no such layer or unit, a count out of range, or images that do not fit.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, figure 2.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(20, 32, 32, 1))
    >>> [top] = top_activations(cnnzoo.lenet(), images, "C3", units=[5], count=3)
    >>> top.values.shape, [len(rows) for rows, columns in top.regions]
    ((3,), [14, 14, 14])
    """
    images = images_for(model, images)
    count = checks.integer("count", count, 1, len(images), of="the number of images")
    values, positions, sides = _maxima(model, images, layer, before_activation)
    units = range(values.shape[1]) if units is None else checked_units(units, values.shape[1], layer)
    region = _region_function(model, layer, sides, images.shape[1:3])
    top = []
    for unit in units:
        order = np.argsort(-values[:, unit], kind="stable")[:count]
        regions = tuple(region(positions[image, unit]) for image in order)
        top.append(TopActivations(unit, values[order, unit], order, regions))
    return top


def _maxima(
    model: keras.Model, images: np.ndarray, layer: str, before_activation: bool
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return each image's largest activation of each unit, its flat position in the map, and the map's sides."""
    outputs_of = activations_function(model, [layer], before_activation=before_activation)
    batch = max(1, min(BATCH, BYTES // max(1, outputs_of(images[:1])[layer].nbytes)))
    values, positions, sides = [], [], ()
    for start in range(0, len(images), batch):
        outputs = outputs_of(images[start : start + batch])[layer]
        sides = outputs.shape[1:-1]
        flat = outputs.reshape(len(outputs), -1, outputs.shape[-1])
        values.append(flat.max(axis=1))
        positions.append(flat.argmax(axis=1))
    return np.concatenate(values), np.concatenate(positions), sides


def _region_function(
    model: keras.Model, layer: str, sides: tuple[int, ...], image: tuple[int, ...]
) -> Callable[[int], tuple[range, ...]]:
    """Return a function from a flat position in a layer's map to its receptive field."""
    if not sides:
        return lambda position: tuple(map(range, image))
    receptive_field = receptive_field_function(model, layer)
    return lambda position: receptive_field(tuple(map(int, np.unravel_index(position, sides))))
