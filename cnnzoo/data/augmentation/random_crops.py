"""Windows at random places."""

from typing import Any

import keras
import tensorflow as tf

from cnnzoo.data.augmentation.pixel_layer import PixelLayer, integers, picked, positive
from cnnzoo.errors import InputError


@keras.saving.register_keras_serializable(package="cnnzoo")
class RandomCrops(PixelLayer):
    """Cut a window out of every image, each image at a place of its own, all places equally likely.

    `keras.layers.RandomCrop` draws one place for the whole batch. Without `training` it is the
    central window.

    Args:
        height: height of the window in pixels; ≥ 1.
        width: width of the window in pixels; ≥ 1.
        seed: seed of the places where it is called as a layer.

    Raises:
        InputError: the window is larger than the images, or not positive.

    Example:
    >>> import numpy as np
    >>> RandomCrops(2, 3)(np.zeros((5, 4, 4, 1), "uint8"), training=True).shape
    TensorShape([5, 2, 3, 1])
    """

    def __init__(self, height: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.height, self.width = positive("height", height), positive("width", width)

    def get_random_transformation(self, images, training: bool = True, seed: Any = None):
        spare = images.shape[1] - self.height, images.shape[2] - self.width
        if not training:
            return tf.tile([[spare[0] // 2, spare[1] // 2]], [tf.shape(images)[0], 1])
        return integers(images, seed, (spare[0] + 1, spare[1] + 1))

    def transform_images(self, images, transformation, training: bool = True):
        rows = transformation[:, :1] + tf.range(self.height)
        columns = transformation[:, 1:] + tf.range(self.width)
        return picked(images, rows, columns)

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
