"""Who one is among the workers."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Place:
    """A process' place among the workers.

    Attributes:
        index: its number, from 0.
        workers: how many there are.
        replicas: how many replicas of the model train, on all of them.
    """

    index: int
    workers: int
    replicas: int

    @property
    def is_chief(self) -> bool:
        """Whether it writes the files: one does for all."""
        return self.index == 0


def place_in(strategy: tf.distribute.Strategy) -> Place:
    """Return this process' place in a strategy.

    Example:
    >>> place_in(tf.distribute.get_strategy())
    Place(index=0, workers=1, replicas=1)
    """
    replicas, resolver = strategy.num_replicas_in_sync, strategy.cluster_resolver
    cluster = resolver.cluster_spec().as_dict() if resolver else {}
    order = [(kind, index) for kind in ("chief", "worker") for index in range(len(cluster.get(kind, ())))]
    if len(order) < 2:
        return Place(0, 1, replicas)
    return Place(order.index((resolver.task_type, resolver.task_id)), len(order), replicas)
