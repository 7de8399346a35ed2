"""AlexNet's noise in colour and brightness."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo.data.augmentation.pixel_layer import PixelLayer, deviation
from cnnzoo.errors import InputError

# Eigenvalues and, in columns, eigenvectors of the covariance of the RGB values of ImageNet's pixels,
# on the scale from 0 to 1: `datasets/imagenet.lua` of facebook/fb.resnet.torch, 2016.
EIGENVALUES = np.array([0.2175, 0.0188, 0.0045], "float32")
EIGENVECTORS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]], "float32")


@keras.saving.register_keras_serializable(package="cnnzoo")
class ColourNoise(PixelLayer):
    """Add to every pixel of an image the same random multiple of the main components of ImageNet's colours.

    That is 255 · [p₁ p₂ p₃][α₁λ₁ α₂λ₂ α₃λ₃]ᵀ with α ~ N(0, σ²), drawn once for an image. Nothing is
    clipped: pixels may leave 0 to 255.

    A doubt remains about its strength. The paper multiplies by the eigenvalues λ, but does not say on
    which scale. The published ones are variances on the scale from 0 to 1: they sum to 0.241, three
    times the square of 0.28, about what pixels deviate by. Taken as they are, the common reading, the
    first component has a standard deviation of 5.5 grey levels. Krizhevsky's own cuda-convnet2 calls its
    factors `color_stdevs`, and with the square roots of λ it would be 11.9.

    Args:
        sigma: standard deviation of α; the paper's is 0.1.
        seed: seed of α where it is called as a layer.

    Raises:
        InputError: the images are not of three channels, or sigma is negative.

    Source: Krizhevsky et al. 2012, section 4.1.

    Example:
    >>> import numpy as np
    >>> noisy = ColourNoise()(np.zeros((2, 4, 4, 3), "uint8"), training=True).numpy()
    >>> [len(np.unique(image.reshape(16, 3), axis=0)) for image in noisy]
    [1, 1]
    """

    def __init__(self, sigma: float = 0.1, **kwargs: Any):
        super().__init__(**kwargs)
        self.sigma = deviation(sigma)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        shape = (tf.shape(images)[0], 3)
        return tf.random.stateless_normal(shape, seed.next(), stddev=self.sigma) if training else tf.zeros(shape)

    def transform_images(self, images, transformation, training: bool = True):
        noise = 255 * tf.matmul(transformation * EIGENVALUES, EIGENVECTORS, transpose_b=True)
        return tf.cast(images, "float32") + noise[:, tf.newaxis, tf.newaxis]

    def compute_output_shape(self, input_shape):
        if input_shape[-1] != 3:
            raise InputError(f"colour noise is for images of 3 channels, not {input_shape[-1]}")
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma}
