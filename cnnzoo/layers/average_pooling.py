"""Average pooling with a faster gradient."""

import keras
from keras import ops

from cnnzoo.checks import choice, integer
from cnnzoo.layers import window


@keras.saving.register_keras_serializable(package="cnnzoo")
class AveragePooling2D(keras.layers.Layer):
    """Average windows, as Keras' layer of this name does, faster where they touch and the same on every backend.

    TensorFlow's own gradient of average pooling is written for windows that may overlap; on a CPU
    it takes longer than the convolution before it. Where windows touch, the gradient here is written
    by copying.

    Args:
        pool_size: side of the square window, in pixels; an integer ≥ 1.
        strides: step of the window, in pixels; an integer ≥ 1, or `None` for `pool_size`.
        padding: `"valid"`, which drops rows and columns that fill no whole window, or `"same"`, where
            pixels outside the image do not count.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, new_height, new_width, channels)`.

    Raises:
        InputError: an argument is out of range, or the input is not of rank 4 or smaller than the window.

    Example:
    >>> import numpy as np
    >>> AveragePooling2D(2)(np.ones((1, 4, 6, 3), "float32")).shape
    TensorShape([1, 2, 3, 3])
    """

    def __init__(self, pool_size: int = 2, strides: int | None = None, padding: str = "valid", **kwargs):
        super().__init__(**kwargs)
        self.pool_size = integer("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else integer("strides", strides)
        self.padding = choice("padding", padding, window.PADDINGS)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, images):
        if self.strides == self.pool_size and self.padding == "valid":
            return window_means(images, self.pool_size)
        return inner_means(images, (self.pool_size,) * 2, (self.strides,) * 2, self.padding)

    def compute_output_shape(self, input_shape):
        batch, *image, channels = input_shape
        sizes = window.output_sizes(image, (self.pool_size,) * 2, (self.strides,) * 2, self.padding)
        return batch, *sizes, channels

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
        }


def inner_means(images, size: tuple[int, int], strides: tuple[int, int], padding: str):
    """Average each window over its pixels within the images.

    Args:
        images: float tensor `(batch, height, width, channels)`.
        size: height and width of the window, in pixels.
        strides: its steps down and to the right, in pixels.
        padding: `"valid"` or `"same"`.
    """
    if padding == "valid" or keras.backend.backend() != "torch":
        return ops.average_pool(images, size, strides, padding, data_format="channels_last")
    # Under PyTorch Keras 3.15 repeats the last row and column: https://github.com/keras-team/keras/pull/23233
    sums, counts = (
        ops.average_pool(window.pad_same(values, size, strides), size, strides, "valid", data_format="channels_last")
        for values in (images, ops.ones_like(images[:1]))
    )
    return sums / counts


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
    """Repeat every value over its window, by concatenating whole rows: memory is copied in long runs."""
    _, rows, columns, channels = slopes.shape
    wide = ops.reshape(ops.concatenate([slopes] * size, axis=-1), (-1, rows, columns * size * channels))
    tall = ops.concatenate([wide] * size, axis=-1)
    return ops.reshape(tall, (-1, rows * size, columns * size, channels))
