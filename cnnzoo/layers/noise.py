"""Layers that corrupt the input of denoising autoencoders: masking noise, and salt-and-pepper noise."""

import keras
from keras import ops

from cnnzoo.checks import number


class Corruption(keras.layers.Layer):
    """Corrupt a fraction of the values in training, and none otherwise.

    Args:
        rate: probability that a value is corrupted, from 0 to 1.
        seed: integer that makes the noise repeatable, or `None`.
        kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        InputError: `rate` is not a number from 0 to 1.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rate = number("rate", rate, 0, 1)
        self.seed = seed
        if self.rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        # Always in float32: in half precision there are so few different draws that the rate would be wrong.
        draws = keras.random.uniform(ops.shape(inputs), dtype="float32", seed=self.seed_generator)
        return self.corrupt(inputs, draws)

    def corrupt(self, inputs, draws):
        """Return the inputs, with a value corrupted where the draw, uniform in [0, 1), is below the rate."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable(package="cnnzoo")
class MaskingNoise(Corruption):
    """Set each value to 0 with a probability, only in training.

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

    def corrupt(self, inputs, draws):
        return ops.where(draws < self.rate, ops.zeros_like(inputs), inputs)


@keras.saving.register_keras_serializable(package="cnnzoo")
class SaltAndPepperNoise(Corruption):
    """Set each value with a probability to 0 or to 1, each half of the time, only in training.

    Args:
        rate: probability that a value is set, from 0 to 1; half of it for 0 and half of it for 1.
        seed: integer that makes the noise repeatable, or `None`.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor of any shape, whose values are assumed to be from 0 to 1.
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

    def corrupt(self, inputs, draws):
        extremes = ops.where(draws < self.rate / 2, ops.zeros_like(inputs), ops.ones_like(inputs))
        return ops.where(draws < self.rate, extremes, inputs)
