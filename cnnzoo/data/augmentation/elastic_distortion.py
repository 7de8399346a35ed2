"""Elastic distortions, as for handwritten digits."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo.checks import number
from cnnzoo.data.augmentation.image_layers import AugmentationLayer
from cnnzoo.errors import InputError


@keras.saving.register_keras_serializable(package="cnnzoo")
class ElasticDistortion(AugmentationLayer):
    """Displace every pixel of an image a little, neighboring pixels alike, as a hand's muscles displace a pen.

    Each image gets two random fields of its own, uniform in (−1, 1), one for the rows and one for the columns; they are
    smoothed by a Gaussian, with 0 outside of the image, and multiplied by α: displacements in pixels. Pixels are
    interpolated bilinearly; beyond the border they repeat it.

    `keras.layers.RandomElasticTransform` (Keras 3.15) draws both fields from the same seed, so that pixels move along
    the diagonal alone, draws normal noise, and distorts image after image.

    Args:
        alpha: factor of the smoothed fields, in pixels; ≥ 0.
        sigma: standard deviation of the Gaussian, in pixels; > 0, since without smoothing every pixel would be
            displaced independently.
        seed: seed of the fields for direct calls of the layer.

    Raises:
        InputError: a number is out of range, or the size of the images is not known.

    Source: Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to visual document
        analysis", ICDAR 2003, section 2; their σ for digits is 4, their α 34.

    Example:
    >>> import numpy as np
    >>> ElasticDistortion(34, 4)(np.full((5, 28, 28, 1), 7, "uint8"), training=True).numpy().min().item()
    7.0
    """

    def __init__(self, alpha: float, sigma: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = number("alpha", alpha, 0)
        self.sigma = number("sigma", sigma, above=0)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        height, width = images.shape[1:3]
        if not training:
            return tf.zeros((tf.shape(images)[0], 2, height, width))
        fields = uniform_bytes((tf.shape(images)[0], 2, height, width), seed.next())
        # A Gaussian smooths as two matrix products do, of the rows and of the columns.
        down, across = (tf.constant(gaussian(side, self.sigma)) for side in (height, width))
        return tf.matmul(tf.matmul(self.alpha * down, fields), across)

    def transform_images(self, images, transformation, training: bool = True):
        _, height, width, channels = images.shape
        images = tf.cast(images, "float32")
        rows = tf.clip_by_value(transformation[:, 0] + tf.range(float(height))[:, tf.newaxis], 0, height - 1)
        columns = tf.clip_by_value(transformation[:, 1] + tf.range(float(width)), 0, width - 1)
        top, left = (tf.minimum(tf.floor(at), side - 2.0) for at, side in ((rows, height), (columns, width)))
        down, right = (rows - top)[..., tf.newaxis], (columns - left)[..., tf.newaxis]
        # The four terms of each 2×2 window lie together in memory, so that one gather reads all of them.
        kernel = tf.constant(np.broadcast_to(BILINEAR_TERMS, (2, 2, channels, 4)))
        terms = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "VALID")
        terms = tf.reshape(terms, (-1, (height - 1) * (width - 1), 4 * channels))
        windows = tf.reshape(tf.cast(top * (width - 1) + left, "int32"), (-1, height * width))
        terms = tf.gather(terms, windows, axis=1, batch_dims=1)
        pixel, by_column, by_row, by_both = tf.unstack(tf.reshape(terms, (-1, height, width, channels, 4)), axis=-1)
        return pixel + right * by_column + down * (by_row + right * by_both)

    def compute_output_shape(self, input_shape):
        if None in input_shape[1:3] or min(input_shape[1:3]) < 2:
            raise InputError(
                f"elastic distortion needs images of known size, at least 2×2. Received: {tuple(input_shape)}"
            )
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "sigma": self.sigma}


# For each position (row, column) in a 2×2 window: the pixel itself, and its part in the slopes right, down, and both.
BILINEAR_TERMS = np.array([[[1, -1, -1, 1], [0, 1, 0, -1]], [[0, 0, 1, -1], [0, 0, 0, 1]]], "float32")[:, :, np.newaxis]


def uniform_bytes(shape: tuple, seed: tf.Tensor) -> tf.Tensor:
    """Return draws from 256 values evenly spread over (−1, 1): a third of the work, and no difference once smoothed.

    Args:
        shape: shape to return, of rank 4; the first dimension may be a tensor.
        seed: int32 tensor `(2,)`.
    """
    *others, width = shape
    words = tf.random.stateless_uniform((*others, -(-width // 4)), seed, None, None, "int32")
    values = tf.reshape(tf.bitcast(words, "uint8"), (*others, -1))[..., :width]
    return (tf.cast(values, "float32") - 127.5) / 128


def gaussian(side: int, sigma: float) -> np.ndarray:
    """Return the matrix that smooths a row or a column of pixels, as SciPy does: truncated at four σ.

    Args:
        side: number of pixels in the row or column.
        sigma: standard deviation of the Gaussian, in pixels.

    Example:
    >>> gaussian(3, 0.5).astype(float).round(2).tolist()
    [[0.79, 0.11, 0.0], [0.11, 0.79, 0.11], [0.0, 0.11, 0.79]]
    """
    reach = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    distances = np.abs(np.subtract.outer(np.arange(side), np.arange(side)))
    kernel = np.concatenate([weights[reach:] / weights.sum(), np.zeros(side)])
    return kernel[distances].astype("float32")
