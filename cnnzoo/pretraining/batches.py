"""Batches for the fit of one stage, the same on every backend."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from cnnzoo.pretraining.inputs import Rows

AHEAD = 4  # batches made ahead of the net


class Batches(keras.utils.PyDataset):
    """The batches of a stage; their order in an epoch depends on the seed, the stage and the epoch alone.

    The last, partial batch of an epoch is left out: every step has the same shape, and another epoch
    leaves out others.

    Args:
        rows: what to read.
        size: rows in a batch.
        steps: batches in an epoch.
        seed: the seed and the stage's number.
    """

    def __init__(self, rows: Rows, size: int, steps: int, seed: tuple[int, ...]):
        super().__init__()
        self._rows = rows
        self._size = size
        self._steps = steps
        self._seed = seed
        self._running: Iterator[np.ndarray] = iter(())
        self.number = 0

    @property
    def num_batches(self) -> int:
        return self._steps

    def epoch(self, number: int) -> Iterator[np.ndarray]:
        return self._rows.epoch(np.random.default_rng([*self._seed, number]), self._size, self._steps)

    def __getitem__(self, index: int) -> np.ndarray:
        # Keras reads in order, and once the first one alone, to see what comes.
        if index == 0:
            self._running = self.epoch(self.number)
        return next(self._running)

    def all_epochs(self, epochs: int) -> Callable[[], Iterator[np.ndarray]]:
        return lambda: (batch for number in range(epochs) for batch in self.epoch(number))


class _EpochNumber(keras.callbacks.Callback):
    """Tell the batches which epoch it is."""

    def __init__(self, batches: Batches):
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self._batches.number = epoch


def fit_arguments(batches: Batches, shape: tuple[int, ...], dtype: str, size: int, epochs: int) -> dict[str, Any]:
    """Return what `fit` takes to run through the batches.

    Args:
        batches: what to feed.
        shape: shape of a row.
        dtype: dtype of the rows.
        size: rows in a batch.
        epochs: epochs to run.
    """
    common = {"epochs": epochs, "shuffle": False}
    if keras.backend.backend() != "tensorflow":
        return {**common, "x": batches, "callbacks": [_EpochNumber(batches)]}
    import tensorflow as tf

    # Keras' own way with a PyDataset turns tf.data's autotuning on, at whose next look the end of a
    # fit waits; see cnnzoo.data.pipeline.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    dataset = tf.data.Dataset.from_generator(
        batches.all_epochs(epochs), output_signature=tf.TensorSpec((size, *shape), dtype)
    )
    dataset = dataset.prefetch(AHEAD).with_options(options)
    return {**common, "x": dataset, "steps_per_epoch": batches.num_batches, "callbacks": []}
