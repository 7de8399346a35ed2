"""Batches for the fit of one stage, the same on every backend."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from cnnzoo.pretraining.inputs import Rows

PREFETCHED = 4  # batches read ahead of the training step


class Batches(keras.utils.PyDataset):
    """The batches of a stage; their order in an epoch depends on the seed, the stage and the epoch alone.

    The last, partial batch of an epoch is left out: every step has the same shape, and another epoch
    leaves out others.

    Args:
        rows: the examples or activations to read.
        size: rows in a batch.
        steps: batches in an epoch.
        seed: the seed and the stage's number.
        numbered: whether a batch is `(rows, numbers)`, with an int32 number for each row: row r of step s, counted over
            all epochs, has s · size + r.
    """

    def __init__(self, rows: Rows, size: int, steps: int, seed: tuple[int, ...], numbered: bool = False):
        super().__init__()
        self.rows = rows
        self.size = size
        self.numbered = numbered
        self._steps = steps
        self._seed = seed
        self.current_epoch = 0
        self._remaining: Iterator[Any] = iter(())

    @property
    def num_batches(self) -> int:
        return self._steps

    def epoch(self, number: int) -> Iterator[Any]:
        """Yield the batches of an epoch, as `fit` takes them."""
        batches = self.rows.epoch(np.random.default_rng([*self._seed, number]), self.size, self._steps)
        if not self.numbered:
            return batches
        numbers = np.arange(self.size, dtype="int32") + number * self._steps * self.size
        return (((rows, numbers + step * self.size),) for step, rows in enumerate(batches))

    def __getitem__(self, index: int) -> Any:
        # Keras reads in order, and before the first epoch one batch alone, to see its shape.
        if index == 0:
            self._remaining = self.epoch(self.current_epoch)
        return next(self._remaining)


class _EpochNumber(keras.callbacks.Callback):
    """Set the epoch of the batches; Keras also calls their `on_epoch_end` before the first epoch."""

    def __init__(self, batches: Batches):
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self._batches.current_epoch = epoch


def fit_arguments(batches: Batches, epochs: int) -> dict[str, Any]:
    """Return the arguments of `fit` for so many epochs of the batches."""
    common = {"epochs": epochs, "shuffle": False}
    if keras.backend.backend() != "tensorflow":
        return {**common, "x": batches, "callbacks": [_EpochNumber(batches)]}
    import tensorflow as tf

    # With a PyDataset, Keras turns tf.data's autotuning on, and the end of a fit waits for its next turn;
    # see cnnzoo.data.pipeline.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    rows = tf.TensorSpec((batches.size, *batches.rows.shape), batches.rows.dtype)
    numbers = tf.TensorSpec((batches.size,), "int32")
    dataset = tf.data.Dataset.from_generator(
        lambda: (batch for number in range(epochs) for batch in batches.epoch(number)),
        output_signature=((rows, numbers),) if batches.numbered else rows,
    )
    dataset = dataset.prefetch(PREFETCHED).with_options(options)
    return {**common, "x": dataset, "steps_per_epoch": batches.num_batches, "callbacks": []}
