"""Pooling by the p-norm, between the mean and the maximum."""

import keras
from keras import ops

from cnnzoo.checks import choice, number
from cnnzoo.layers import window
from cnnzoo.layers.average_pooling import inner_means


@keras.saving.register_keras_serializable(package="cnnzoo")
class LpPooling2D(keras.layers.Layer):
    """Pool windows by their p-norm: (1/N Σ |x|^p)^(1/p), by default the root mean square of a window.

    Normalized, p=1 is the mean of |x|, p=2 the root mean square, and a growing p nears the maximum.
    `normalized=False` leaves out 1/N, as PyTorch's `LPPool2d` does. Where a whole window is 0 the
    root has no slope; its gradient is taken as 0. |x|^p is computed directly: with p=16, for example, activities
    beyond 250 overflow float32, and those below 0.003 count as 0.

    Args:
        p: the power; a finite number ≥ 1. For the maximum use `keras.layers.MaxPooling2D`.
        pool_size: side of the window in pixels, or `(height, width)`.
        strides: step of the window in pixels, or `(height, width)`; default `pool_size`.
        padding: `"valid"`, or `"same"`, where pixels outside the image do not count.
        normalized: whether to divide by N, the number of pixels in the window.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, new_height, new_width, channels)`.

    Raises:
        InputError: an argument is out of range, or the input is not of rank 4.

    Source: Sermanet, Chintala and LeCun, "Convolutional Neural Networks Applied to House Numbers
    Digit Classification", 2012, https://arxiv.org/abs/1204.3968 (without the Gaussian weights).

    Example:
    >>> import numpy as np
    >>> window = np.array([[3.0, 4.0], [0.0, 0.0]], "float32").reshape(1, 2, 2, 1)
    >>> float(LpPooling2D(2)(window)[0, 0, 0, 0]), float(LpPooling2D(2, normalized=False)(window)[0, 0, 0, 0])
    (2.5, 5.0)
    """

    def __init__(self, p: float = 2, pool_size=2, strides=None, padding: str = "valid", normalized=True, **kwargs):
        super().__init__(**kwargs)
        self.p = number("p", p, 1)
        self.pool_size = window.pair("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else window.pair("strides", strides)
        self.padding = choice("padding", padding, window.PADDINGS)
        self.normalized = bool(normalized)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, images):
        # In half precision the powers would overflow or vanish.
        values = ops.cast(images, "float32") if self.compute_dtype in ("float16", "bfloat16") else images
        powers = ops.square(values) if self.p == 2 else ops.power(ops.absolute(values), self.p)
        return ops.cast(_root(self._pooled(powers), 1 / self.p), self.compute_dtype)

    def _pooled(self, powers):
        if self.normalized:
            return inner_means(powers, self.pool_size, self.strides, self.padding)
        if self.padding == "same":  # zeros add nothing to a sum, but would count in a mean
            powers = window.pad_same(powers, self.pool_size, self.strides)
        means = ops.average_pool(powers, self.pool_size, self.strides, "valid", data_format="channels_last")
        return means * float(self.pool_size[0] * self.pool_size[1])

    def compute_output_shape(self, input_shape):
        batch, *image, channels = input_shape
        return batch, *window.output_sizes(image, self.pool_size, self.strides, self.padding), channels

    def get_config(self):
        return {
            **super().get_config(),
            "p": self.p,
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "normalized": self.normalized,
        }


def _root(means, power: float):
    """Return `means` to a power below 1, with slope 0 instead of infinity where they are 0."""
    positive = means > 0
    return ops.where(positive, ops.power(ops.where(positive, means, 1), power), 0)
