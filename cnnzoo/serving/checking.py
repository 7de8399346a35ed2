"""An export is compared with the Keras model before anybody can see it."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.models.halves import decoder, encoder
from cnnzoo.serving.formats import Function, by_signatures, read
from cnnzoo.serving.saved_model import signatures_in
from cnnzoo.serving.subject import Subject

# The largest difference of a probability or a pixel that is still the same model.
TOLERANCES = {"saved_model": 1e-5, "onnx": 1e-4, "litert": 1e-5}
# With weights in half precision LiteRT may calculate in it, too.
HALF_TOLERANCE = 2e-3
SAMPLES = 8


def check(format: str, subject: Subject, folder: Path) -> float:
    """Return the largest difference between a written model's answers and Keras'.

    Args:
        format: which of the version's files.
        subject: what was exported.
        folder: the version's folder.

    Raises:
        InputError: the difference is above the format's tolerance.
    """
    images = subject.samples(SAMPLES)
    expected = by_keras(subject)(images)
    signatures = signatures_in(folder) if format == "saved_model" else {}
    answer = by_signatures(signatures, subject) if signatures else read(format, subject, folder)
    # The batch is free: one image alone must get the same answer.
    errors = [_difference(answer(images), expected), _difference(answer(images[:1]), expected[:1])]
    errors += _of_other_signatures(subject, signatures, images, expected)
    return within(format, max(errors), tolerance(format, subject))


def tolerance(format: str, subject: Subject) -> float:
    """Return the largest difference that a format is allowed."""
    halved = format == "litert" and subject.weights_dtype == "float16"
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


def by_keras(subject: Subject) -> Function:
    """Return what the Keras model itself answers."""

    def answer(images):
        return subject.answer.probable(subject.model(subject.prepared(tf.constant(images)), training=False)).numpy()

    return answer


def _of_other_signatures(
    subject: Subject, signatures: dict[str, Any], images: np.ndarray, expected: np.ndarray
) -> list[float]:
    found = []
    if "serve_bytes" in signatures:
        pngs = [tf.io.encode_png(tf.cast(image, tf.uint8)).numpy() for image in images]
        found.append((signatures["serve_bytes"](image_bytes=pngs)[subject.answers_with], expected))
    if "reconstruct" in signatures:
        found.append((signatures["reconstruct"](images=images)["reconstruction"], expected))
    if "encode" in signatures:
        code = encoder(subject.model)(subject.prepared(images), training=False)
        found.append((signatures["encode"](images=images)["code"], code))
        found.append((signatures["decode"](code=code)["reconstruction"], decoder(subject.model)(code, training=False)))
    return [_difference(np.asarray(answer), np.asarray(keras)) for answer, keras in found]


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max())
