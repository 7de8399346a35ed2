"""A 1×1 convolution that takes steps."""

import keras


@keras.saving.register_keras_serializable(package="cnnzoo")
class PointwiseConv2D(keras.layers.Conv2D):
    """Convolve by 1×1 windows at steps: what `keras.layers.Conv2D` computes, on the pixels that are seen.

    Same weights, same numbers. The gradient of TensorFlow 2.21's own 1×1 convolution with steps writes
    beyond its memory on a CPU, and now and then ends the process.

    Args:
        filters: number of output maps.
        strides: steps down and to the right, in pixels.
        kwargs: the other arguments of `keras.layers.Conv2D`, besides `kernel_size`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, new_height, new_width, filters)`; sizes are rounded up.

    Raises:
        ValueError: as `keras.layers.Conv2D`, or channels come first.

    Example:
    >>> import numpy as np
    >>> PointwiseConv2D(4, strides=2)(np.zeros((1, 7, 8, 3), "float32")).shape
    TensorShape([1, 4, 4, 4])
    """

    def __init__(self, filters: int, strides=1, **kwargs):
        kwargs.pop("kernel_size", None)  # that of the configuration
        super().__init__(filters, 1, strides, **kwargs)
        if self.data_format != "channels_last":
            raise ValueError(f"channels must come last. Received: data_format={self.data_format!r}")

    def convolution_op(self, inputs, kernel):
        down, right = self.strides
        return keras.ops.conv(inputs[:, ::down, ::right], kernel, padding="valid", data_format="channels_last")
