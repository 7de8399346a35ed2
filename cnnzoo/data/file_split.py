"""Images in files of their own, decoded at each use."""

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

from cnnzoo.data.decoding import CORES, broken_file_message, decode, try_decode
from cnnzoo.data.source import Shard, StreamedSplit, random_split
from cnnzoo.errors import InputError

END = -1  # the index that follows the last file's

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class FileSplit(StreamedSplit):
    """Images in files of their own.

    Attributes:
        paths: bytes array `(files,)`.
        labels: int32 array `(files,)`.
        image_shape: height, width and channels that every image is brought to.
        on_error: `"raise"` to stop at a file that is not a readable image, or has vanished; `"skip"` to warn and
            continue.
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

    def fingerprint(self) -> str:
        """Return hexadecimal digits that belong to these files as they are now, by their sizes and times."""
        digest = hashlib.sha256(repr((self.image_shape, self.on_error, self.labels.tolist())).encode())
        for path in self.paths:
            stat = os.stat(path) if os.path.exists(path) else None  # noqa: PTH110, PTH116 (bytes)
            digest.update(path + repr(stat and (stat.st_size, stat.st_mtime_ns)).encode())
        return digest.hexdigest()

    def held_out(self, fraction: float, seed: int) -> tuple[Self, Self]:
        """Return the remaining files and a random fraction of them; see `StreamedSplit.held_out`."""
        kept, held_out = random_split(len(self), fraction, seed)
        return self[kept], self[held_out]

    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, class by class; see `StreamedSplit.in_order`."""
        examples = self._examples(tf.range(len(self)))
        if self.on_error == "skip":  # how many there are is not known before the end
            return examples
        return examples.apply(tf.data.experimental.assert_cardinality(len(self)))

    def shuffled(self, shard: Shard) -> tf.data.Dataset:
        """Return examples endlessly, all files shuffled anew for every epoch; see `StreamedSplit.shuffled`.

        Where files are skipped, the first ones of the epoch are repeated instead.
        """

        def epoch_of(epoch):
            indices = tf.reshape(shard.indices(len(self), epoch), (-1,))
            if self.on_error == "skip":
                return self._examples(tf.tile(indices, [2])).take(shard.steps * shard.examples)
            return self._examples(indices)

        return shard.epochs().flat_map(epoch_of)

    def _examples(self, indices: tf.Tensor) -> tf.data.Dataset:
        """Read and decode the files of these indices, in this order, on all cores, and report those that fail.

        TensorFlow alone decodes, since threads that share Python wait for each other. A file that it fails on is
        dropped from the dataset; a file whose index is missing is decoded once more, to find out why.
        """
        paths, labels, count = tf.constant(self.paths), tf.constant(self.labels), tf.size(indices)

        def read(index):
            return index, decode(tf.io.read_file(tf.gather(paths, index)), self.image_shape)

        def report_missing(position, example):
            index, image = example
            expected = tf.where(position < count, indices[tf.minimum(position, count - 1)], END)
            here = tf.cond(
                tf.equal(index, expected), lambda: position, lambda: self._skip_missing(indices, position, index)
            )
            return here + 1, (image, tf.gather(labels, tf.maximum(index, 0)), index != END)

        end = tf.data.Dataset.from_tensors((tf.constant(END), tf.zeros(self.image_shape, "uint8")))
        readable = tf.data.Dataset.from_tensor_slices(indices).map(read, num_parallel_calls=CORES, deterministic=True)
        examples = readable.ignore_errors().concatenate(end).scan(tf.constant(0), report_missing)
        examples = examples.filter(lambda image, label, is_image: is_image)
        return examples.map(lambda image, label, is_image: (image, label))

    def _skip_missing(self, indices: tf.Tensor, position: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        """Report the files that are missing before the one of an index, and return the position of that one."""
        later = tf.concat([indices[position:], [END]], 0)
        here = position + tf.cast(tf.argmax(tf.equal(later, index)), "int32")
        reported = tf.numpy_function(self._report, [indices[position:here]], tf.bool)
        with tf.control_dependencies([reported]):
            return tf.identity(here)

    def _report(self, missing: np.ndarray) -> bool:
        for index in missing:
            path = os.fsdecode(self.paths[index])
            _, reason = try_decode(self.paths[index], self.image_shape)
            message = broken_file_message(path, reason or "the first attempt to read it failed, the second did not")
            if self.on_error == "raise":
                raise InputError(message)
            if path not in self.skipped:
                log.warning("skipped: %s", message)
            self.skipped[path] = reason
        return True


@contextmanager
def report_broken_files() -> Iterator[None]:
    """Raise the `InputError` of a `FileSplit` instead of TensorFlow's error, which wraps it into a traceback.

    Raises:
        InputError: a file that is read in the block is not a readable image, or has vanished.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if message := re.search(r"InputError: (.+)", error.message or ""):
            raise InputError(message[1]) from error
        raise
