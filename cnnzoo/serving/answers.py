"""What signatures return of a model's outputs, by name."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.models.probabilities import to_probabilities


@dataclasses.dataclass(frozen=True)
class Answer:
    """How a model's outputs become an answer.

    Attributes:
        probable: what makes probabilities of the outputs; of a reconstruction, the reconstruction itself.
        named: what makes the signature's outputs, by name, of what `probable` returned.
    """

    probable: Callable[[Any], Any]
    named: Callable[[Any], dict[str, Any]]

    def __call__(self, outputs) -> dict[str, Any]:
        """Return a signature's outputs of the model's."""
        return self.named(self.probable(tf.cast(outputs, tf.float32)))


def reconstruction() -> Answer:
    """Return the answer of an autoencoder: the image as it reconstructs it."""
    return Answer(_as_it_is, lambda images: {"reconstruction": images})


def classification(model: keras.Model, class_names: Sequence[str] | None, top: int) -> tuple[tuple[str, ...], Answer]:
    """Return the names of a classifier's classes, and its answer.

    Args:
        model: the classifier.
        class_names: name of each class, or `None` for their numbers.
        top: how many classes to name.

    Raises:
        InputError: no classifier, names that do not match its classes, or `top` out of range.
    """
    classes = _classes(model)
    names = tuple(map(str, range(classes))) if class_names is None else tuple(class_names)
    if len(names) != classes:
        raise InputError(f"the model has {classes} classes, but {len(names)} class_names were given")
    if type(top) is not int or not 1 <= top <= classes:
        raise InputError(f"top must be an integer from 1 to the {classes} classes, not {top!r}")

    def named(probabilities):
        if top == 1:
            class_id = tf.argmax(probabilities, axis=-1)
            return {"probabilities": probabilities, "class_id": class_id, "class_name": tf.gather(names, class_id)}
        best, class_id = tf.math.top_k(probabilities, k=top)
        return {
            "probabilities": probabilities,
            "class_id": tf.cast(class_id, "int64"),
            "class_name": tf.gather(names, class_id),
            "class_probability": best,
        }

    return names, Answer(to_probabilities(model), named)


def _classes(model: keras.Model) -> int:
    if not isinstance(model.output_shape, tuple) or len(model.output_shape) != 2:
        raise InputError(
            f"{model.name} is no classifier and no autoencoder: it returns {model.output_shape}, "
            "not (batch, classes) or images like its input"
        )
    return model.output_shape[-1]


def _as_it_is(outputs):
    return outputs
