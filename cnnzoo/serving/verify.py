"""Comparison of written models with Keras, and their evaluation on test images."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cnnzoo import data
from cnnzoo.checks import refusal
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.serving.export_model import ExportedModel
from cnnzoo.serving.formats import Predictor, load_predictor, saved_model_predictor
from cnnzoo.serving.saved_model import halves_of

# The largest difference from Keras in any probability or pixel. With 8-bit integers: the largest fraction of images
# whose class may change, and for reconstructions the largest root mean square of the difference in a pixel.
TOLERANCES = {"saved_model": 1e-5, "onnx": 1e-4, "litert": 1e-5, "litert_int8": 0.02}
HALF_TOLERANCE = 2e-3  # with weights in half precision LiteRT may also compute in it
SAMPLES = 8
BATCH = 500
CALIBRATION_IMAGES = 500


def check(
    format: str, exported: ExportedModel, folder: Path, calibration: np.ndarray | None = None
) -> dict[str, float]:
    """Return the `difference` between a written model and Keras, and its `tolerance`.

    Args:
        format: the format to check in the version's folder.
        exported: the exported model.
        folder: the version's folder.
        calibration: the images that `litert_int8` was calibrated with.

    Raises:
        InputError: the difference is above the tolerance, or not a number.
    """
    if format == "litert_int8":
        difference = _difference_of_int8(exported, folder, calibration)
    else:
        difference = _largest_difference(format, exported, folder)
    halved = format == "litert" and exported.weights_dtype == "float16"
    tolerance = HALF_TOLERANCE if halved else TOLERANCES[format]
    if not difference <= tolerance:
        raise InputError(
            f"the model written as {format} differs from Keras' by {difference:.2g}, and the tolerance is "
            f"{tolerance:g}; nothing was published"
        )
    return {"difference": difference, "tolerance": tolerance}


def keras_predictor(exported: ExportedModel) -> Predictor:
    """Return the function of the Keras model itself."""

    def predict(images):
        outputs = exported.model(exported.preprocessed(tf.constant(images)), training=False)
        return exported.to_predictions(outputs).numpy()

    return predict


def _largest_difference(format: str, exported: ExportedModel, folder: Path) -> float:
    """Return the largest difference in any probability or pixel, over all signatures of a SavedModel."""
    images = exported.sample_images(SAMPLES)
    expected = keras_predictor(exported)(images)
    loaded = tf.saved_model.load(str(folder)) if format == "saved_model" else None
    signatures = loaded.signatures if loaded else {}
    predict = saved_model_predictor(loaded, exported) if loaded else load_predictor(format, exported, folder)
    # The batch size is free: a single image must have the same prediction.
    pairs = [(predict(images), expected), (predict(images[:1]), expected[:1])]
    if "serve_bytes" in signatures:
        pngs = [tf.io.encode_png(tf.cast(image, tf.uint8)).numpy() for image in images]
        pairs.append((signatures["serve_bytes"](image_bytes=pngs)[exported.prediction_name], expected))
    if "reconstruct" in signatures:
        pairs.append((signatures["reconstruct"](images=images)["reconstruction"], expected))
    if "encode" in signatures:
        encoder, decoder = halves_of(exported)
        code = encoder(exported.preprocessed(images), training=False)
        pairs.append((signatures["encode"](images=images)["code"], code))
        pairs.append((signatures["decode"](code=code)["reconstruction"], decoder(code, training=False)))
    return max(_difference(np.asarray(value), np.asarray(wanted)) for value, wanted in pairs)


def _difference(value: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(value - expected).max()) if value.shape == expected.shape else float("inf")


def _difference_of_int8(exported: ExportedModel, folder: Path, images: Any) -> float:
    """Return the fraction of images whose class changes, or the root mean square of the difference in a pixel."""
    predictions = load_predictor("litert_int8", exported, folder)(images)
    expected = keras_predictor(exported)(images)
    if exported.class_names:
        return float((predictions.argmax(axis=-1) != expected.argmax(axis=-1)).mean())
    return float(np.sqrt(np.square(predictions - expected).mean()))


def load_data(run: Run) -> data.Source:
    """Return the data set that a run was trained and evaluated on.

    Raises:
        InputError: it cannot be loaded.
    """
    values = {
        name: getattr(run.recipe, name) for name in ("image_size", "stream", "cache", "on_error", "test_examples")
    }
    values["image_size"] = values["image_size"] and tuple(values["image_size"])
    return data.load(run.recipe.data, **values)


def evaluate(predict: Predictor, exported: ExportedModel, split: data.AnySplit) -> dict[str, float]:
    """Return the metric of a written model on a split: `accuracy`, or `squared_error` per image.

    Args:
        predict: the result of `formats.load_predictor`.
        exported: the exported model.
        split: labeled images.
    """
    total, count = 0.0, 0
    for batch, labels in data.eval_pipeline(split, BATCH):
        images = batch.numpy().astype("float32")
        predictions = predict(images)
        if exported.class_names:
            total += float((predictions.argmax(axis=-1) == labels.numpy()).sum())
        else:
            errors = np.square(predictions - np.asarray(exported.preprocessed(images)), dtype="float64")
            total += float(errors.sum())
        count += len(images)
    return {"accuracy" if exported.class_names else "squared_error": total / count}


def calibration_images(images: Any, exported: ExportedModel, source: data.Source | None) -> np.ndarray:
    """Return float32 images whose activations give `litert_int8` its scales.

    Args:
        images: those given, or `None` for the first training images of a run.
        exported: the exported model.
        source: the data set of its run, if it has one.

    Raises:
        InputError: there are no images, or they have another shape.
    """
    if images is None and source is not None:
        batches = data.eval_pipeline(source.train[:CALIBRATION_IMAGES], BATCH)
        images = np.concatenate([batch.numpy() for batch, _ in batches])
    if images is None:
        raise InputError(
            "the format 'litert_int8' chooses its scales by representative images: give calibration=images, "
            "or export a run, which has its data"
        )
    images = np.asarray(images)
    if images.shape[1:] != exported.image_shape or not len(images):
        expected = ", ".join(map(str, exported.image_shape))
        raise refusal("calibration", f"an array of images of shape (batch, {expected})", images.shape)
    return images.astype("float32")
