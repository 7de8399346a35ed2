"""Images in files of their own, decoded at each use."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

import numpy as np
import tensorflow as tf

from cnnzoo.data.decoding import broken_file_message, decode, decode_files
from cnnzoo.data.source import AnySplit, Shard, StreamedSplit, random_split
from cnnzoo.errors import InputError
from cnnzoo.files import write_json
from cnnzoo.runtime import cores, keras_home

GONE = (-1, -1)  # size and time of a file that is not there


@dataclasses.dataclass(frozen=True, eq=False)
class FileSplit(StreamedSplit):
    """Images in files of their own.

    Attributes:
        paths: bytes array `(files,)`.
        labels: int32 array `(files,)`.
        stamps: int64 array `(files, 2)`: size and time of each file when its folder was read.
        image_shape: height, width and channels that every image is brought to.
    """

    paths: np.ndarray
    labels: np.ndarray
    stamps: np.ndarray
    image_shape: tuple[int, int, int] = (0, 0, 3)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | np.ndarray) -> Self:
        return dataclasses.replace(self, paths=self.paths[index], labels=self.labels[index], stamps=self.stamps[index])

    def fingerprint(self) -> str:
        """Return hexadecimal digits that belong to these files by their names, sizes and times."""
        digest = hashlib.sha256(repr((self.image_shape, self.paths.tolist())).encode())
        for values in (self.labels, self.stamps):
            digest.update(values.tobytes())
        return digest.hexdigest()

    def held_out(self, fraction: float, seed: int) -> tuple[Self, Self]:
        """Return the remaining files and a random fraction of them; see `StreamedSplit.held_out`."""
        kept, held_out = random_split(len(self), fraction, seed)
        return self[kept], self[held_out]

    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, class by class; see `StreamedSplit.in_order`."""
        return self._examples(tf.data.Dataset.range(len(self), output_type=tf.int32))

    def shuffled(self, shard: Shard) -> tf.data.Dataset:
        """Return examples endlessly, all files shuffled anew for every epoch; see `StreamedSplit.shuffled`."""
        batches = shard.epochs().map(lambda epoch: shard.indices(len(self), epoch))
        return self._examples(batches.unbatch().unbatch())

    def _examples(self, indices: tf.data.Dataset) -> tf.data.Dataset:
        paths, labels = tf.constant(self.paths), tf.constant(self.labels)

        def read(index):
            return decode(tf.io.read_file(tf.gather(paths, index)), self.image_shape), tf.gather(labels, index)

        return indices.map(read, num_parallel_calls=cores(), deterministic=True)

    def broken(self) -> Iterator[tuple[int, str]]:
        """Decode all files once, and yield the index of each that is no readable image, and why.

        Which ones they were is kept in Keras' folder. As long as no file has another name, size or time, the next time
        only those are decoded again.
        """
        record = keras_home() / "cnnzoo" / "broken_files" / f"{self.fingerprint()[:24]}.json"
        suspects = np.arange(len(self))
        if record.is_file():
            suspects = np.array(json.loads(record.read_text(encoding="utf-8"))["broken"], int)
        broken = []
        results = decode_files(self.paths[suspects], self.image_shape)
        for index, (pixels, reason) in zip(suspects.tolist(), results, strict=True):
            if pixels is None:
                broken.append(index)
                yield index, reason
        with suppress(OSError):  # without a folder to keep it in, all are decoded again
            record.parent.mkdir(parents=True, exist_ok=True)
            write_json(record, {"broken": broken})

    def changed(self) -> Self:
        """Return the files that have another size or time by now, or are gone."""
        return self[np.any(stamps_of(self.paths) != self.stamps, axis=1)]


def stamps_of(paths: Iterable[bytes]) -> np.ndarray:
    """Return the sizes and times of files, int64 `(files, 2)`."""

    def stamp(path: bytes) -> tuple[int, int]:
        try:
            stat = os.stat(path)  # noqa: PTH116 (bytes)
        except FileNotFoundError:
            return GONE
        return stat.st_size, stat.st_mtime_ns

    return np.array([stamp(path) for path in paths], "int64").reshape(-1, 2)


@contextmanager
def report_broken_files(splits: Iterable[AnySplit | None]) -> Iterator[None]:
    """Name a file that has changed since its folder was read, in place of TensorFlow's error, which does not name it.

    Args:
        splits: what is read in the block.

    Raises:
        InputError: a file that is read in the block has vanished, or is not a readable image any more.
    """
    try:
        yield
    except tf.errors.OpError as error:
        for files in (split.changed() for split in splits if isinstance(split, FileSplit)):
            for path, (pixels, reason) in zip(files.paths, decode_files(files.paths, files.image_shape), strict=True):
                if pixels is None:
                    raise InputError(broken_file_message(os.fsdecode(path), reason)) from error
        raise
