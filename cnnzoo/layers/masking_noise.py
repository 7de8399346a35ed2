"""The corruption of the denoising autoencoder."""

import keras
from keras import ops

from cnnzoo.layers.corruption import Corruption


@keras.saving.register_keras_serializable(package="cnnzoo")
class MaskingNoise(Corruption):
    """Set each value to 0 with a probability, in training alone.

    Unlike `keras.layers.Dropout` it leaves the other values as they are.

    Args:
        rate: probability that a value is set to 0, from 0 to 1.
        seed: integer that makes the noise repeatable, or `None`.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor of any shape.
        training: whether to corrupt.

    Returns:
        Float tensor of the same shape.

    Raises:
        InputError: `rate` is not a number from 0 to 1.

    Source: Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010, section 3.3.

    Example:
    >>> import numpy as np
    >>> noise = MaskingNoise(0.5, seed=1)
    >>> ones = np.ones((1, 1000), "float32")
    >>> float(ops.sum(noise(ones))), 400 < float(ops.sum(noise(ones, training=True))) < 600
    (1000.0, True)
    """

    def spoilt(self, inputs, draws):
        return ops.where(draws < self.rate, ops.zeros_like(inputs), inputs)
