"""Augmentation layers whose random changes are drawn for each image: crops, shifts, flips and color noise."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo.checks import integer, number
from cnnzoo.errors import InputError


class AugmentationLayer(keras.layers.Layer):
    """A layer in two steps: one draws a transformation, one applies it.

    `apply_layers` calls the two steps with the seeds of a batch; a direct call of the layer draws from its generator.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})  # pixels do not depend on a model's precision
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None) -> Any:
        """Return a random transformation for each image, or the one without effect outside of training."""
        raise NotImplementedError

    def transform_images(self, images, transformation: Any, training: bool = True):
        """Return the images, changed by a transformation."""
        raise NotImplementedError

    def call(self, images, training: bool = False):
        self.compute_output_shape(images.shape)  # raises an error for images that do not fit
        transformation = self.get_random_transformation(images, training, self.generator)
        return self.transform_images(images, transformation, training)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="cnnzoo")
class RandomCrops(AugmentationLayer):
    """Crop every image at a position of its own, all positions equally likely.

    `keras.layers.RandomCrop` draws one position for the whole batch. Without `training` it is the
    central crop.

    Args:
        height: height of the crop in pixels; ≥ 1.
        width: width of the crop in pixels; ≥ 1.
        seed: seed of the positions for direct calls of the layer.

    Raises:
        InputError: the crop is larger than the images, or not positive.

    Example:
    >>> import numpy as np
    >>> RandomCrops(2, 3)(np.zeros((5, 4, 4, 1), "uint8"), training=True).shape
    TensorShape([5, 2, 3, 1])
    """

    def __init__(self, height: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.height, self.width = integer("height", height), integer("width", width)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        spare = images.shape[1] - self.height, images.shape[2] - self.width
        if not training:
            return tf.tile([[spare[0] // 2, spare[1] // 2]], [tf.shape(images)[0], 1])
        return _random_integers(images, seed, (spare[0] + 1, spare[1] + 1))

    def transform_images(self, images, transformation, training: bool = True):
        rows = transformation[:, :1] + tf.range(self.height)
        columns = transformation[:, 1:] + tf.range(self.width)
        return _gather(images, rows, columns)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        if height < self.height or width < self.width:
            raise InputError(
                f"images of {height}×{width} pixels are too small for crops of {self.height}×{self.width}; "
                f"give image_size=(height, width) of at least that, such as "
                f"({round(self.height * 8 / 7)}, {round(self.width * 8 / 7)})"
            )
        return batch, self.height, self.width, channels

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable(package="cnnzoo")
class RandomShifts(AugmentationLayer):
    """Shift every image by a whole number of pixels up or down and left or right.

    All shifts are equally likely, no shift among them. The border is repeated outside.

    Args:
        pixels: the largest shift in each direction; ≥ 1.
        seed: seed of the shifts for direct calls of the layer.

    Raises:
        InputError: `pixels` is not a positive integer.

    Example:
    >>> import numpy as np
    >>> RandomShifts(2)(np.full((5, 4, 4, 1), 7, "uint8"), training=True).numpy().min().item()
    7
    """

    def __init__(self, pixels: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.pixels = integer("pixels", pixels)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        if not training:
            return tf.zeros((tf.shape(images)[0], 2), "int32")
        return _random_integers(images, seed, (2 * self.pixels + 1, 2 * self.pixels + 1)) - self.pixels

    def transform_images(self, images, transformation, training: bool = True):
        height, width = images.shape[1:3]
        rows = tf.clip_by_value(tf.range(height) - transformation[:, :1], 0, height - 1)
        columns = tf.clip_by_value(tf.range(width) - transformation[:, 1:], 0, width - 1)
        return _gather(images, rows, columns)

    def get_config(self):
        return {**super().get_config(), "pixels": self.pixels}


@keras.saving.register_keras_serializable(package="cnnzoo")
class RandomFlips(AugmentationLayer):
    """Mirror every image, left to right, with a probability of one half.

    Args:
        seed: seed of the flips for direct calls of the layer.

    Example:
    >>> import numpy as np
    >>> flipped = RandomFlips()(np.array([[[[1], [2]]]] * 64, "uint8"), training=True).numpy()
    >>> sorted({tuple(row) for row in flipped[:, 0, :, 0].tolist()})
    [(1.0, 2.0), (2.0, 1.0)]
    """

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        shape = (tf.shape(images)[0], 1, 1, 1)
        return tf.random.stateless_uniform(shape, seed.next()) <= 0.5 if training else tf.zeros(shape, "bool")

    def transform_images(self, images, transformation, training: bool = True):
        images = tf.cast(images, "float32")
        return tf.where(transformation, images[:, :, ::-1], images)


def _random_integers(images, seed: Any, bounds: tuple[int, int]):
    """Draw two integers for each image, from 0 to below the two bounds."""
    examples = tf.shape(images)[:1]
    draws = [tf.random.stateless_uniform(examples, seed.next(), maxval=bound, dtype="int32") for bound in bounds]
    return tf.stack(draws, axis=1)


def _gather(images, rows, columns):
    """Return the given rows and columns, `(batch, height)` and `(batch, width)`, of each image."""
    return tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


# Eigenvalues and, in columns, eigenvectors of the covariance of the RGB values of ImageNet's pixels,
# on the scale from 0 to 1: `datasets/imagenet.lua` of facebook/fb.resnet.torch, 2016.
EIGENVALUES = np.array([0.2175, 0.0188, 0.0045], "float32")
EIGENVECTORS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]], "float32")


@keras.saving.register_keras_serializable(package="cnnzoo")
class ColorNoise(AugmentationLayer):
    """Add the same random multiple of the principal components of ImageNet's colors to every pixel of an image.

    That is 255 · [p₁ p₂ p₃][α₁λ₁ α₂λ₂ α₃λ₃]ᵀ with α ~ N(0, σ²), drawn once per image. Nothing is
    clipped: pixels may leave 0 to 255.

    Its strength is uncertain. The paper multiplies by the eigenvalues λ, but does not say on
    which scale. The published ones are variances on the scale from 0 to 1: they sum to 0.241, three
    times the square of 0.28, about the deviation of pixels. Taken as they are, the common reading, the
    first component has a standard deviation of 5.5 gray levels. Krizhevsky's own cuda-convnet2 calls its
    factors `color_stdevs`, and with the square roots of λ it would be 11.9.

    Args:
        sigma: standard deviation of α; the paper's is 0.1.
        seed: seed of α for direct calls of the layer.

    Raises:
        InputError: the images do not have three channels, or `sigma` is not a number of at least 0.

    Source: Krizhevsky et al. 2012, section 4.1.

    Example:
    >>> import numpy as np
    >>> noisy = ColorNoise()(np.zeros((2, 4, 4, 3), "uint8"), training=True).numpy()
    >>> [len(np.unique(image.reshape(16, 3), axis=0)) for image in noisy]
    [1, 1]
    """

    def __init__(self, sigma: float = 0.1, **kwargs: Any):
        super().__init__(**kwargs)
        self.sigma = number("sigma", sigma, 0)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        shape = (tf.shape(images)[0], 3)
        return tf.random.stateless_normal(shape, seed.next(), stddev=self.sigma) if training else tf.zeros(shape)

    def transform_images(self, images, transformation, training: bool = True):
        noise = 255 * tf.matmul(transformation * EIGENVALUES, EIGENVECTORS, transpose_b=True)
        return tf.cast(images, "float32") + noise[:, tf.newaxis, tf.newaxis]

    def compute_output_shape(self, input_shape):
        if input_shape[-1] != 3:
            raise InputError(f"color noise needs images of 3 channels. Received: {input_shape[-1]} channels")
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "sigma": self.sigma}
