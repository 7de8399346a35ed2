"""A 1×1 convolution with strides."""

import keras

from cnnzoo.checks import refusal


@keras.saving.register_keras_serializable(package="cnnzoo")
class PointwiseConv2D(keras.layers.Conv2D):
    """Convolve 1×1 windows with strides, as `keras.layers.Conv2D` does, on the strided pixels alone.

    Same weights, same numbers. The gradient of TensorFlow 2.21's own 1×1 convolution with strides writes
    beyond its memory on a CPU, and sometimes ends the process.

    Args:
        filters: number of output maps.
        strides: step of the window in pixels, or `(height, width)`.
        kwargs: the other arguments of `keras.layers.Conv2D`, besides `kernel_size`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, new_height, new_width, filters)`; sizes are rounded up.

    Raises:
        InputError: `data_format` is `"channels_first"`.
        ValueError: as `keras.layers.Conv2D`.

    Example:
    >>> import numpy as np
    >>> PointwiseConv2D(4, strides=2)(np.zeros((1, 7, 8, 3), "float32")).shape
    TensorShape([1, 4, 4, 4])
    """

    def __init__(self, filters: int, strides=1, **kwargs):
        kwargs.pop("kernel_size", None)  # a configuration has it
        super().__init__(filters, 1, strides, **kwargs)
        if self.data_format != "channels_last":
            raise refusal("data_format", "'channels_last'", self.data_format)

    def convolution_op(self, inputs, kernel):
        down, right = self.strides
        return keras.ops.conv(inputs[:, ::down, ::right], kernel, padding="valid", data_format="channels_last")
