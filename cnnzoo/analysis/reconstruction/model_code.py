"""An autoencoder as something that encodes, decodes and reconstructs images, as a baseline does."""

import math
from typing import Protocol

import keras
import numpy as np

from cnnzoo.analysis.graph import graph_inputs
from cnnzoo.analysis.reconstruction.pixels import of_shape, pixels
from cnnzoo.errors import InputError

CODE = "code"  # the layer whose outputs are the code, by its name
BATCH = 500  # images a step of prediction


class Coder(Protocol):
    """What encodes, decodes and reconstructs images: a `LinearCode` or a `ModelCode`."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    def encode(self, images) -> np.ndarray: ...
    def decode(self, codes) -> np.ndarray: ...
    def reconstruct(self, images) -> np.ndarray: ...


class ModelCode:
    """A Keras model whose output has the shape of its input, and whose layer `code` holds the code.

    The halves share the model's weights. A code of more axes than one, as of a convolutional net, is
    flattened. Layers that corrupt images in training are silent here.

    Args:
        model: a functional or Sequential autoencoder with one input of a fixed size, pixels of 0 to 1.

    Raises:
        InputError: no Keras model, an output that is not of the input's shape, no layer `code`, or a path
            from the input to the output that goes round it.

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
            raise InputError(f"model {model.name!r} has no layer {CODE!r}, which would say where its code is")
        code = model.get_layer(CODE).output
        self.image_shape = tuple(model.outputs[0].shape[1:])
        self.code_shape = tuple(code.shape[1:])
        # Functions, not models: a model of the decoder would add calls to the layers of the whole.
        self._encoder = keras.Function(graph_inputs(model)[0], code)
        try:
            self._decoder = keras.Function(code, model.outputs[0])
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
        images = of_shape(pixels(images), self.image_shape, f"model {self.name!r}")
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
        codes = np.asarray(codes, "float32")
        if codes.ndim != 2 or codes.shape[1] != self.size:
            raise InputError(f"codes of {self.name} have the shape (examples, {self.size}), not {codes.shape}")
        return _in_batches(self._decoder, codes.reshape(-1, *self.code_shape))

    def reconstruct(self, images) -> np.ndarray:
        """Return what is left of images after encoding and decoding.

        Args:
            images: array `(examples, *input_shape)`; uint8, or floats of 0 to 1.

        Returns:
            float32 array of the same shape.

        Raises:
            InputError: as for `encode`.
        """
        return self.decode(self.encode(images))


def _in_batches(function: keras.Function, values: np.ndarray) -> np.ndarray:
    parts = (values[start : start + BATCH].astype("float32") for start in range(0, len(values), BATCH))
    return np.concatenate([keras.ops.convert_to_numpy(function(part)).astype("float32") for part in parts])


def coder_of(model) -> Coder:
    """Return what encodes and decodes: a Keras autoencoder by its layer `code`, a baseline as it is.

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
    raise InputError(f"an autoencoder or a baseline such as pca(images, 30) is needed, not {model!r}")


def checked_autoencoder(model) -> keras.Model:
    """Return a model if its output has the shape of its input.

    Raises:
        InputError: it is no Keras model, it has no graph, or its output has another shape.

    Example:
    >>> checked_autoencoder(keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)], name="m")).name
    'm'
    """
    if not isinstance(model, keras.Model):
        raise InputError(f"an autoencoder is a Keras model, not {model!r}")
    inputs = graph_inputs(model)
    shapes = [tuple(tensor.shape[1:]) for tensor in (*inputs, *model.outputs)]
    if len(shapes) != 2 or shapes[0] != shapes[1] or None in shapes[0]:
        raise InputError(
            f"an autoencoder has one input of a fixed size and one output of its shape; model {model.name!r} takes "
            f"{' and '.join(map(str, shapes[: len(inputs)]))} and gives "
            f"{' and '.join(map(str, shapes[len(inputs) :]))}"
        )
    return model
