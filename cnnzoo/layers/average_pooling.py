"""Average pooling with a faster gradient."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnzoo")
class AveragePooling2D(keras.layers.Layer):
    """Average windows that touch: what Keras' layer computes, with a gradient that is laid out by copying.

    TensorFlow's own gradient of average pooling is written for windows that may overlap; on a CPU
    it takes longer than the convolution before it. Rows and columns that fill no whole window are
    dropped. For other strides or padding there is `keras.layers.AveragePooling2D`.

    Args:
        pool_size: side of the square window, and its stride, in pixels; an integer ≥ 1.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, height // pool_size, width // pool_size, channels)`.

    Raises:
        ValueError: `pool_size` is not a positive integer, or the input is not of rank 4.

    Example:
    >>> import numpy as np
    >>> AveragePooling2D(2)(np.ones((1, 4, 6, 3), "float32")).shape
    TensorShape([1, 2, 3, 3])
    """

    def __init__(self, pool_size: int = 2, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(pool_size, int) or pool_size < 1:
            raise ValueError(f"pool_size must be an integer of at least 1. Received: pool_size={pool_size!r}")
        self.pool_size = pool_size
        self.strides = pool_size
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, images):
        return window_means(images, self.pool_size)

    def compute_output_shape(self, input_shape):
        return windows_shape(input_shape, self.pool_size)

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size}


def window_means(images, size: int):
    """Average each `size`×`size` window of a map; rows and columns that fill no whole window are dropped.

    Args:
        images: float tensor `(batch, height, width, channels)`.
        size: side of the window, in pixels.
    """
    height, width = images.shape[1:3]
    if height is None or width is None or height % size or width % size:
        return _means(images, size)

    @ops.custom_gradient
    def with_gradient(images):
        def gradient(*arguments, upstream=None):
            slopes = arguments[0] if upstream is None else upstream
            return _spread(slopes / size**2, size)

        return _means(images, size), gradient

    return with_gradient(images)


def windows_shape(input_shape, size: int):
    """Return the shape of a map's windows, from `(batch, height, width, channels)`."""
    batch, height, width, channels = input_shape
    rows, columns = (None if side is None else side // size for side in (height, width))
    return batch, rows, columns, channels


def _means(images, size: int):
    return ops.average_pool(images, size, size, padding="valid", data_format="channels_last")


def _spread(slopes, size: int):
    """Repeat every value over its window, by joining whole rows: memory is copied in long runs."""
    _, rows, columns, channels = slopes.shape
    wide = ops.reshape(ops.concatenate([slopes] * size, axis=-1), (-1, rows, columns * size * channels))
    tall = ops.concatenate([wide] * size, axis=-1)
    return ops.reshape(tall, (-1, rows * size, columns * size, channels))
