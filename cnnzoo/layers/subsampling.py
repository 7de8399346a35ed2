"""The trainable subsampling of LeNet-5."""

import keras

from cnnzoo.checks import integer
from cnnzoo.layers import window
from cnnzoo.layers.average_pooling import window_means


@keras.saving.register_keras_serializable(package="cnnzoo")
class Subsampling2D(keras.layers.Layer):
    """Sum each window of a map, times one trained coefficient, plus one trained bias, then apply the activation.

    Two parameters a map, whatever the window: `y = activation(coefficient · Σ window + bias)`.
    Windows touch and do not overlap; rows and columns that fill no whole window are dropped.

    Args:
        pool_size: side of the square window, in pixels; an integer ≥ 1.
        activation: name or function applied to the result, or `None`.
        coefficient_initializer: initial coefficients, shape `(channels,)`. The default starts the
            layer as average pooling.
        bias_initializer: initial biases, shape `(channels,)`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`.

    Returns:
        Float tensor `(batch, height // pool_size, width // pool_size, channels)`.

    Raises:
        InputError: `pool_size` is not a positive integer, or the input is not of rank 4.

    Source: LeCun et al. 1998, section II-B, layers S2 and S4.

    Example:
    >>> import numpy as np
    >>> layer = Subsampling2D(2)
    >>> np.asarray(layer(np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)))[0, :, :, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """

    def __init__(
        self,
        pool_size: int = 2,
        activation=None,
        coefficient_initializer="average",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.pool_size = self.strides = integer("pool_size", pool_size)
        self.activation = keras.activations.get(activation)
        if coefficient_initializer == "average":
            coefficient_initializer = keras.initializers.Constant(1 / self.pool_size**2)
        self.coefficient_initializer = keras.initializers.get(coefficient_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        maps = (input_shape[-1],)
        self.coefficient = self.add_weight(shape=maps, initializer=self.coefficient_initializer, name="coefficient")
        self.bias = self.add_weight(shape=maps, initializer=self.bias_initializer, name="bias")

    def call(self, images):
        # The sum of a window is its average times its area; backends have a fast kernel for averages.
        means = window_means(images, (self.pool_size, self.pool_size))
        return self.activation(means * (self.coefficient * self.pool_size**2) + self.bias)

    def compute_output_shape(self, input_shape):
        batch, *image, channels = input_shape
        return batch, *(window.output_size(side, self.pool_size, self.pool_size, "valid") for side in image), channels

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "activation": keras.activations.serialize(self.activation),
            "coefficient_initializer": keras.initializers.serialize(self.coefficient_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
