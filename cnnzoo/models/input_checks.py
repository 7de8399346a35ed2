"""What people hand to a net by mistake: pixels as they are, one image without its batch, labels in a list.

A net that is fed pixels of 0 to 255, in place of what its preprocessing makes of them, trains badly or predicts
nonsense, without a word.
"""

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from cnnzoo.checks import check_finite
from cnnzoo.errors import InputError

LOOKED_AT = 256  # images, the first ones
TOLERANCE = 0.1  # fraction of the range by which augmentation may leave it
FEW = 20  # rows, whose deviations differ by chance
MOST_DEVIATION = 10.0  # of a column that counts as standardized, and between two of them
FLAT = 0.01  # fraction of the range that images of any contrast exceed


def check_inputs(model: keras.Model, preprocess_input: Callable[..., Any]) -> None:
    """Let a model's `fit`, `evaluate` and `predict` look at the arrays that they are given.

    They warn once of images in another range than the preprocessing makes, and refuse in one sentence what Keras
    refuses with words about ranks. Data sets pass as they are. It is this object that looks: a clone does not.

    Args:
        model: a model with one input, of images.
        preprocess_input: its family's preprocessing.
    """
    warned = False

    def checked(method: Callable) -> Callable:
        signature = inspect.signature(method)

        @functools.wraps(method)
        def with_checks(*arguments, **options):
            nonlocal warned
            given = signature.bind_partial(*arguments, **options).arguments
            images, labels = given.get("x"), given.get("y")
            if tuple(getattr(images, "shape", ())) == model.input_shape[1:]:
                raise InputError(f"{model.name} takes batches of images: for one image, pass image[None]")
            if isinstance(labels, list) and not any(hasattr(label, "shape") for label in labels):
                raise InputError(f"{model.name} takes labels as an array: pass np.array(labels), not a list")
            if len(model.input_shape) < 4:
                check_finite(images, model.name)
            trains = method.__name__ == "fit"
            if not warned and (problem := _problem(model, images, preprocess_input, trains)):
                warned = True
                warnings.warn(problem, stacklevel=2)
            return method(*arguments, **options)

        return with_checks

    for name in ("fit", "evaluate", "predict"):
        setattr(model, name, checked(getattr(model, name)))


def _problem(model: keras.Model, values: Any, preprocess_input: Callable[..., Any], trains: bool) -> str:
    """Return what is wrong with the values of an array of images, or of the signals or vectors of a training."""
    if len(model.input_shape) == 4:
        return _wrong_range(model, values, preprocess_input)
    if not trains or not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or len(values) < FEW:
        return ""
    deviations = values.reshape(-1, values.shape[-1]).astype("float64").std(axis=0)
    some = deviations[deviations > 0]
    if not len(some) or (some.max() <= MOST_DEVIATION and some.max() <= MOST_DEVIATION * some.min()):
        return ""
    return (
        f"{model.name} is given columns with standard deviations from {some.min():.3g} to {some.max():.3g}: the "
        "largest alone will count. Standardize them, as keras.layers.Normalization or scikit-learn's StandardScaler do"
    )


def _wrong_range(model: keras.Model, images: Any, preprocess_input: Callable[..., Any]) -> str:
    """Return what is wrong with the range of an array of images, or nothing."""
    if not hasattr(images, "shape") or len(images.shape) != 4 or not len(images):
        return ""
    seen = keras.ops.convert_to_numpy(images[:LOOKED_AT])
    low, high = float(seen.min()), float(seen.max())
    least, most = _range(model, preprocess_input)
    room = TOLERANCE * (most - least)
    if least - room <= low and high <= most + room and (low == high or high - low > FLAT * (most - least)):
        return ""
    call = f"{preprocess_input.__module__}.preprocess_input(images)"
    return (
        f"{model.name} is given images of {low:.4g} to {high:.4g}, where its preprocessing makes {least:.4g} to "
        f"{most:.4g}: give it {call}, of pixels 0 to 255"
    )


def _range(model: keras.Model, preprocess_input: Callable[..., Any]) -> tuple[float, float]:
    """Return the smallest and the largest value that the preprocessing makes of any pixels."""
    height, width, channels = (side or 32 for side in model.input_shape[1:])
    black = np.zeros((height, width, channels), "uint8")
    one_white = black.copy()
    one_white[0, 0] = 255  # of all images it has the largest value where contrast is normalized
    made = keras.ops.convert_to_numpy(preprocess_input(np.stack([black, 255 - black, one_white, 255 - one_white])))
    return float(made.min()), float(made.max())


def check_pixels(images: Any, named: str) -> None:
    """Warn of images that are no pixels of 0 to 255, as the preprocessing of every model takes them.

    Args:
        images: array of images; what has no values yet, in a graph, is not looked at.
        named: the function that takes them, as people call it.
    """
    if not (isinstance(images, np.ndarray) or hasattr(images, "numpy")) or "uint8" in str(images.dtype):
        return
    is_float = "float" in str(images.dtype)
    low, high = (float(found(images)) for found in (keras.ops.min, keras.ops.max))
    if not (low >= 0 and high <= 255):  # also where one is NaN
        problem = "it takes pixels from 0 to 255"
    elif is_float and 0 < high <= 1:
        problem = "it takes pixels from 0 to 255: multiply them by 255"
    else:
        return
    warnings.warn(f"{named} is given images of {low:.4g} to {high:.4g}; {problem}", stacklevel=3)
