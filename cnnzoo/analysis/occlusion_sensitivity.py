"""Occlusion sensitivity: by how much the log-odds of a class decrease where a part of the image is covered."""

import math

import keras
import numpy as np

from cnnzoo import checks
from cnnzoo.analysis.layer_activations import BATCH, images_for
from cnnzoo.errors import InputError
from cnnzoo.models.probabilities import check_probabilities, to_logits


def occlusion(
    model: keras.Model,
    images,
    classes=None,
    *,
    window: int | None = None,
    stride: int | None = None,
    output: str | None = None,
):
    """Return by how much the log-odds of a class decrease where a square of the image is covered.

    The square has the mean value of the images. A pixel that several squares cover has the mean over them. Log-odds,
    not probabilities: where a net is nearly certain, covering a part hardly changes its probability.

    Args:
        model: a classifier with one image of a fixed size as its input.
        images: float array `(batch, height, width, channels)`, in the model's own scale.
        classes: integer array `(batch,)`, the class of each; `None` for the predicted ones.
        window: side of the square in pixels; default: a fifth of the image's smaller side.
        stride: pixels between two squares, at most `window`; default: half of it.
        output: what the model returns, `"probabilities"` or `"logits"`; default what its last operation says (a
            softmax), or else its loss.

    Returns:
        float32 array `(batch, height, width)`: log-odds of the original image minus those of the covered one, in nats.

    Raises:
        InputError: images or classes that do not fit the model, no classifier, or a window or stride out of range.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, section 4.2, who slide a
        gray square and look at probabilities.

    Example:
    >>> import cnnzoo
    >>> images = np.random.default_rng(0).normal(size=(1, 32, 32, 1))
    >>> occlusion(cnnzoo.lenet(), images, window=8).shape
    (1, 32, 32)
    """
    images = images_for(model, images)
    shapes = [tensor.shape for tensor in model.outputs]
    if images.ndim != 4 or len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][-1] < 2:
        raise InputError(
            "occlusion is for classifiers of images (height, width, channels) into two classes or more, and "
            f"{model.name} is none"
        )
    height, width = images.shape[1:3]
    window = math.ceil(min(height, width) / 5) if window is None else window
    window = checks.integer("window", window, 1, min(height, width), of="the image's smaller side")
    stride = checks.integer("stride", math.ceil(window / 2) if stride is None else stride, 1, window, of="the window")
    logits = _Logits(model, output)
    original = logits(images)
    classes = original.argmax(axis=-1) if classes is None else np.asarray(classes)
    known = set(range(original.shape[1]))
    if classes.shape != (len(images),) or classes.dtype.kind not in "iu" or not set(classes.tolist()) <= known:
        raise checks.refusal("classes", f"{len(images)} integers from 0 to {max(known)}", classes.tolist())
    corners = [(top, left) for top in _starts(height, window, stride) for left in _starts(width, window, stride)]
    fill = images.mean(axis=(0, 1, 2))
    return np.stack(
        [
            _decrease(logits, image, corners, window, fill, int(label), float(_log_odds(before[None], label)[0]))
            for image, label, before in zip(images, classes, original, strict=True)
        ]
    )


class _Logits:
    """A classifier's logits, batch by batch."""

    def __init__(self, model: keras.Model, output: str | None):
        self._model, self._output, self._to_logits = model, output, to_logits(model, output)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(images), BATCH):
            outputs = keras.ops.cast(self._model(images[start : start + BATCH], training=False), "float32")
            check_probabilities(self._model, self._output, keras.ops.convert_to_numpy(outputs))
            parts.append(keras.ops.convert_to_numpy(self._to_logits(outputs)))
        return np.concatenate(parts).astype("float64")


def _log_odds(logits: np.ndarray, label: int) -> np.ndarray:
    """Return log p − log(1 − p) of one class, for each row of logits."""
    others = np.delete(logits, label, axis=1)
    highest = others.max(axis=1)
    return logits[:, label] - highest - np.log(np.exp(others - highest[:, None]).sum(axis=1))


def _starts(side: int, window: int, stride: int) -> list[int]:
    """Return where squares start along a side; the last one ends where the image ends."""
    return sorted({*range(0, side - window + 1, stride), side - window})


def _decrease(logits, image, corners, window: int, fill, label: int, before: float) -> np.ndarray:
    """Return by how much the log-odds of a class decrease at each pixel, from `before`."""
    total, times = np.zeros(image.shape[:2]), np.zeros(image.shape[:2])
    for start in range(0, len(corners), BATCH):
        part = corners[start : start + BATCH]
        covered = np.repeat(image[None], len(part), axis=0)
        for copy, (top, left) in zip(covered, part, strict=True):
            copy[top : top + window, left : left + window] = fill
        for after, (top, left) in zip(_log_odds(logits(covered), label), part, strict=True):
            total[top : top + window, left : left + window] += before - after
            times[top : top + window, left : left + window] += 1
    return (total / times).astype("float32")
