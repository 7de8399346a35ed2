"""What a net is trained to do: to name the class of an image, or to give the image back."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from cnnzoo import models
from cnnzoo.metrics import SquaredError


@dataclasses.dataclass(frozen=True)
class Task:
    """What differs between classifiers and autoencoders.

    Attributes:
        metric: makes the metric that runs are judged by, beside the loss.
        target: what the net is to answer, from its input and the label.
    """

    metric: Callable[[], keras.metrics.Metric]
    target: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

    @property
    def figures(self) -> tuple[str, str]:
        """Names of the figures that a run is judged by."""
        return self.metric().name, "loss"

    def batches(self, labelled: tf.data.Dataset) -> tf.data.Dataset:
        """Return batches of inputs and targets, from those of inputs and labels."""
        return labelled.map(lambda inputs, labels: (inputs, self.target(inputs, labels)))


CLASSIFY = Task(lambda: keras.metrics.SparseCategoricalAccuracy(name="accuracy"), lambda inputs, labels: labels)
RECONSTRUCT = Task(SquaredError, lambda inputs, labels: inputs)


def task_of(model: keras.Model) -> Task:
    """Return what a model is for: one whose answer has the shape of its input reconstructs.

    Example:
    >>> import cnnzoo
    >>> task_of(cnnzoo.lenet()) is CLASSIFY, task_of(cnnzoo.deep_autoencoder()) is RECONSTRUCT
    (True, True)
    """
    return RECONSTRUCT if models.reconstructs(model) else CLASSIFY
