"""Metrics of the papers of the classic nets that Keras lacks."""

import keras
from keras import ops

from cnnzoo.errors import InputError


@keras.saving.register_keras_serializable(package="cnnzoo")
class SquaredError(keras.metrics.Mean):
    """Compute the squared error per image, summed over its pixels, and average it over the images.

    The unit of Hinton and Salakhutdinov 2006. `keras.metrics.MeanSquaredError` averages over the pixels,
    too: for 28×28 pixels it is 784 times smaller.

    Args:
        name: name of the metric.
        dtype: dtype of the computation; default Keras' float dtype.

    Call arguments:
        y_true: images `(batch, …)`, integer or float.
        y_pred: their reconstructions, of the same shape.
        sample_weight: weight of each image, `(batch,)`, or `None`.

    Raises:
        InputError: the two have different shapes.

    Source: Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006.

    Example:
    >>> import numpy as np
    >>> metric = SquaredError()
    >>> metric.update_state(np.zeros((2, 28, 28, 1)), np.full((2, 28, 28, 1), 0.5))
    >>> float(metric.result())  # 784 · 0.25
    196.0
    """

    def __init__(self, name="squared_error", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.cast(y_true, self.dtype), ops.cast(y_pred, self.dtype)
        if y_true.shape[1:] != y_pred.shape[1:]:
            raise InputError(
                f"squared_error needs images and reconstructions of the same shape. Received: {tuple(y_true.shape)} "
                f"and {tuple(y_pred.shape)}"
            )
        errors = ops.sum(ops.square(y_true - y_pred), axis=tuple(range(1, len(y_pred.shape))))
        super().update_state(errors, sample_weight)
