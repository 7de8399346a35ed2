"""The ten crops of an image that AlexNet was evaluated on."""

import keras
from keras import ops

from cnnzoo.checks import integer
from cnnzoo.errors import InputError


@keras.saving.register_keras_serializable(package="cnnzoo")
class TenCrops(keras.layers.Layer):
    """Crop the four corners and the center of every image, and flip each horizontally.

    Args:
        height: height of a crop in pixels; ≥ 1.
        width: width of a crop in pixels; ≥ 1.

    Call arguments:
        images: tensor `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch · 10, height, width, channels)`, the ten crops of an image one after the other: upper left, upper
        right, lower left, lower right, center, and the same five flipped.

    Raises:
        InputError: the crops are larger than the images, or not positive.

    Source: Krizhevsky et al. 2012, section 4.1.

    Example:
    >>> import numpy as np
    >>> TenCrops(2, 2)(np.arange(9.0).reshape(1, 3, 3, 1))[:5, 0, 0, 0].numpy().tolist()
    [0.0, 1.0, 3.0, 4.0, 0.0]
    """

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.height, self.width = integer("height", height), integer("width", width)
        self.built = True

    def call(self, images):
        self.compute_output_shape(images.shape)  # raises an error for images that are too small
        down, right = images.shape[1] - self.height, images.shape[2] - self.width
        corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
        crops = [images[:, top : top + self.height, left : left + self.width] for top, left in corners]
        crops += [ops.flip(crop, axis=2) for crop in crops]
        return ops.reshape(ops.stack(crops, axis=1), (-1, self.height, self.width, images.shape[-1]))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        if height < self.height or width < self.width:
            raise InputError(
                f"crops of {self.height}×{self.width} need images of at least that size. Received: {height}×{width}"
            )
        return batch and 10 * batch, self.height, self.width, channels

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}
