"""The standard deviation of a Gaussian decoder."""

import math
from typing import Any

import keras

from cnnzoo.checks import number


@keras.saving.register_keras_serializable(package="cnnzoo")
class GaussianScale(keras.layers.Layer):
    """Hold the standard deviation of a decoder's normal distributions, one number that is learned; return their means.

    Args:
        initial: the standard deviation before training; > 0, in the units of the values.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        means: float tensor `(batch, …)`.

    Returns:
        The same tensor.

    Raises:
        InputError: `initial` is not a positive number.

    Source: Rybkin, Daniilidis and Levine, "Simple and Effective VAE Training with Calibrated Decoders", ICML 2021,
        section 3.

    Example:
    >>> import numpy as np
    >>> layer = GaussianScale(initial=2.0)
    >>> float(layer(np.ones((1, 3), "float32"))[0, 0]), round(float(np.exp(layer.log_scale)), 4)
    (1.0, 2.0)
    """

    def __init__(self, initial: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.initial = number("initial", initial, above=0)

    def build(self, input_shape):
        start = keras.initializers.Constant(math.log(self.initial))
        self.log_scale: Any = self.add_weight(shape=(), initializer=start, name="log_scale")

    def call(self, means):
        return means

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "initial": self.initial}
