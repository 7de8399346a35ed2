"""A border of one value around each map."""

import keras
from keras import ops

from cnnzoo.checks import integer, number


@keras.saving.register_keras_serializable(package="cnnzoo")
class ConstantPadding2D(keras.layers.Layer):
    """Put a border of one value around each map, as `keras.layers.ZeroPadding2D` puts one of zeros.

    Where an image's background is not 0, a border of zeros is a frame that the net sees.

    Args:
        padding: width of the border, in pixels, on each side; an integer ≥ 0.
        value: the border's value; the default is the background of images in [−1, 1].

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, height + 2·padding, width + 2·padding, channels)`.

    Raises:
        InputError: `padding` is not a non-negative integer, or `value` is not a finite number.

    Source: LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition": connections
        beyond the border take their input from a background of −1.

    Example:
    >>> import numpy as np
    >>> np.asarray(ConstantPadding2D(1)(np.zeros((1, 1, 1, 1), "float32")))[0, :, :, 0].tolist()
    [[-1.0, -1.0, -1.0], [-1.0, 0.0, -1.0], [-1.0, -1.0, -1.0]]
    """

    def __init__(self, padding: int = 1, value: float = -1.0, **kwargs):
        super().__init__(**kwargs)
        border = integer("padding", padding, 0)
        self.padding = ((border, border), (border, border))  # as Keras' layers of padding have it
        self.value = number("value", value)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, images):
        return ops.pad(images, ((0, 0), *self.padding, (0, 0)), constant_values=self.value)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        border = 2 * self.padding[0][0]
        return batch, *(None if side is None else side + border for side in sides), channels

    def get_config(self):
        return {**super().get_config(), "padding": self.padding[0][0], "value": self.value}
