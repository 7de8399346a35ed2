"""Affine distortions: every image is rotated, sheared, zoomed and shifted by numbers of its own."""

import math
from typing import Any

import keras
import tensorflow as tf

from cnnzoo.checks import number
from cnnzoo.data.augmentation.image_layers import AugmentationLayer


@keras.saving.register_keras_serializable(package="cnnzoo")
class RandomAffine(AugmentationLayer):
    """Rotate, shear, zoom and shift every image, one after the other, each about the center.

    All amounts up to the largest are equally likely, in both directions. Pixels are interpolated bilinearly after each
    of the four; beyond the border they repeat it. The numbers are those that `RandomRotation`, `RandomShear`,
    `RandomZoom` and `RandomTranslation` of Keras 3.15 draw from the same seeds.

    Args:
        degrees: the largest angle of the rotation, in degrees; ≥ 0.
        shear: the largest horizontal shear, in columns a row; ≥ 0.
        zoom: the largest change of height and of width, each by its own factor, as a fraction; in [0, 1).
        shift: the largest shift down or up and right or left, as a fraction of the side; ≥ 0.
        seed: seed of the distortions for direct calls of the layer.

    Raises:
        InputError: a number is out of range.

    Source: LeCun et al. 1998, section III-A: "planar affine transformations"; rotation is added.

    Example:
    >>> import numpy as np
    >>> images = np.full((5, 28, 28, 1), 7, "uint8")
    >>> RandomAffine(6, 0.09, 0.07, 0.04)(images, training=True).numpy().round().min().item()
    7.0
    """

    def __init__(self, degrees: float, shear: float, zoom: float, shift: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.degrees = number("degrees", degrees, 0)
        self.shear = number("shear", shear, 0)
        self.zoom = number("zoom", zoom, 0, below=1)
        self.shift = number("shift", shift, 0)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        if not training:
            return ()
        batch, height, width, _ = tf.unstack(tf.shape(images))
        height, width = tf.cast(height, "float32"), tf.cast(width, "float32")

        def drawn(middle: float, reach: float):
            return tf.random.stateless_uniform((batch,), seed.next(), middle - reach, middle + reach)

        angle = drawn(0, self.degrees) * (math.pi / 180)
        sign = tf.where(drawn(0.5, 0.5) > 0.5, -1.0, 1.0)
        seed.next()  # Keras draws a vertical shear, too
        shear = drawn(0, self.shear) * sign
        tall, wide = drawn(1, self.zoom), drawn(1, self.zoom)
        down, right = drawn(0, self.shift) * height, drawn(0, self.shift) * width
        x, y = (width - 1) / 2, (height - 1) / 2
        cos, sin, one, nil = tf.cos(angle), tf.sin(angle), tf.ones_like(angle), tf.zeros_like(angle)
        rows = (  # the two upper ones of the matrices that lead from a place in the result to that in the image
            (cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos),
            (one, shear, nil, nil, one, nil),
            (wide, nil, x * (1 - wide), nil, tall, y * (1 - tall)),
            (one, nil, -right, nil, one, -down),
        )
        return tuple(tf.stack((*each, nil, nil), axis=1) for each in rows)

    def transform_images(self, images, transformation, training: bool = True):
        images = tf.cast(images, "float32")
        for matrices in transformation:
            images = keras.ops.image.affine_transform(
                images, matrices, fill_mode="nearest", data_format="channels_last"
            )
        return images

    def get_config(self):
        own = {"degrees": self.degrees, "shear": self.shear, "zoom": self.zoom, "shift": self.shift}
        return {**super().get_config(), **own}
