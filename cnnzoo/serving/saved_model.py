"""A SavedModel: its signatures, each of which checks its input, and its weights."""

import tempfile
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.models.halves import decoder, encoder
from cnnzoo.serving.export_model import ExportedModel, weight_variables
from cnnzoo.serving.image_decoding import pixels_of

LABELS = "labels.txt"


def signatures_of(exported: ExportedModel, stored: list[tf.Variable]) -> dict[str, Any]:
    """Return the signatures of a model as TensorFlow functions, by name.

    Args:
        exported: the exported model.
        stored: its weights as they are stored; every call computes with them.
    """
    graph = _Graph(exported, stored)
    images = tf.TensorSpec((None, *exported.image_shape), tf.float32, name=exported.input_name)
    endpoints: dict[str, tuple[Any, tf.TensorSpec]] = {"serving_default": (graph.predict, images)}
    if exported.takes_image_files:
        endpoints["serve_bytes"] = graph.predict_files, tf.TensorSpec((None,), tf.string, name="image_bytes")
    if exported.reconstructs:
        endpoints["reconstruct"] = graph.predict, images
        endpoints["score"] = graph.score, images
    if graph.encoder and graph.decoder:
        endpoints["encode"] = graph.encode, images
        endpoints["decode"] = graph.decode, tf.TensorSpec(graph.encoder.output_shape, tf.float32, name="code")
    return {
        name: tf.function(serve, input_signature=[spec], autograph=False) for name, (serve, spec) in endpoints.items()
    }


class _Graph:
    """The functions of the signatures, from a checked input to named outputs."""

    def __init__(self, exported: ExportedModel, stored: list[tf.Variable]):
        self._exported = exported
        self._stored = stored
        self.encoder, self.decoder = halves_of(exported)

    def predict(self, images):
        return self._predict(self._valid(images))

    def score(self, images):
        inputs = tf.cast(self._exported.preprocessed(self._valid(images)), tf.float32)
        differences = inputs - tf.cast(self._call(self._exported.model, inputs), tf.float32)
        return {"squared_error": tf.reduce_sum(tf.square(differences), axis=tuple(range(1, len(inputs.shape))))}

    def predict_files(self, image_bytes):
        shape = self._exported.image_shape
        image_bytes = _not_empty(tf.ensure_shape(image_bytes, (None,)), (), "image_bytes")
        return self._predict(tf.ensure_shape(tf.cast(pixels_of(image_bytes, shape), "float32"), (None, *shape)))

    def encode(self, images):
        inputs = self._exported.preprocessed(self._valid(images))
        return {"code": tf.cast(self._call(self.encoder, inputs), tf.float32)}

    def decode(self, code):
        code = _checked(code, tuple(self.decoder.input_shape[1:]), "code")
        return self._exported.signature_outputs(self._call(self.decoder, code))

    def _valid(self, images):
        return _checked(images, self._exported.image_shape, self._exported.input_name)

    def _predict(self, images):
        return self._exported.signature_outputs(self._call(self._exported.model, self._exported.preprocessed(images)))

    def _call(self, model: keras.Model, inputs) -> Any:
        """Return the outputs of the model, or of a half of it, computed with the stored weights."""
        pairs = zip(self._exported.model.weights, self._stored, strict=True)
        mapping = [(weight, tf.cast(variable, weight.dtype)) for weight, variable in pairs]
        with keras.StatelessScope(state_mapping=mapping):
            return model(inputs, training=False)


def halves_of(exported: ExportedModel) -> tuple[Any, Any]:
    """Return encoder and decoder of an autoencoder, or twice `None` if the names of its layers do not show its code."""
    if not exported.reconstructs:
        return None, None
    try:
        return encoder(exported.model), decoder(exported.model)
    except InputError:
        return None, None


def _checked(values, shape: tuple[int | None, ...], name: str):
    """Return a tensor that has the shape that the layers need, and only finite numbers.

    A tensor of another rank would fail a check inside oneDNN and end the whole server; for an empty batch
    TensorFlow's convolutions get shapes wrong; and the class of NaN would be 0.
    """
    values = _not_empty(tf.ensure_shape(values, (None, *shape)), shape, name)
    finite = tf.debugging.Assert(
        tf.reduce_all(tf.math.is_finite(values)),
        [f"{name} of shape {_formatted(shape)} must hold numbers, not NaN or Inf"],
    )
    with tf.control_dependencies([finite]):
        return tf.identity(values)


def _not_empty(values, shape: tuple[int | None, ...], name: str):
    some = tf.debugging.Assert(
        tf.shape(values)[0] > 0,
        [f"{name} must have the shape {_formatted(shape)} with a batch of 1 or more, not", tf.shape(values)],
    )
    with tf.control_dependencies([some]):
        return tf.identity(values)


def _formatted(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join(['batch', *('any' if side is None else str(side) for side in shape)])})"


def write_saved_model(exported: ExportedModel, folder: Path) -> None:
    """Write a SavedModel: its signatures, its weights as `weights_dtype`, and the names of its classes as an asset.

    Weights are stored one by one, in Keras' order.

    Args:
        exported: the exported model.
        folder: the folder to write to.
    """
    module: Any = tf.Module(name=exported.model.name)
    module.stored = weight_variables(exported)
    with tempfile.TemporaryDirectory() as assets:
        if exported.class_names is not None:
            labels = Path(assets) / LABELS
            labels.write_text("".join(f"{name}\n" for name in exported.class_names), encoding="utf-8")
            module.labels = tf.saved_model.Asset(str(labels))
        tf.saved_model.save(module, str(folder), signatures=signatures_of(exported, module.stored))
