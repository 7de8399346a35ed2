"""Batches on their way to the replicas."""

from collections.abc import Callable

import tensorflow as tf

from cnnzoo.distribute.cluster import place_in


def among_workers(
    strategy: tf.distribute.Strategy, make: Callable[[int, int], tf.data.Dataset], batch_size: int
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Return what `fit` takes, of which every worker reads and augments its own part of each batch alone.

    Keras would let `tf.distribute` shard the dataset, where every worker makes all batches whole and throws most
    of each away. On one machine the dataset is returned as it is, and Keras cuts its batches among the replicas.

    Args:
        strategy: the strategy to train under.
        make: returns a worker's dataset, from its index and the number of workers; its batches have
            `batch_size // workers` examples.
        batch_size: examples in a global batch, divisible by the number of replicas.
    """
    place = place_in(strategy)
    if place.workers == 1:
        return make(0, 1)
    own = make(place.index, place.workers)
    each = batch_size // place.replicas
    return strategy.distribute_datasets_from_function(lambda context: own.rebatch(each, drop_remainder=True))
