"""Average pooling with a faster gradient."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnzoo")
class AveragePooling2D(keras.layers.AveragePooling2D):
    """Average windows that touch: Keras' layer to the last bit, with a gradient that is laid out by copying.

    TensorFlow's own gradient of average pooling is written for windows that may overlap; on a CPU
    it takes longer than the convolution before it.

    Args:
        pool_size: side of the square window, and its stride, in pixels; an integer ≥ 1.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, height // pool_size, width // pool_size, channels)`.

    Example:
    >>> import numpy as np
    >>> AveragePooling2D(2)(np.ones((1, 4, 6, 3), "float32")).shape
    TensorShape([1, 2, 3, 3])
    """

    def __init__(self, pool_size: int = 2, **kwargs):
        kwargs.pop("strides", None)  # equal to pool_size in every saved configuration
        super().__init__(pool_size, **kwargs)

    def call(self, images):
        return window_means(images, self.pool_size[0])


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


def _means(images, size: int):
    return ops.average_pool(images, size, size, padding="valid", data_format="channels_last")


def _spread(slopes, size: int):
    """Repeat every value over its window, by joining whole rows: memory is copied in long runs."""
    _, rows, columns, channels = slopes.shape
    wide = ops.reshape(ops.concatenate([slopes] * size, axis=-1), (-1, rows, columns * size * channels))
    tall = ops.concatenate([wide] * size, axis=-1)
    return ops.reshape(tall, (-1, rows * size, columns * size, channels))
