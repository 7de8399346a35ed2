"""Functions from a classifier's outputs to probabilities and to logits."""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from cnnzoo.errors import InputError
from cnnzoo.layers import RadialBasis


def to_probabilities(model: keras.Model) -> Callable[[Any], Any]:
    """Return the function from a model's outputs to probabilities: a softmax for logits, the identity after a softmax.

    The negated penalties of LeNet-5 are logits. Other outputs are refused, as their meaning is not known.

    Args:
        model: a classifier.

    Raises:
        InputError: the model ends in neither probabilities nor logits.

    Example:
    >>> import cnnzoo, numpy as np
    >>> outputs = np.log([[1.0, 3.0, *[1e-9] * 8]])
    >>> ops.convert_to_numpy(to_probabilities(cnnzoo.lenet5())(outputs)).round(2)[0, :2]
    array([0.25, 0.75])
    """
    last = model
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    activation = getattr(last, "activation", None)
    if isinstance(last, keras.layers.Softmax) or activation is keras.activations.softmax:
        return _identity
    if activation is keras.activations.linear or (isinstance(last, RadialBasis) and last.negate):
        return functools.partial(ops.softmax, axis=-1)
    raise InputError(
        f"{model.name} ends in the {type(last).__name__} layer {last.name!r}, which returns neither probabilities "
        "(a softmax) nor logits (no activation)"
    )


def to_logits(model: keras.Model) -> Callable[[Any], Any]:
    """Return the function from a model's outputs to logits, up to a constant per image.

    Probabilities are clipped to at least 10⁻¹², since in single precision those of a certain net are 0.

    Args:
        model: a classifier.

    Raises:
        InputError: as `to_probabilities`.

    Example:
    >>> import cnnzoo, numpy as np
    >>> ops.convert_to_numpy(to_logits(cnnzoo.lenet())(np.array([[1.0, 0.5, 0.0]]))).round(2)
    array([[  0.  ,  -0.69, -27.63]])
    """
    if to_probabilities(model) is _identity:
        return lambda probabilities: ops.log(ops.maximum(probabilities, 1e-12))
    return _identity


def _identity(outputs):
    return outputs
