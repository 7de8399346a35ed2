"""What the noises of denoising autoencoders share."""

import keras
from keras import ops

from cnnzoo.errors import InputError


class Corruption(keras.layers.Layer):
    """Spoil a share of the values in training, and none otherwise.

    Args:
        rate: probability that a value is spoilt, from 0 to 1.
        seed: integer that makes the noise repeatable, or `None`.
        kwargs: the arguments of `keras.layers.Layer`.

    Raises:
        InputError: `rate` is not a number from 0 to 1.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise InputError(f"the rate of {self.name} must be a number from 0 to 1, not {rate!r}")
        self.rate = rate
        self.seed = seed
        if rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        # In float32 always: in half precision a draw is one of so few values that the rate would be off.
        draws = keras.random.uniform(ops.shape(inputs), dtype="float32", seed=self.seed_generator)
        return self.spoilt(inputs, draws)

    def spoilt(self, inputs, draws):
        """Return the inputs, with a value spoilt where the draw, uniform in [0, 1), is below the rate."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
