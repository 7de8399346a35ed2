"""The code of a variational autoencoder: a normal distribution for each image, of which training draws."""

from typing import Any

import keras
from keras import ops

from cnnzoo.checks import integer


@keras.saving.register_keras_serializable(package="cnnzoo")
class GaussianCode(keras.layers.Layer):
    """Compute mean and variance of a normal distribution per unit, and return a draw in training, else the mean.

    The mean is `features · kernel + bias`; likewise linear is the logarithm of the variance.

    Args:
        units: number of units of the code; an integer ≥ 1.
        seed: integer that makes the draws repeatable, or `None`.
        kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        features: float tensor `(batch, features)`.
        training: whether to draw.

    Returns:
        Float tensor `(batch, units)`.

    Raises:
        InputError: `units` is not a positive integer.

    Source: Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, section 2.4 and appendix C.2.

    Example:
    >>> import numpy as np
    >>> code = GaussianCode(2, seed=1)
    >>> features = np.ones((1, 3), "float32")
    >>> mean, log_variance = code.distribution(features)
    >>> bool(np.all(code(features) == mean)), bool(np.all(code(features, training=True) == mean))
    (True, False)
    """

    def __init__(self, units: int, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units = integer("units", units)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.log_variance_kernel = self.add_weight(
            shape=shape, initializer="glorot_uniform", name="log_variance_kernel"
        )
        self.log_variance_bias = self.add_weight(shape=(self.units,), initializer="zeros", name="log_variance_bias")

    def call(self, features, training=False):
        if not training:
            return ops.matmul(features, self.kernel) + self.bias
        return ops.cast(self.draw(*self.distribution(features), self.seed_generator), self.compute_dtype)

    def distribution(self, features: Any) -> tuple[Any, Any]:
        """Return mean and logarithm of the variance of each unit, in single precision at least: `(batch, units)` each.

        Args:
            features: float tensor `(batch, features)`.
        """
        if not self.built:
            self.build(features.shape)
        features = ops.cast(features, self.compute_dtype)
        mean = ops.matmul(features, ops.cast(self.kernel, self.compute_dtype))
        log_variance = ops.matmul(features, ops.cast(self.log_variance_kernel, self.compute_dtype))
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        biases = ops.cast(self.bias, dtype), ops.cast(self.log_variance_bias, dtype)
        return ops.cast(mean, dtype) + biases[0], ops.cast(log_variance, dtype) + biases[1]

    def draw(self, mean: Any, log_variance: Any, seed: Any, samples: int | None = None) -> Any:
        """Return codes that are drawn from a distribution: mean + standard deviation · noise.

        Args:
            mean: tensor `(batch, units)`.
            log_variance: tensor `(batch, units)`.
            seed: a `keras.random.SeedGenerator`, or an integer.
            samples: how many for each image; `None` for one without an axis of its own.

        Returns:
            Tensor `(batch, units)`, or `(samples, batch, units)`.
        """
        shape = ops.shape(mean) if samples is None else (samples, *ops.shape(mean))
        noise = keras.random.normal(shape, dtype=mean.dtype, seed=seed)
        return mean + ops.exp(log_variance / 2) * noise

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.units

    def get_config(self):
        return {**super().get_config(), "units": self.units, "seed": self.seed}
