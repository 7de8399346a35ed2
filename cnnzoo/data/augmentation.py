"""Random changes to training images, each a list of Keras' own layers by name."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from cnnzoo.errors import unknown


def affine() -> list[keras.layers.Layer]:
    """Return the distortions of LeNet's paper, shift, scale, squeeze and horizontal shear, and a small rotation.

    Rotation is added here. The ranges are not the paper's: they were chosen on a validation split of MNIST.
    What moves in from outside repeats the border.

    Source: LeCun et al. 1998, section III-A: "planar affine transformations".
    """
    return [
        layers.RandomRotation(6 / 360, fill_mode="nearest"),
        layers.RandomShear(0.09, 0.0, fill_mode="nearest"),
        layers.RandomZoom(0.07, 0.07, fill_mode="nearest"),
        layers.RandomTranslation(0.04, 0.04, fill_mode="nearest"),
    ]


AUGMENTATIONS: dict[str, Callable[[], list[keras.layers.Layer]]] = {
    "none": list,
    "affine": affine,
}


def augmentation(name: str) -> list[keras.layers.Layer]:
    """Return new layers for an augmentation by its name.

    Raises:
        InputError: no such augmentation.

    Example:
    >>> [type(layer).__name__ for layer in augmentation("affine")][0]
    'RandomRotation'
    """
    if name not in AUGMENTATIONS:
        raise unknown("augmentation", name, AUGMENTATIONS)
    return AUGMENTATIONS[name]()


def augmented(images: tf.Tensor, layers: list[keras.layers.Layer], seed: tf.Tensor) -> tf.Tensor:
    """Apply augmentation layers with the randomness that belongs to one batch of one epoch.

    Keras' layers draw from a state that counts calls: what a batch gets would depend on which
    thread came first, and a resumed run would start the count anew. Here the seed alone decides.

    Args:
        images: float tensor `(batch, height, width, channels)`.
        layers: what `augmentation` returned.
        seed: int32 tensor `(2,)`, another one for every batch.
    """
    draws = _BatchSeeds(seed)
    for layer in layers:
        transformation = layer.get_random_transformation(images, training=True, seed=draws)
        images = layer.transform_images(images, transformation, training=True)
    return images


class _BatchSeeds(keras.random.SeedGenerator):
    """Hands out the seeds of one batch, one for each draw, without a variable."""

    def __init__(self, seed: tf.Tensor):
        self._seed = seed
        self._draws = 0

    def next(self, ordered=True):
        self._draws += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._draws)
