"""A grouped convolution, computed as AlexNet's two columns."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnzoo")
class ColumnConv2D(keras.layers.Conv2D):
    """Convolve in groups, as `keras.layers.Conv2D(groups=…)` does, one column after the other.

    Same weights, same numbers. TensorFlow's own grouped convolution takes several times as long on a
    CPU as the convolutions of its columns (`benchmarks/alexnet_layers.py --native-groups`); the paper's two
    columns were two convolutions on two graphics cards.

    Args:
        filters: maps of all columns together; a multiple of `groups`.
        kernel_size: side or sides of the window, in pixels.
        groups: number of columns; divides the input's channels.
        kwargs: the other arguments of `keras.layers.Conv2D`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, new_height, new_width, filters)`.

    Raises:
        ValueError: as `keras.layers.Conv2D`.

    Source: Krizhevsky, Sutskever and Hinton 2012, figure 2.

    Example:
    >>> import numpy as np
    >>> layer = ColumnConv2D(256, 5, groups=2, padding="same")
    >>> layer(np.zeros((1, 27, 27, 96), "float32")).shape[1:], layer.count_params()
    (TensorShape([27, 27, 256]), 307456)
    """

    def convolution_op(self, inputs, kernel):
        if self.groups == 1:
            return super().convolution_op(inputs, kernel)
        channels = -1 if self.data_format == "channels_last" else 1
        columns = zip(
            ops.split(inputs, self.groups, axis=channels), ops.split(kernel, self.groups, axis=-1), strict=True
        )
        maps = [
            ops.conv(
                column,
                weights,
                strides=list(self.strides),
                padding=self.padding,
                dilation_rate=self.dilation_rate,
                data_format=self.data_format,
            )
            for column, weights in columns
        ]
        return ops.concatenate(maps, axis=channels)
