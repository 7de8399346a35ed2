"""What a net is trained to do: to name the class of an image, or to give the image back."""

import dataclasses
from collections.abc import Callable

import keras

from cnnzoo import models
from cnnzoo.metrics import SquaredError


@dataclasses.dataclass(frozen=True)
class Task:
    """What differs between classifiers and autoencoders.

    Attributes:
        metric: makes the metric that runs are judged by, beside the loss.
        labels: whether the net is to answer the label, or to give back the image.
    """

    metric: Callable[[], keras.metrics.Metric]
    labels: bool

    @property
    def figures(self) -> tuple[str, str]:
        """Names of the figures that a run is judged by."""
        return self.metric().name, "loss"


CLASSIFY = Task(lambda: keras.metrics.SparseCategoricalAccuracy(name="accuracy"), labels=True)
RECONSTRUCT = Task(SquaredError, labels=False)


def task_of(model: keras.Model) -> Task:
    """Return what a model is for: one whose answer has the shape of its input reconstructs.

    Example:
    >>> import cnnzoo
    >>> task_of(cnnzoo.lenet()) is CLASSIFY, task_of(cnnzoo.deep_autoencoder()) is RECONSTRUCT
    (True, True)
    """
    return RECONSTRUCT if models.reconstructs(model) else CLASSIFY
