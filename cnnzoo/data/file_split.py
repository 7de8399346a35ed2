"""Images in files of their own, decoded whenever they are used."""

import dataclasses
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import numpy as np
import tensorflow as tf

from cnnzoo.data.decoding import CORES, broken, decoded, tried
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
        skipped: files that were left out so far, each with the reason; parts of a split share it.
    """

    paths: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int, int] = (0, 0, 3)
    on_error: str = "raise"
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | np.ndarray) -> Self:
        return dataclasses.replace(self, paths=self.paths[index], labels=self.labels[index])

    def identity(self) -> str:
        """Return a name for these files as they are now, by their sizes and times."""
        digest = hashlib.sha256(repr((self.image_shape, self.on_error, self.labels.tolist())).encode())
        for path in self.paths:
            found = os.stat(path) if os.path.exists(path) else None  # noqa: PTH110, PTH116 (bytes)
            digest.update(path + repr(found and (found.st_size, found.st_mtime_ns)).encode())
        return digest.hexdigest()

    def held_out(self, share: float, seed: int) -> tuple[Self, Self]:
        """Return what remains and a random share of the files; see `StreamedSplit.held_out`."""
        kept, out = drawn(len(self), share, seed)
        return self[kept], self[out]

    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, class by class; see `StreamedSplit.in_order`."""
        examples = self._examples(tf.range(len(self)))
        # Keras asks how many there are; with files left out nobody knows before the end.
        return (
            examples if self.on_error == "skip" else examples.apply(tf.data.experimental.assert_cardinality(len(self)))
        )

    def shuffled(
        self, *, seed: int, first_epoch: int, batch_size: int, steps: int, worker: int, workers: int
    ) -> tf.data.Dataset:
        """Return examples endlessly, all files shuffled anew for every epoch; see `StreamedSplit.shuffled`.

        Where files are skipped, the first ones of the epoch come again in their stead.
        """

        def epoch_of(epoch):
            order = tf.random.experimental.stateless_shuffle(tf.range(len(self)), tf.stack([seed, epoch]))
            own = tf.reshape(tf.reshape(order[: steps * batch_size], (steps, workers, -1))[:, worker], (-1,))
            if self.on_error == "skip":
                return self._examples(tf.tile(own, [2])).take(steps * batch_size // workers)
            return self._examples(own)

        return tf.data.Dataset.range(first_epoch, 2**31 - 1, output_type=tf.int32).flat_map(epoch_of)

    def _examples(self, numbers: tf.Tensor) -> tf.data.Dataset:
        """Read and decode the files of these numbers, in this order, on all cores, and notice those that are missing.

        TensorFlow alone decodes, since threads that share Python wait for each other. A file that it fails on falls
        out of the dataset; a number that does not come is looked at once more, to say what is wrong with it.
        """
        paths, labels, count = tf.constant(self.paths), tf.constant(self.labels), tf.size(numbers)

        def example(number):
            return number, decoded(tf.io.read_file(tf.gather(paths, number)), self.image_shape)

        def noticed(position, example):
            number, image = example
            expected = tf.where(position < count, numbers[tf.minimum(position, count - 1)], END)
            here = tf.cond(
                tf.equal(number, expected), lambda: position, lambda: self._missing(numbers, position, number)
            )
            return here + 1, (image, tf.gather(labels, tf.maximum(number, 0)), number >= 0)

        end = tf.data.Dataset.from_tensors((tf.constant(END), tf.zeros(self.image_shape, "uint8")))
        whole = tf.data.Dataset.from_tensor_slices(numbers).map(example, num_parallel_calls=CORES, deterministic=True)
        examples = whole.ignore_errors().concatenate(end).scan(tf.constant(0), noticed)

        def is_real(image, label, real):
            return real

        return examples.filter(is_real).map(lambda image, label, real: (image, label))

    def _missing(self, numbers: tf.Tensor, position: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        """Say which files did not come before the one of a number, and return where that one stands."""
        later = tf.concat([numbers[position:], [END]], 0)
        here = position + tf.cast(tf.argmax(tf.equal(later, number)), "int32")
        said = tf.numpy_function(self._say, [numbers[position:here]], tf.bool)
        with tf.control_dependencies([said]):
            return tf.identity(here)

    def _say(self, missing: np.ndarray) -> bool:
        for number in missing:
            path = os.fsdecode(self.paths[number])
            _, reason = tried(self.paths[number], self.image_shape)
            trouble = broken(path, reason or "it could not be read at first, and can be now")
            if self.on_error == "raise":
                raise InputError(trouble)
            if path not in self.skipped:
                log.warning("left out: %s", trouble)
            self.skipped[path] = reason
        return True


END = -1  # stands for a file after the last one


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
