"""An autoencoder's encoder and decoder, with the methods of a linear code; and codes with labels."""

import dataclasses
import math
from typing import Protocol

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.reconstruction.linear_codes import checked_codes, checked_shape, peak_of, pixels
from cnnzoo.errors import InputError
from cnnzoo.layers.graph import Subgraph, graph_inputs, output_of
from cnnzoo.models.halves import penalized_code

CODE = "code"  # the layer whose outputs are the code, by its name
BATCH = 500  # images a step of prediction


class Coder(Protocol):
    """An encoder and a decoder of images: a `LinearCode` or a `ModelCode`."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    def encode(self, images) -> np.ndarray: ...
    def decode(self, codes) -> np.ndarray: ...
    def reconstruct(self, images) -> np.ndarray: ...


class ModelCode:
    """The encoder and the decoder of a Keras autoencoder, which is split at its layer `code`.

    Both share the model's weights. A code of more axes than one, as of a convolutional net, is flattened.
    Layers that corrupt images in training do nothing here.

    Args:
        model: a functional or Sequential autoencoder with one input of a fixed size: pixels of 0 to 1, or signals or
            vectors of any finite values.

    Raises:
        InputError: no Keras model, an output that is not of the input's shape, no layer `code`, or a path
            from the input to the output that bypasses it.

    Example:
    >>> inputs = keras.Input((4, 4, 1))
    >>> code = keras.layers.Dense(2, name="code")(keras.layers.Flatten()(inputs))
    >>> outputs = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(code))
    >>> coder = ModelCode(keras.Model(inputs, outputs))
    >>> coder.size, coder.encode(np.zeros((3, 4, 4, 1))).shape
    (2, (3, 2))
    """

    def __init__(self, model: keras.Model):
        self.model = checked_autoencoder(model)
        if CODE not in {layer.name for layer in model.layers}:
            raise InputError(f"model {model.name!r} has no layer {CODE!r}, whose output is taken as the code")
        code = output_of(model, CODE)
        self.image_shape = tuple(model.outputs[0].shape[1:])
        self.code_shape = tuple(code.shape[1:])
        self.peak = peak_of(self.image_shape)
        # No models: that of the decoder would add calls to the layers of the whole.
        self._encoder = Subgraph(graph_inputs(model)[0], code)
        try:
            self._decoder = Subgraph(penalized_code(model), model.outputs[0])
        except ValueError as error:
            raise InputError(f"the output of model {model.name!r} does not depend on its code alone") from error

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def size(self) -> int:
        """Numbers in a code."""
        return math.prod(self.code_shape)

    def encode(self, images) -> np.ndarray:
        """Return the codes of images.

        Args:
            images: array `(examples, *input_shape)`; uint8, or floats of 0 to 1.

        Returns:
            float32 array `(examples, size)`.

        Raises:
            InputError: images of another shape, or pixels outside 0 to 1.
        """
        images = checked_shape(pixels(images, peak=self.peak), self.image_shape, f"model {self.name!r}")
        return _in_batches(self._encoder, images).reshape(len(images), -1)

    def decode(self, codes) -> np.ndarray:
        """Return the images that codes stand for.

        Args:
            codes: float array `(examples, size)`.

        Returns:
            float32 array `(examples, *input_shape)`.

        Raises:
            InputError: codes of another size.
        """
        codes = checked_codes(codes, self.size, self.name)
        return _in_batches(self._decoder, codes.reshape(-1, *self.code_shape))

    def reconstruct(self, images) -> np.ndarray:
        """Return images encoded and decoded.

        Args:
            images: array `(examples, *input_shape)`; uint8, or floats of 0 to 1.

        Returns:
            float32 array of the same shape.

        Raises:
            InputError: as for `encode`.
        """
        return self.decode(self.encode(images))


def _in_batches(graph: Subgraph, values: np.ndarray) -> np.ndarray:
    starts = range(0, len(values), BATCH)
    parts = (keras.ops.convert_to_tensor(values[start : start + BATCH], "float32") for start in starts)
    return np.concatenate([keras.ops.convert_to_numpy(graph.run(part)).astype("float32") for part in parts])


def coder_of(model) -> Coder:
    """Return the `Coder` of a Keras autoencoder; a baseline is one already.

    Raises:
        InputError: neither of the two.

    Example:
    >>> from cnnzoo.analysis import pca
    >>> baseline = pca(np.eye(4).reshape(4, 2, 2), 2)
    >>> coder_of(baseline) is baseline
    True
    """
    if isinstance(model, keras.Model):
        return ModelCode(model)
    if all(hasattr(model, part) for part in ("name", "size", "encode", "decode", "reconstruct")):
        return model
    raise checks.refusal("model", "an autoencoder, or a baseline such as pca(images, 30)", model)


def checked_autoencoder(model) -> keras.Model:
    """Return a model, whose output must have the shape of its input.

    Raises:
        InputError: it is no Keras model, it has no graph, or its output has another shape.

    Example:
    >>> checked_autoencoder(keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)], name="m")).name
    'm'
    """
    if not isinstance(model, keras.Model):
        raise checks.refusal("model", "a Keras model", model)
    inputs = graph_inputs(model)
    shapes = [tuple(tensor.shape[1:]) for tensor in (*inputs, *model.outputs)]
    if len(shapes) != 2 or shapes[0] != shapes[1] or None in shapes[0]:
        raise InputError(
            f"an autoencoder has one input of a fixed size and one output of its shape; model {model.name!r} takes "
            f"{' and '.join(map(str, shapes[: len(inputs)]))} and gives "
            f"{' and '.join(map(str, shapes[len(inputs) :]))}"
        )
    return model


@dataclasses.dataclass(frozen=True, eq=False)
class LabeledCodes:
    """Codes of images with the images' labels, for a scatter plot or a number.

    Attributes:
        name: name of the model or baseline.
        codes: float32 array `(examples, size)`.
        labels: integer array `(examples,)`.
    """

    name: str
    codes: np.ndarray
    labels: np.ndarray

    def neighbor_accuracy(self, neighbors: int = 5) -> float:
        """Return the leave-one-out accuracy of a k-nearest-neighbor classifier of the codes.

        Distances are Euclidean, each code is left out of its own vote, and of labels with equally many votes
        the smallest wins.

        Args:
            neighbors: k, the number of other codes that vote; 1 to one fewer than there are.

        Raises:
            InputError: another number of neighbors.

        Example:
        >>> codes = np.array([[0.0, 0], [0, 1], [9, 9], [9, 8]])
        >>> LabeledCodes("", codes, np.array([0, 0, 1, 1])).neighbor_accuracy(1)
        1.0
        """
        # scikit-learn takes a second to import, and only this method needs it.
        from sklearn.neighbors import NearestNeighbors

        neighbors = checks.integer("neighbors", neighbors, 1, len(self.codes) - 1, of="the number of other codes")
        # Called without points, `kneighbors` returns those of each fitted point, itself left out.
        nearest = NearestNeighbors(n_neighbors=neighbors).fit(self.codes).kneighbors(return_distance=False)
        classes, numbers = np.unique(self.labels, return_inverse=True)
        votes = np.stack([(numbers[nearest] == number).sum(axis=1) for number in range(len(classes))], axis=1)
        return float(np.mean(votes.argmax(axis=1) == numbers))


def codes_2d(model, images, labels, *, per_class: int = 500) -> LabeledCodes:
    """Return the two-dimensional codes of the first images of each class.

    The figure of 2006 shows the codes of a 784-1000-500-250-2 autoencoder beside the first two principal
    components, `codes_2d(pca(train_images, 2), …)`, for the same 500 digits a class.

    Args:
        model: an autoencoder with a layer `code` of 2 units, or a baseline of size 2.
        images: array `(examples, *image_shape)`; uint8, or floats of 0 to 1.
        labels: integer array `(examples,)`.
        per_class: images of each class, ≥ 1.

    Returns:
        The codes with their labels, in the order of the images; `.neighbor_accuracy()` measures how well the
        classes separate.

    Raises:
        InputError: codes of another size, labels that do not fit the images, or a class with too few of them.

    Source: Hinton and Salakhutdinov, Science 313, 2006, figure 3.

    Example:
    >>> from cnnzoo.analysis import pca
    >>> from cnnzoo.data import load
    >>> train = load("digits").train
    >>> plane = codes_2d(pca(train.images, 2), train.images, train.labels, per_class=100)
    >>> plane.codes.shape, round(plane.neighbor_accuracy(), 2)
    ((1000, 2), 0.61)
    """
    coder = coder_of(model)
    if coder.size != 2:
        raise InputError(f"codes_2d takes codes of 2 numbers. Received: {coder.name} with {coder.size}")
    images, labels = np.asarray(images), _checked_labels(labels, len(images))
    chosen = _first_of_each(labels, per_class)
    return LabeledCodes(coder.name, coder.encode(images[chosen]), labels[chosen])


def _checked_labels(labels, examples: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (examples,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"`labels` must be {examples} integers, one for each image. "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    return labels


def _first_of_each(labels: np.ndarray, per_class: int) -> np.ndarray:
    checks.integer("per_class", per_class)
    chosen = []
    for label in np.unique(labels):
        of_label = np.flatnonzero(labels == label)
        if len(of_label) < per_class:
            raise checks.refusal("per_class", f"at most {len(of_label)}, the images of class {label}", per_class)
        chosen.append(of_label[:per_class])
    return np.sort(np.concatenate(chosen))
