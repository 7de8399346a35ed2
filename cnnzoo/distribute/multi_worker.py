"""Several machines under Keras 3."""

from typing import Any

import tensorflow as tf


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """`tf.distribute.MultiWorkerMirroredStrategy`, with a `reduce` that takes what Keras 3 hands it.

    Keras hands it structures, where TensorFlow takes a single value, and asks for the first axis of scalars to
    be reduced, which have none: `fit` fails (keras-team/keras issue 20585).
    `tests/integration/distribute/test_multi_worker.py` fails on the day that it does not any more; then this class
    can go.
    """

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """Reduce every value of a structure over the replicas; scalars over nothing else."""
        if isinstance(value, dict):
            return {name: self.reduce(reduce_op, each, axis) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.reduce(reduce_op, each, axis) for each in value)
        local = tf.convert_to_tensor(self.experimental_local_results(value)[0])
        return super().reduce(reduce_op, value, axis=None if len(local.shape) == 0 else axis)
