"""The signatures of a SavedModel: what a server can ask a model, each with a guard at its door."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.models.halves import decoder, encoder
from cnnzoo.serving.export_model import ExportedModel, weight_variables
from cnnzoo.serving.image_decoding import pixels_of

Endpoint = tuple[Callable[[Any], dict[str, Any]], tf.TensorSpec]


def signatures_of(exported: ExportedModel, stored: list[tf.Variable]) -> dict[str, Any]:
    """Return the signatures of a model as functions of TensorFlow, by name.

    Args:
        exported: what is exported.
        stored: its weights as they are stored, from which every call calculates.
    """
    endpoints = {"serving_default": _of_images(exported, stored)}
    if exported.takes_files:
        endpoints["serve_bytes"] = _of_image_files(exported, stored)
    if exported.class_names is None:
        endpoints["reconstruct"] = _of_images(exported, stored)
        endpoints |= _of_halves(exported, stored)
    return {
        name: tf.function(serve, input_signature=[spec], autograph=False) for name, (serve, spec) in endpoints.items()
    }


def _of_images(exported: ExportedModel, stored: list[tf.Variable]) -> Endpoint:
    def serve(images):
        images = _checked(images, exported.image_shape, "images")
        return exported.answer(_calculated(exported, stored, exported.model, exported.prepared(images)))

    return serve, tf.TensorSpec((None, *exported.image_shape), tf.float32, name="images")


def _of_image_files(exported: ExportedModel, stored: list[tf.Variable]) -> Endpoint:
    def serve(image_bytes):
        image_bytes = _not_empty(tf.ensure_shape(image_bytes, (None,)), (), "image_bytes")
        pixels = pixels_of(image_bytes, exported.image_shape)
        images = tf.ensure_shape(tf.cast(pixels, "float32"), (None, *exported.image_shape))
        return exported.answer(_calculated(exported, stored, exported.model, exported.prepared(images)))

    return serve, tf.TensorSpec((None,), tf.string, name="image_bytes")


def _of_halves(exported: ExportedModel, stored: list[tf.Variable]) -> dict[str, Endpoint]:
    """Return `encode` and `decode`, or nothing of a model whose code cannot be told by its layers' names."""
    try:
        first, second = encoder(exported.model), decoder(exported.model)
    except InputError:
        return {}
    shape = tuple(first.output_shape[1:])

    def encode(images):
        images = _checked(images, exported.image_shape, "images")
        return {"code": tf.cast(_calculated(exported, stored, first, exported.prepared(images)), tf.float32)}

    def decode(code):
        return exported.answer(_calculated(exported, stored, second, _checked(code, shape, "code")))

    return {
        "encode": (encode, tf.TensorSpec((None, *exported.image_shape), tf.float32, name="images")),
        "decode": (decode, tf.TensorSpec((None, *shape), tf.float32, name="code")),
    }


def _calculated(exported: ExportedModel, stored: list[tf.Variable], model: keras.Model, inputs) -> Any:
    """Return what a model, or a half of it, makes of its inputs with the weights that are stored."""
    pairs = zip(exported.model.weights, stored, strict=True)
    mapping = [(weight, tf.cast(variable, weight.dtype)) for weight, variable in pairs]
    with keras.StatelessScope(state_mapping=mapping):
        return model(inputs, training=False)


def _checked(values, shape: tuple[int | None, ...], name: str):
    """Return a tensor that has the rank and sides that the layers count on, and only numbers.

    A tensor of another rank would fail a check inside oneDNN and take the whole server with it; of an empty batch
    TensorFlow's convolutions get shapes wrong; and NaN would be answered by class 0.
    """
    values = _not_empty(tf.ensure_shape(values, (None, *shape)), shape, name)
    finite = tf.debugging.Assert(
        tf.reduce_all(tf.math.is_finite(values)), [f"{name} of shape {_shown(shape)} must hold numbers, not NaN or Inf"]
    )
    with tf.control_dependencies([finite]):
        return tf.identity(values)


def _not_empty(values, shape: tuple[int | None, ...], name: str):
    some = tf.debugging.Assert(
        tf.shape(values)[0] > 0,
        [f"{name} must have the shape {_shown(shape)} with a batch of 1 or more, not", tf.shape(values)],
    )
    with tf.control_dependencies([some]):
        return tf.identity(values)


def _shown(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join(['batch', *('any' if side is None else str(side) for side in shape)])})"


LABELS = "labels.txt"


def write_saved_model(exported: ExportedModel, folder: Path) -> None:
    """Write a SavedModel: its signatures, its weights as `weights_dtype`, and the names of its classes as an asset.

    Weights are stored one by one in Keras' order, so that `cnnzoo.weights` finds them again.

    Args:
        exported: what is exported.
        folder: where to.
    """
    module: Any = tf.Module(name=exported.model.name)
    module.stored = weight_variables(exported)
    with tempfile.TemporaryDirectory() as assets:
        if exported.class_names is not None:
            labels = Path(assets) / LABELS
            labels.write_text("".join(f"{name}\n" for name in exported.class_names), encoding="utf-8")
            module.labels = tf.saved_model.Asset(str(labels))
        tf.saved_model.save(module, str(folder), signatures=signatures_of(exported, module.stored))


def signatures_in(folder: Path) -> dict[str, Any]:
    """Return the signatures of a SavedModel, as TensorFlow alone loads it."""
    loaded = tf.saved_model.load(str(folder))
    # Signatures hold the variables only weakly; without the module they would be gone.
    return {name: _holding(loaded, signature) for name, signature in loaded.signatures.items()}


def _holding(module: Any, signature: Any) -> Any:
    signature.holds = module
    return signature
