"""Comparison of written models with the model's own `predict`, and their evaluation on test images."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo import data
from cnnzoo.checks import refusal
from cnnzoo.data.source import take
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.serving.export_model import ExportedModel
from cnnzoo.serving.formats import Predictor, load_predictor, saved_model_predictor
from cnnzoo.serving.saved_model import halves_of

# The largest difference from Keras in any number; where there are numbers above 1, of the largest. With 8-bit integers:
# the largest fraction of images whose class may change, and where there are no classes the largest root mean square of
# the difference; in values, of their standard deviation.
TOLERANCES = {"saved_model": 1e-5, "onnx": 1e-4, "litert": 1e-5, "litert_int8": 0.02}
HALF_TOLERANCE = 2e-3  # with weights in half precision LiteRT may also compute in it
COPY_TOLERANCE = 0.05  # of a copy in float32 from a model of lower precision, or of its weights rounded
SUM_TOLERANCE = 0.01  # probabilities in bfloat16 have three digits
SAMPLES = 8
BATCH = 500
CALIBRATION_IMAGES = 500


@contextmanager
def full_float32(exported: ExportedModel) -> Iterator[None]:
    """Multiply float32 as float32 in the block, which newer GPUs round to the 10 bits of TensorFloat-32 by default.

    Args:
        exported: the exported model; its `predict` is compiled anew, in the block and after it.
    """
    _full.enter()
    _forget_compiled(exported)
    try:
        yield
    finally:
        _full.leave()
        _forget_compiled(exported)


class _FullFloat32:
    """Whether TensorFloat-32 is off for the whole process: while any thread exports, and then as it was before."""

    def __init__(self) -> None:
        self.lock, self.exports, self.before = threading.Lock(), 0, True

    def enter(self) -> None:
        with self.lock:
            if not self.exports:
                self.before = tf.config.experimental.tensor_float_32_execution_enabled()
                tf.config.experimental.enable_tensor_float_32_execution(False)
            self.exports += 1

    def leave(self) -> None:
        with self.lock:
            self.exports -= 1
            if not self.exports:
                tf.config.experimental.enable_tensor_float_32_execution(self.before)


_full = _FullFloat32()


def _forget_compiled(exported: ExportedModel) -> None:
    for model in (exported.own, exported.model):
        model.predict_function = None  # XLA keeps in it what held when it was compiled


def check(
    format: str, exported: ExportedModel, folder: Path, calibration: np.ndarray | None = None
) -> dict[str, float]:
    """Return the `difference` between a written model and the model's own `predict`, and its `tolerance`.

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
    if exported.head.from_logits:
        # Four units in the last place of a logit change a probability by at most one of them.
        largest = np.abs(_predict(exported.model, exported, exported.sample_images(SAMPLES))).max()
        tolerance = max(tolerance, float(largest * np.finfo("float32").eps))
    if not difference <= tolerance:
        raise InputError(
            f"the model written as {format} differs from Keras' by {difference:.2g}, and the tolerance is "
            f"{tolerance:g}; nothing was published"
        )
    return {"difference": difference, "tolerance": tolerance}


def check_outputs(exported: ExportedModel) -> None:
    """Check that the outputs of a model are what they are taken for, and that its copy computes the same.

    Raises:
        InputError: they are not, or it does not.
    """
    name, images = exported.model.name, exported.sample_images(SAMPLES)
    outputs = _predict(exported.own, exported, images)
    if not np.isfinite(outputs).all():
        raise InputError(f"{name} returns numbers that are not finite, for images of noise; nothing was published")
    if exported.head.name in ("probabilities", "score", "labels") and not exported.head.from_logits:
        low, high, sums = outputs.min(), outputs.max(), outputs.sum(axis=-1)
        if low < -SUM_TOLERANCE or high > 1 + SUM_TOLERANCE:
            raise InputError(f"{name} returns {low:.3g} to {high:.3g}, and probabilities are from 0 to 1; {_SAY}")
        if exported.head.name == "probabilities" and np.abs(sums - 1).max() > SUM_TOLERANCE:
            raise InputError(f"the probabilities that {name} returns have a sum of {sums[0]:.3g}, and not of 1; {_SAY}")
    if exported.model is not exported.own:
        difference = _difference(_predict(exported.model, exported, images), outputs)
        if not difference <= COPY_TOLERANCE:
            raise InputError(
                f"a copy of {name} in float32 differs from it by {difference:.2g}: a layer's get_config leaves out "
                "what the layer computes with; nothing was published"
            )


_SAY = "what else it returns is said by output='logits', 'labels' or 'values'"


def own_predictor(exported: ExportedModel) -> Predictor:
    """Return the function of the model's own `predict`. NumPy makes probabilities of logits, in float64."""

    def predict(images):
        outputs = _predict(exported.model, exported, images)
        if exported.head.from_logits and exported.head.name == "probabilities":
            outputs = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
            outputs /= outputs.sum(axis=-1, keepdims=True)
        elif exported.head.from_logits:
            outputs = np.exp(-np.logaddexp(0, -outputs))
        return outputs[:, 0] if exported.head.name == "score" else outputs

    return predict


def _predict(model: keras.Model, exported: ExportedModel, images: Any) -> np.ndarray:
    # Not what models of cnnzoo have in its place, which looks at the range of the images: these are noise.
    predict = type(model).predict
    inputs = keras.ops.convert_to_numpy(exported.preprocessed(tf.constant(images)))
    return np.asarray(predict(model, inputs, verbose=0), "float64")


def _largest_difference(format: str, exported: ExportedModel, folder: Path) -> float:
    """Return the largest difference in any number, over all signatures of a SavedModel."""
    images = exported.sample_images(SAMPLES)
    expected = own_predictor(exported)(images)
    loaded = tf.saved_model.load(str(folder)) if format == "saved_model" else None
    signatures, given = loaded.signatures if loaded else {}, {exported.input_name: images}
    predict = saved_model_predictor(loaded, exported) if loaded else load_predictor(format, exported, folder)
    # The batch size is free: a single image must have the same prediction.
    pairs = [(predict(images), expected), (predict(images[:1]), expected[:1])]
    if "serve_bytes" in signatures:
        pngs = [tf.io.encode_png(tf.cast(image, tf.uint8)).numpy() for image in images]
        pairs.append((signatures["serve_bytes"](image_bytes=pngs)[exported.head.name], expected))
    if "reconstruct" in signatures:
        pairs.append((signatures["reconstruct"](**given)["reconstruction"], expected))
        inputs = np.asarray(exported.preprocessed(images), "float64")
        errors = np.square(inputs - expected).reshape(len(images), -1).sum(axis=1)
        pairs.append((signatures["score"](**given)["squared_error"], errors))
    if "encode" in signatures:
        encoder, decoder = halves_of(exported)
        code = encoder(exported.preprocessed(images), training=False)
        pairs.append((signatures["encode"](**given)["code"], code))
        pairs.append((signatures["decode"](code=code)["reconstruction"], decoder(code, training=False)))
    return max(_difference(np.asarray(value), np.asarray(wanted)) for value, wanted in pairs)


def _difference(value: np.ndarray, expected: np.ndarray) -> float:
    if value.shape != expected.shape:
        return float("inf")
    return float(np.abs(value - expected).max() / max(1, np.abs(expected).max()))


def _difference_of_int8(exported: ExportedModel, folder: Path, images: Any) -> float:
    """Return the fraction of images whose class changes, or the root mean square of the difference."""
    predictions = load_predictor("litert_int8", exported, folder)(images)
    expected = own_predictor(exported)(images)
    if exported.head.name in ("probabilities", "score"):
        return float((_classes(predictions) != _classes(expected)).mean())
    scale = expected.std() if exported.head.name == "values" else 1
    return float(np.sqrt(np.square(predictions - expected).mean())) / (scale or 1)


def _classes(predictions: np.ndarray) -> np.ndarray:
    """Return the predicted classes, of probabilities or of scores."""
    return predictions.argmax(axis=-1) if predictions.ndim == 2 else (predictions > 0.5).astype(int)


def load_data(run: Run) -> data.Source:
    """Return the data set that a run was trained and evaluated on.

    Raises:
        InputError: it cannot be loaded.
    """
    values = {
        name: getattr(run.recipe, name)
        for name in ("label", "image_size", "stream", "cache", "binarize", "on_error", "test_examples")
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
        if not exported.reconstructs:
            total += float((_classes(predictions) == labels.numpy()).sum())
        else:
            errors = np.square(predictions - np.asarray(exported.preprocessed(images)), dtype="float64")
            total += float(errors.sum())
        count += len(images)
    return {"squared_error" if exported.reconstructs else "accuracy": total / count}


def calibration_images(images: Any, exported: ExportedModel, source: data.Source | None) -> np.ndarray:
    """Return float32 images whose activations give `litert_int8` its scales.

    Args:
        images: those given, or `None` for some training images of a run, of all classes.
        exported: the exported model.
        source: the data set of its run, if it has one.

    Raises:
        InputError: there are no images, or they have another shape, or a single value.
    """
    if images is None and source is not None:
        batches = data.eval_pipeline(take(source.train, CALIBRATION_IMAGES), BATCH)
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
    images = images.astype("float32")
    if not np.isfinite(images).all() or images.min() == images.max():
        values = "values that are not finite" if not np.isfinite(images).all() else f"{images.min():g} alone"
        raise refusal("calibration", "images such as the model will see, with more than one value", values)
    return images
