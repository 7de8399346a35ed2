"""Metrics of the papers of the classic nets that Keras lacks."""

import keras
from keras import ops

from cnnzoo.targets import images_like, weights_like


@keras.saving.register_keras_serializable(package="cnnzoo")
class SquaredError(keras.metrics.MeanSquaredError):
    """Compute the squared error per image, summed over its pixels, and average it over the images.

    The unit of Hinton and Salakhutdinov 2006. `keras.metrics.MeanSquaredError`, whose direction it shares, averages
    over the pixels, too: for 28×28 pixels it is 784 times smaller.

    Args:
        name: name of the metric.
        dtype: dtype of the computation; default Keras' float dtype.

    Call arguments:
        y_true: images `(batch, …)`, integer or float, also without the axis of a single channel.
        y_pred: their reconstructions, `(batch, height, width, channels)` or `(batch, …)`.
        sample_weight: a number, one for each image, `(batch,)`, or one for each pixel, `(batch, height, width)`, as
            for Keras' metrics; `None` for 1.

    Raises:
        InputError: the two have different shapes, or the weights another one.

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
        y_pred = ops.cast(y_pred, self.dtype)
        y_true = images_like(ops.cast(y_true, self.dtype), y_pred, self.name)
        squares = ops.square(y_true - y_pred)
        if sample_weight is not None:
            sample_weight = weights_like(sample_weight, y_pred, self.dtype)
        if sample_weight is None or len(sample_weight.shape) < 2:
            errors = ops.sum(squares, axis=tuple(range(1, len(squares.shape))))
        else:  # of each row of pixels, over which the weights are averaged
            errors = ops.mean(squares, axis=-1) * ops.cast(ops.size(squares[0]), self.dtype)
        keras.metrics.Mean.update_state(self, errors, sample_weight)
