"""Stateless augmentation in a pipeline: the random changes to a batch depend on its seeds alone."""

from collections.abc import Iterable

import tensorflow as tf

from cnnzoo.data.augmentation.image_layers import AugmentationLayer


def apply_layers(images: tf.Tensor, layers: Iterable[AugmentationLayer], seeds: "BatchSeeds") -> tf.Tensor:
    """Apply augmentation layers with the randomness that belongs to one batch of one epoch.

    A layer that is called draws from a state that counts calls: the changes would depend on which thread
    is first, and a resumed run would start the count anew. Here they depend on the seeds alone.

    Args:
        images: tensor `(batch, height, width, channels)`.
        layers: layers of an `Augmentation`.
        seeds: the seeds of the batch.
    """
    for layer in layers:
        transformation = layer.get_random_transformation(images, training=True, seed=seeds)
        images = layer.transform_images(images, transformation, training=True)
    return images


class BatchSeeds:
    """Generate the seeds of one batch, one for each draw, as `keras.random.SeedGenerator` does, without a variable.

    Args:
        seed: int32 tensor `(2,)`, another one for every batch.
    """

    def __init__(self, seed: tf.Tensor):
        self._seed = seed
        self._draws = 0

    def next(self) -> tf.Tensor:
        self._draws += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._draws)
