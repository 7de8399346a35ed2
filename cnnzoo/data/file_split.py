"""Images in files of their own, decoded whenever they are used."""

import dataclasses
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import numpy as np
import tensorflow as tf

from cnnzoo.data.decoding import CORES, broken, tried
from cnnzoo.data.source import StreamedSplit, drawn
from cnnzoo.errors import InputError

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class FileSplit(StreamedSplit):
    """Images in files of their own.

    Attributes:
        paths: bytes array `(files,)`.
        labels: int32 array `(files,)`.
        image_shape: height, width and channels that every image is brought to.
        on_error: `"raise"` to stop at a file that is no whole image, or has vanished; `"skip"` to say so and go on.
    """

    paths: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int, int] = (0, 0, 3)
    on_error: str = "raise"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | np.ndarray) -> Self:
        return dataclasses.replace(self, paths=self.paths[index], labels=self.labels[index])

    def held_out(self, share: float, seed: int) -> tuple[Self, Self]:
        """Return what remains and a random share of the files; see `StreamedSplit.held_out`."""
        kept, out = drawn(len(self), share, seed)
        return self[kept], self[out]

    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, class by class; see `StreamedSplit.in_order`."""
        return self._examples(tf.data.Dataset.range(len(self)))

    def shuffled(self, *, seed: int, first_epoch: int, examples: int) -> tf.data.Dataset:
        """Return examples endlessly, all files shuffled anew for every epoch; see `StreamedSplit.shuffled`.

        Where files are skipped, the first ones of the epoch come again in their stead.
        """

        def epoch_of(epoch):
            order = tf.random.experimental.stateless_shuffle(
                tf.range(len(self), dtype="int64"), tf.stack([seed, epoch])
            )
            once = tf.data.Dataset.from_tensor_slices(order)
            if self.on_error == "skip":
                return self._examples(once.repeat(2)).take(examples)
            return self._examples(once.take(examples))

        return tf.data.Dataset.range(first_epoch, 2**31 - 1, output_type=tf.int32).flat_map(epoch_of)

    def _examples(self, numbers: tf.data.Dataset) -> tf.data.Dataset:
        """Read and decode the files of these numbers, in this order, on all cores."""

        def example(number):
            image, whole = tf.numpy_function(self._read, [number], (tf.uint8, tf.bool))
            return tf.ensure_shape(image, self.image_shape), tf.gather(self.labels, number), tf.ensure_shape(whole, ())

        examples = numbers.map(example, num_parallel_calls=CORES, deterministic=True)
        return examples.filter(lambda image, label, whole: whole).map(lambda image, label, whole: (image, label))

    def _read(self, number: int) -> tuple[np.ndarray, bool]:
        pixels, reason = tried(self.paths[number], self.image_shape)
        if pixels is not None:
            return pixels, True
        trouble = broken(os.fsdecode(self.paths[number]), reason)
        if self.on_error == "raise":
            raise InputError(trouble)
        log.warning("left out: %s", trouble)
        return np.zeros(self.image_shape, "uint8"), False


@contextmanager
def broken_files_named() -> Iterator[None]:
    """Raise what `FileSplit` says of a file as itself: TensorFlow wraps it into a traceback of its own.

    Raises:
        InputError: a file that is read in the block is no whole image, or has vanished.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if said := re.search(r"InputError: (.+)", error.message or ""):
            raise InputError(said[1]) from error
        raise
