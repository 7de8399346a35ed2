"""Shifts by whole pixels."""

from typing import Any

import keras
import tensorflow as tf

from cnnzoo.data.augmentation.pixel_layer import PixelLayer, integers, picked, positive


@keras.saving.register_keras_serializable(package="cnnzoo")
class RandomShifts(PixelLayer):
    """Shift every image by a whole number of pixels up or down and left or right.

    All shifts are equally likely, no shift among them. What moves in from outside repeats the border.

    Args:
        pixels: the largest shift in each direction; ≥ 1.
        seed: seed of the shifts where it is called as a layer.

    Example:
    >>> import numpy as np
    >>> RandomShifts(2)(np.full((5, 4, 4, 1), 7, "uint8"), training=True).numpy().min()
    np.uint8(7)
    """

    def __init__(self, pixels: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.pixels = positive("pixels", pixels)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        if not training:
            return tf.zeros((tf.shape(images)[0], 2), "int32")
        return integers(images, seed, (2 * self.pixels + 1, 2 * self.pixels + 1)) - self.pixels

    def transform_images(self, images, transformation, training: bool = True):
        height, width = images.shape[1:3]
        rows = tf.clip_by_value(tf.range(height) - transformation[:, :1], 0, height - 1)
        columns = tf.clip_by_value(tf.range(width) - transformation[:, 1:], 0, width - 1)
        return picked(images, rows, columns)

    def get_config(self):
        return {**super().get_config(), "pixels": self.pixels}
