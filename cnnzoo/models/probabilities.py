"""Functions from a classifier's outputs to probabilities and to logits."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnzoo.errors import InputError
from cnnzoo.models.heads import Head, head_of

TOLERANCE = 1e-3
SUM_TOLERANCE = 0.02  # of half precision


def to_probabilities(model: keras.Model, output: str | None = None) -> Callable[[Any], Any]:
    """Return the function from a model's outputs to probabilities: a softmax for logits, the identity after a softmax.

    The negated penalties of LeNet-5 are logits.

    Args:
        model: a classifier.
        output: what the model returns, `"probabilities"` or `"logits"`; see `head_of`.

    Raises:
        InputError: the model returns neither, or what it returns is not known.

    Example:
    >>> import cnnzoo, numpy as np
    >>> outputs = np.log([[1.0, 3.0, *[1e-9] * 8]])
    >>> ops.convert_to_numpy(to_probabilities(cnnzoo.lenet5())(outputs)).round(2)[0, :2]
    array([0.25, 0.75])
    """
    return _classifying(model, output).predictions


def to_logits(model: keras.Model, output: str | None = None) -> Callable[[Any], Any]:
    """Return the function from a model's outputs to logits, up to a constant per image.

    Probabilities are clipped to at least 10⁻¹², since in single precision those of a certain net are 0.

    Args:
        model: a classifier.
        output: as in `to_probabilities`.

    Raises:
        InputError: as `to_probabilities`.

    Example:
    >>> import cnnzoo, numpy as np
    >>> ops.convert_to_numpy(to_logits(cnnzoo.lenet())(np.array([[1.0, 0.5, 0.0]]))).round(2)
    array([[  0.  ,  -0.69, -27.63]])
    """
    if _classifying(model, output).from_logits:
        return lambda logits: logits
    return lambda probabilities: ops.log(ops.maximum(probabilities, 1e-12))


def check_probabilities(model: keras.Model, output: str | None, outputs: Any) -> None:
    """Check that what a model has returned are probabilities, if that is what it says that it returns.

    Args:
        model: a classifier.
        output: as in `to_probabilities`.
        outputs: array `(batch, classes)`.

    Raises:
        InputError: they are below 0, above 1, or do not add up to 1.

    Example:
    >>> import cnnzoo, numpy as np
    >>> check_probabilities(cnnzoo.lenet(), None, np.array([[0.5, 1.5]]))
    Traceback (most recent call last):
    cnnzoo.errors.InputError: lenet returns 0.5 to 1.5, which add up to 2, and not probabilities; say output="logits"
    """
    if _classifying(model, output).from_logits:
        return
    low, high, sums = outputs.min(), outputs.max(), outputs.sum(axis=-1)
    if low < -TOLERANCE or high > 1 + TOLERANCE or not np.allclose(sums, 1, atol=SUM_TOLERANCE):
        raise InputError(
            f"{model.name} returns {low:.4g} to {high:.4g}, which add up to {sums.flat[0]:.4g}, and not probabilities; "
            'say output="logits"'
        )


def _classifying(model: keras.Model, output: str | None) -> Head:
    head = head_of(model, output)
    if head.name != "probabilities":
        what = {"score": "the score of one class", "labels": "a score for each of several labels"}
        raise InputError(
            f"{model.name} returns neither probabilities of two or more classes nor their logits, but "
            f"{what.get(head.name, head.name)}"
        )
    return head
