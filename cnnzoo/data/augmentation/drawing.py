"""Augmentation inside a pipeline: what a batch gets depends on its seeds alone."""

from collections.abc import Iterable

import keras
import tensorflow as tf


def augmented(images: tf.Tensor, layers: Iterable[keras.layers.Layer], seeds: "BatchSeeds") -> tf.Tensor:
    """Apply augmentation layers with the randomness that belongs to one batch of one epoch.

    Keras' layers draw from a state that counts calls: what a batch gets would depend on which
    thread came first, and a resumed run would start the count anew. Here the seeds alone decide.

    Args:
        images: tensor `(batch, height, width, channels)`.
        layers: those of an `Augmentation`.
        seeds: the seeds of the batch.
    """
    for layer in layers:
        transformation = layer.get_random_transformation(images, training=True, seed=seeds)
        images = layer.transform_images(images, transformation, training=True)
    return images


class BatchSeeds(keras.random.SeedGenerator):
    """Hands out the seeds of one batch, one for each draw, without a variable.

    Args:
        seed: int32 tensor `(2,)`, another one for every batch.
    """

    def __init__(self, seed: tf.Tensor):
        self._seed = seed
        self._draws = 0

    def next(self, ordered=True):
        self._draws += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._draws)
