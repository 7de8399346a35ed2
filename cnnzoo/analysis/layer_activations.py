"""What a net's layers answer: all their maps, and the places that answer most strongly."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from cnnzoo.analysis.graph import graph_inputs
from cnnzoo.analysis.seen import receptive_field
from cnnzoo.errors import InputError, reason, unknown

BATCH = 250  # images a step
BYTES = 2**28  # of a layer's answers held at once


def activations(model: keras.Model, images, layers: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what layers answer to images, as at inference.

    Args:
        model: a functional or Sequential model with one input.
        images: float array `(batch, *input_shape)`, in the model's own scale.
        layers: names of layers.

    Returns:
        For each layer, a float32 array `(batch, …)`.

    Raises:
        InputError: there is no such layer, or the images do not fit the model.

    Example:
    >>> import cnnzoo
    >>> activations(cnnzoo.lenet(), np.zeros((2, 32, 32, 1)), ["C1"])["C1"].shape
    (2, 28, 28, 6)
    """
    images = images_for(model, images)
    answers = answering(model, layers)
    parts = [answers(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    return {name: np.concatenate([part[name] for part in parts]) for name in layers}


def answering(model: keras.Model, layers: Sequence[str]) -> Any:
    """Return a function from one batch of images to what each layer answers.

    Raises:
        InputError: there is no such layer.
    """
    names = [layer.name for layer in model.layers]
    for name in layers:
        if name not in names:
            raise unknown(f"layer of {model.name}", name, names, plural=f"layers of {model.name}")
    # A function, not a model: a model would add calls to the layers, and be traced anew for each batch size.
    wanted = keras.Function(graph_inputs(model)[0], [model.get_layer(name).output for name in layers])

    def answers(batch: np.ndarray) -> dict[str, np.ndarray]:
        return {
            name: keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))
            for name, output in zip(layers, wanted(batch), strict=True)
        }

    return answers


def images_for(model: keras.Model, images) -> np.ndarray:
    """Return images as float32, if they are what a model takes.

    Raises:
        InputError: no Keras model, images of another shape, or none at all.
    """
    if not isinstance(model, keras.Model):
        raise InputError(f"model must be a Keras model, such as cnnzoo.lenet(), not {model!r}")
    inputs = graph_inputs(model)
    shape = tuple(inputs[0].shape)
    try:
        images = np.asarray(images, "float32")
    except (TypeError, ValueError) as error:
        raise InputError(f"images must be an array of numbers: {reason(error)}") from error
    fits = images.ndim == len(shape) and all(
        own in (None, given) for own, given in zip(shape[1:], images.shape[1:], strict=True)
    )
    if len(inputs) != 1 or not fits or not len(images):
        raise InputError(
            f"images for {model.name} must be an array ({', '.join(map(str, ('batch', *shape[1:])))}) of at least one "
            f"image, not {images.shape}"
        )
    if not np.isfinite(images).all():
        raise InputError("images must be finite numbers; some of those received are not")
    return images


@dataclasses.dataclass(frozen=True, eq=False)
class TopActivations:
    """The images and places that a unit, or a map of units, answers to most strongly.

    Attributes:
        unit: number of the unit or map.
        values: float32 array `(count,)`, what it answers there, largest first.
        images: integer array `(count,)`, numbers of the images.
        regions: for each, the rows and the columns of the image that the place sees; all of them for a dense layer.
    """

    unit: int
    values: np.ndarray
    images: np.ndarray
    regions: tuple[tuple[range, ...], ...]


def top_activations(model: keras.Model, images, layer: str, units: Sequence[int] | None = None, count: int = 9):
    """Find the images and places that units of a layer answer to most strongly, one place an image.

    Args:
        model: a functional or Sequential model without branches, with one image as its input.
        images: float array `(batch, height, width, channels)`, in the model's own scale.
        layer: name of a layer of maps, or of a dense one.
        units: numbers of maps or units; `None` for all.
        count: how many images a unit; from 1 to the number of images.

    Returns:
        A list of `TopActivations`, one for each unit.

    Raises:
        InputError: no such layer or unit, a count out of range, or images that do not fit.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, figure 2.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(20, 32, 32, 1))
    >>> [found] = top_activations(cnnzoo.lenet(), images, "C3", units=[5], count=3)
    >>> found.values.shape, [len(rows) for rows, columns in found.regions]
    ((3,), [14, 14, 14])
    """
    images = images_for(model, images)
    if type(count) is not int or not 1 <= count <= len(images):
        raise InputError(f"count must be an integer of 1 to the {len(images)} images, not {count!r}")
    values, places, shape = _maxima(model, images, layer)
    every = values.shape[1]
    units = range(every) if units is None else units
    if any(not isinstance(unit, int | np.integer) or not 0 <= unit < every for unit in units):
        raise InputError(f"units must be integers of 0 to {every - 1}, the units of {layer!r}, not {list(units)!r}")
    region, found = _regions(model, layer, shape, images.shape[1:3]), []
    for unit in units:
        order = np.argsort(-values[:, unit], kind="stable")[:count]
        where = [region(places[image, unit]) for image in order]
        found.append(TopActivations(int(unit), values[order, unit], order, tuple(where)))
    return found


def _maxima(model: keras.Model, images: np.ndarray, layer: str) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return each image's strongest answer of each unit, the place where it is, and the sides of the maps."""
    answers = answering(model, [layer])
    batch = max(1, min(BATCH, BYTES // (4 * max(1, int(np.prod(model.get_layer(layer).output.shape[1:]))))))
    values, places, sides = [], [], ()
    for start in range(0, len(images), batch):
        found = answers(images[start : start + batch])[layer]
        sides = found.shape[1:-1]
        flat = found.reshape(len(found), -1, found.shape[-1])
        values.append(flat.max(axis=1))
        places.append(flat.argmax(axis=1))
    return np.concatenate(values), np.concatenate(places), sides


def _regions(
    model: keras.Model, layer: str, sides: tuple[int, ...], image: tuple[int, ...]
) -> Callable[[int], tuple[range, ...]]:
    """Return what tells which part of the image the place of a number sees."""
    if not sides:
        return lambda place: tuple(map(range, image))
    seen = receptive_field(model, layer)
    return lambda place: seen(tuple(int(at) for at in np.unravel_index(place, sides)))
