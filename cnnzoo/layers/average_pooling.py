"""Average pooling with a faster gradient."""

import keras
from keras import ops

from cnnzoo.layers import window


class AveragePooling2D(keras.layers.AveragePooling2D):
    """Average windows, as Keras' layer does, with a faster gradient where they touch and the same on every backend.

    TensorFlow's own gradient of average pooling is written for windows that may overlap: on a CPU a step of `lenet`
    costs 6 % more processor time with it (`benchmarks/own_ways.py`). Where windows touch and fill the images, the
    gradient here is written by copying.

    Files name Keras' own layer, so that they can be read without cnnzoo; `cnnzoo.load_model` makes this one of it.

    Args:
        args, kwargs: the arguments of `keras.layers.AveragePooling2D`.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`; with `data_format="channels_first"` the channels
            come second.

    Returns:
        Float tensor `(batch, new_height, new_width, channels)`.

    Raises:
        ValueError: as `keras.layers.AveragePooling2D`.

    Example:
    >>> import numpy as np
    >>> AveragePooling2D((2, 2))(np.ones((1, 4, 6, 3), "float32")).shape
    TensorShape([1, 2, 3, 3])
    """

    __module__ = "keras.layers"  # what a file says, where Keras finds its own layer

    def call(self, inputs):
        if self.data_format != "channels_last":
            return super().call(inputs)
        if self.strides == self.pool_size and self.padding == "valid":
            return window_means(inputs, self.pool_size)
        return inner_means(inputs, self.pool_size, self.strides, self.padding)


__test__ = {"AveragePooling2D": AveragePooling2D}  # where doctest finds the example of a class that names Keras' module


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


def window_means(images, size: tuple[int, int]):
    """Average windows of a map that touch; rows and columns that fill no whole window are dropped.

    Args:
        images: float tensor `(batch, height, width, channels)`.
        size: height and width of the window, in pixels.
    """
    if any(side is None or side % length for side, length in zip(images.shape[1:3], size, strict=True)):
        return _means(images, size)

    @ops.custom_gradient
    def with_gradient(images):
        def gradient(*arguments, upstream=None):
            slopes = arguments[0] if upstream is None else upstream
            return _spread(slopes / (size[0] * size[1]), size)

        return _means(images, size), gradient

    return with_gradient(images)


def _means(images, size: tuple[int, int]):
    return ops.average_pool(images, size, size, padding="valid", data_format="channels_last")


def _spread(slopes, size: tuple[int, int]):
    """Repeat every value over its window, by concatenating whole rows: memory is copied in long runs."""
    tall, wide = size
    _, rows, columns, channels = slopes.shape
    across = ops.reshape(ops.concatenate([slopes] * wide, axis=-1), (-1, rows, columns * wide * channels))
    return ops.reshape(ops.concatenate([across] * tall, axis=-1), (-1, rows * tall, columns * wide, channels))
