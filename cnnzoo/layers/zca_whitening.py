"""ZCA whitening, after which images still look like images."""

from typing import Any

import keras
import numpy as np
from keras import ops

from cnnzoo.checks import number
from cnnzoo.errors import InputError
from cnnzoo.layers.covariance import check_values, mean_and_covariance


@keras.saving.register_keras_serializable(package="cnnzoo")
class ZCAWhitening(keras.layers.Layer):
    """Decorrelate the values of images: of all such transformations, the one that changes them least.

    With the covariance of the training images C = U·diag(λ)·Uᵀ it is x ↦ (x − mean)·U·diag(1/√(λ + ε))·Uᵀ. Mean and
    matrix are weights that are not trained; `adapt` sets them, as that of `keras.layers.Normalization` does. Before
    that the layer changes nothing.

    Args:
        epsilon: ε, added to the variances so that directions in which images hardly differ are not amplified; > 0. That
            of the maxout networks, which the all-convolutional nets follow, is 0.1, for images of deviation 1.

    Call arguments:
        images: float tensor `(batch, …)` of known size.

    Returns:
        Float32 tensor of the same shape.

    Raises:
        InputError: `epsilon` is not positive, or the images have more than 12,288 values.

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, appendix A; Goodfellow et al.,
        "Maxout Networks", 2013, section 5.2.

    Example:
    >>> images = np.random.default_rng(0).normal(size=(500, 2)) @ [[2.0, 1.0], [1.0, 2.0]]
    >>> whitening = ZCAWhitening(epsilon=1e-6)
    >>> whitening.adapt(images)
    >>> np.cov(whitening(images), rowvar=False).round(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, epsilon: float = 0.1, **kwargs):
        # In half precision the sum over thousands of values would be noise.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.epsilon = number("epsilon", epsilon, above=0)

    def build(self, input_shape):
        if None in input_shape[1:]:
            raise InputError(f"whitening needs images of known size. Received: {tuple(input_shape)}")
        size = int(np.prod(input_shape[1:]))
        check_values(size, "whitening")
        self.mean = self.add_weight(shape=(size,), initializer="zeros", trainable=False, name="mean")
        self.matrix = self.add_weight(shape=(size, size), initializer="identity", trainable=False, name="matrix")

    def adapt(self, data: Any) -> None:
        """Compute mean and matrix from images; in float64, a batch at a time.

        Args:
            data: array `(n, …)`, or batches of such, read once.

        Raises:
            InputError: fewer than two images, or a number that is not finite.
        """
        mean, covariance, _ = mean_and_covariance(data, "whitening")
        if not self.built:
            self.build((None, len(mean)))
        variances, directions = np.linalg.eigh(covariance)
        scaled = directions / np.sqrt(np.maximum(variances, 0) + self.epsilon)
        self.mean.assign(mean)
        self.matrix.assign(scaled @ directions.T)

    def call(self, images):
        rows = ops.reshape(images, (-1, self.mean.shape[0])) - self.mean
        return ops.reshape(ops.matmul(rows, self.matrix), (-1, *images.shape[1:]))

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
