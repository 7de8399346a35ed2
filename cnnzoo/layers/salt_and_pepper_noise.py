"""Noise of black and white pixels."""

import keras
from keras import ops

from cnnzoo.layers.corruption import Corruption


@keras.saving.register_keras_serializable(package="cnnzoo")
class SaltAndPepperNoise(Corruption):
    """Set each value with a probability to 0 or to 1, to either half of the time, in training alone.

    Args:
        rate: probability that a value is set, from 0 to 1; half of it for 0 and half of it for 1.
        seed: integer that makes the noise repeatable, or `None`.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor of any shape, whose values are thought to lie from 0 to 1.
        training: whether to corrupt.

    Returns:
        Float tensor of the same shape.

    Raises:
        InputError: `rate` is not a number from 0 to 1.

    Source: Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010, section 3.3.

    Example:
    >>> import numpy as np
    >>> noise = SaltAndPepperNoise(1, seed=1)
    >>> sorted(set(np.asarray(noise(np.full((1, 100), 0.5, "float32"), training=True)).ravel().tolist()))
    [0.0, 1.0]
    """

    def spoilt(self, inputs, draws):
        extremes = ops.where(draws < self.rate / 2, ops.zeros_like(inputs), ops.ones_like(inputs))
        return ops.where(draws < self.rate, extremes, inputs)
