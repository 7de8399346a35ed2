"""What exported files get right on test images."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cnnzoo import data
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.models.halves import decoder, encoder
from cnnzoo.serving.export_model import ExportedModel
from cnnzoo.serving.formats import Function, by_signatures, read
from cnnzoo.serving.saved_model import signatures_in

# The largest difference of a probability or a pixel that is still the same model.
TOLERANCES = {"saved_model": 1e-5, "onnx": 1e-4, "litert": 1e-5}
# With weights in half precision LiteRT may calculate in it, too.
HALF_TOLERANCE = 2e-3
SAMPLES = 8


def check(format: str, exported: ExportedModel, folder: Path) -> float:
    """Return the largest difference between a written model's answers and Keras'.

    Args:
        format: which of the version's files.
        exported: what was exported.
        folder: the version's folder.

    Raises:
        InputError: the difference is above the format's tolerance.
    """
    images = exported.samples(SAMPLES)
    expected = by_keras(exported)(images)
    signatures = signatures_in(folder) if format == "saved_model" else {}
    answer = by_signatures(signatures, exported) if signatures else read(format, exported, folder)
    # The batch is free: one image alone must get the same answer.
    errors = [_difference(answer(images), expected), _difference(answer(images[:1]), expected[:1])]
    errors += _of_other_signatures(exported, signatures, images, expected)
    return within(format, max(errors), tolerance(format, exported))


def tolerance(format: str, exported: ExportedModel) -> float:
    """Return the largest difference that a format is allowed."""
    halved = format == "litert" and exported.weights_dtype == "float16"
    return HALF_TOLERANCE if halved else TOLERANCES[format]


def within(format: str, error: float, allowed: float) -> float:
    """Return the difference, or refuse it.

    Raises:
        InputError: it is above what is allowed, or no number.
    """
    if not error <= allowed:
        raise InputError(
            f"the model written as {format} differs from Keras' by {error:.2g}, and {allowed:g} is allowed; "
            "nothing was published"
        )
    return error


def by_keras(exported: ExportedModel) -> Function:
    """Return what the Keras model itself answers."""

    def answer(images):
        return exported.answer.probable(exported.model(exported.prepared(tf.constant(images)), training=False)).numpy()

    return answer


def _of_other_signatures(
    exported: ExportedModel, signatures: dict[str, Any], images: np.ndarray, expected: np.ndarray
) -> list[float]:
    found = []
    if "serve_bytes" in signatures:
        pngs = [tf.io.encode_png(tf.cast(image, tf.uint8)).numpy() for image in images]
        found.append((signatures["serve_bytes"](image_bytes=pngs)[exported.answers_with], expected))
    if "reconstruct" in signatures:
        found.append((signatures["reconstruct"](images=images)["reconstruction"], expected))
    if "encode" in signatures:
        code = encoder(exported.model)(exported.prepared(images), training=False)
        found.append((signatures["encode"](images=images)["code"], code))
        found.append((signatures["decode"](code=code)["reconstruction"], decoder(exported.model)(code, training=False)))
    return [_difference(np.asarray(answer), np.asarray(keras)) for answer, keras in found]


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max())


BATCH = 500
CALIBRATION_IMAGES = 500
# The largest share of images whose class may change with integers of 8 bits, and for reconstructions the largest
# root mean square of a pixel's change.
INT8_TOLERANCE = 0.02


def images_of(run: Run, data_dir: str | Path | None) -> data.Source:
    """Return the data set that a run was trained and judged on.

    Raises:
        InputError: it cannot be had.
    """
    recipe = run.recipe
    values = {name: recipe[name] for name in ("image_size", "stream", "cache", "on_error", "test_examples")}
    if values["image_size"] is not None:
        values["image_size"] = tuple(values["image_size"])
    return data.load(recipe["data"], data_dir=data_dir, **values)


def calibration_images(run: Run, source: data.Source) -> np.ndarray:
    """Return training images by which scales of integers are chosen: the first ones, as float32 pixels."""
    batches = data.eval_pipeline(source.train[:CALIBRATION_IMAGES], BATCH)
    return np.concatenate([images.numpy().astype("float32") for images, _ in batches])


def figures(function: Function, exported: ExportedModel, split: data.AnySplit) -> dict[str, float]:
    """Return what a written model gets right on a split: `accuracy`, or the `squared_error` of an image.

    Args:
        function: what `formats.read` returned.
        exported: what was exported.
        split: labeled images.
    """
    total, count = 0.0, 0
    for images, labels in _batches(split):
        total += _right(function(images), labels) if exported.class_names else _error(function, exported, images)
        count += len(images)
    return {"accuracy" if exported.class_names else "squared_error": total / count}


def _right(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float((probabilities.argmax(axis=-1) == labels).sum())


def _error(function: Function, exported: ExportedModel, images: np.ndarray) -> float:
    return float(np.square(function(images) - np.asarray(exported.prepared(images)), dtype="float64").sum())


def _batches(split: data.AnySplit) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for images, labels in data.eval_pipeline(split, BATCH):
        yield images.numpy().astype("float32"), labels.numpy()


def check_int8(exported: ExportedModel, folder: Path, images: np.ndarray) -> float:
    """Return how much integers of 8 bits change: the share of images with another class, or a pixel's change.

    Args:
        exported: what was exported.
        folder: the version's folder.
        images: such as it was calibrated by.

    Raises:
        InputError: more than `INT8_TOLERANCE`.
    """
    found, expected = read("litert_int8", exported, folder)(images), by_keras(exported)(images)
    if exported.class_names:
        changed = float((found.argmax(axis=-1) != expected.argmax(axis=-1)).mean())
    else:
        changed = float(np.sqrt(np.square(found - expected).mean()))
    return within("litert_int8", changed, INT8_TOLERANCE)


def check_calibration(images: Any, exported: ExportedModel) -> np.ndarray:
    """Return images to calibrate by as float32.

    Raises:
        InputError: none were given, or of another shape.
    """
    if images is None:
        raise InputError(
            "the format 'litert_int8' chooses its scales by images as they come in practice: give calibration=images, "
            "or export a run, which knows its data"
        )
    images = np.asarray(images)
    if images.shape[1:] != exported.image_shape or not len(images):
        expected = ", ".join(map(str, exported.image_shape))
        raise InputError(f"calibration must hold images ({'batch, ' + expected}), not an array of shape {images.shape}")
    return images.astype("float32")
