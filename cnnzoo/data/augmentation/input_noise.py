"""The three corruptions of denoising autoencoders, as augmentation layers for the input of a model."""

from typing import Any

import keras
import tensorflow as tf

from cnnzoo.checks import number
from cnnzoo.data.augmentation.image_layers import AugmentationLayer
from cnnzoo.layers.noise import Corruption


@keras.saving.register_keras_serializable(package="cnnzoo")
class InputNoise(AugmentationLayer):
    """Add an independent draw from a normal distribution around 0 to every value.

    This is `keras.layers.GaussianNoise`, in the two steps of an augmentation layer.

    Args:
        sigma: standard deviation of the noise; ≥ 0.
        seed: seed of the noise for direct calls of the layer.

    Raises:
        InputError: `sigma` is not a number of at least 0.

    Example:
    >>> import numpy as np
    >>> noisy = InputNoise(0.3)(np.zeros((8, 28, 28, 1), "float32"), training=True).numpy()
    >>> bool(abs(noisy.std() - 0.3) < 0.02)
    True
    """

    def __init__(self, sigma: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.sigma = number("sigma", sigma, 0)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        shape = tf.shape(images)
        return tf.random.stateless_normal(shape, seed.next(), stddev=self.sigma) if training else tf.zeros(shape)

    def transform_images(self, images, transformation, training: bool = True):
        return tf.cast(images, "float32") + transformation

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma}


class InputCorruption(AugmentationLayer):
    """Corrupt a fraction of the values by a layer of `cnnzoo.layers`, in the two steps of an augmentation layer.

    Args:
        corruption: `MaskingNoise` or `SaltAndPepperNoise`.
        seed: seed of the draws for direct calls of the layer.

    Example:
    >>> import numpy as np
    >>> from cnnzoo.layers import MaskingNoise
    >>> masked = InputCorruption(MaskingNoise(0.25))(np.ones((8, 28, 28, 1), "float32"), training=True).numpy()
    >>> sorted(set(masked.ravel().tolist())), bool(abs(masked.mean() - 0.75) < 0.05)
    ([0.0, 1.0], True)
    """

    def __init__(self, corruption: Corruption, **kwargs: Any):
        super().__init__(**kwargs)
        self.corruption = corruption

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        shape = tf.shape(images)
        return tf.random.stateless_uniform(shape, seed.next()) if training else tf.ones(shape)

    def transform_images(self, images, transformation, training: bool = True):
        return self.corruption.corrupt(tf.cast(images, "float32"), transformation)
