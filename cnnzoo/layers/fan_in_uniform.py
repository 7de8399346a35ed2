"""The initial weights of LeNet-5."""

import math
import random

import keras


@keras.saving.register_keras_serializable(package="cnnzoo")
class FanInUniform(keras.initializers.Initializer):
    """Draw weights uniformly from ±scale / fan-in.

    Unlike Keras' `lecun_uniform`, whose bound falls with the *root* of the fan-in, the bound here
    falls with the fan-in itself.

    Args:
        scale: the bound for a unit with one input; positive.
        fan_in: inputs per unit, or `None` to take all axes of the shape but the last.
        seed: an integer, or `None` for a new draw each time an initializer is made.

    Source: ±2.4/Fᵢ as LeCun et al. 1998 are commonly quoted; not checked here against their text.

    Example:
    >>> import numpy as np
    >>> kernel = np.asarray(FanInUniform(2.4, seed=0)((5, 5, 6, 16)))
    >>> bool(abs(kernel).max() <= 2.4 / 150)
    True
    """

    def __init__(self, scale: float = 2.4, fan_in: int | None = None, seed: int | None = None):
        if not scale > 0:
            raise ValueError(f"scale must be positive. Received: scale={scale}")
        self.scale = scale
        self.fan_in = fan_in
        self.seed = seed
        self._draw_seed = random.randint(1, 10**9) if seed is None else seed  # noqa: S311

    def __call__(self, shape, dtype=None):
        bound = self.scale / (self.fan_in or math.prod(shape[:-1]))
        return keras.random.uniform(shape, -bound, bound, dtype=dtype, seed=self._draw_seed)

    def get_config(self):
        return {"scale": self.scale, "fan_in": self.fan_in, "seed": self.seed}
