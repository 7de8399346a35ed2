"""Images in files of their own, decoded at each use."""

import dataclasses
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

import numpy as np
import tensorflow as tf

from cnnzoo.data.decoding import (
    BY_PILLOW,
    Decoded,
    broken_file_message,
    crop_and_resize,
    decode,
    decode_by_pillow,
    decode_files,
)
from cnnzoo.data.found_in_files import keep, recall
from cnnzoo.data.source import AnySplit, Shard, StreamedSplit, digest_of, random_split
from cnnzoo.errors import InputError
from cnnzoo.runtime import cores

GONE = (-1, -1)  # size and time of a file that is not there
VERSION = 3  # of what is decoded from a file: what earlier ones have kept on disk is not read


class FileProblem(NamedTuple):
    """What there is to say of a file.

    Attributes:
        file: which of a split's files.
        reason: why it cannot be decoded, or what of it is damaged.
        broken: whether it cannot be decoded.
    """

    file: int
    reason: str
    broken: bool = False


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FileSplit(StreamedSplit):
    """Images in files of their own.

    Attributes:
        paths: bytes array `(files,)`.
        labels: int32 array `(files,)`.
        stamps: int64 array `(files, 2)`: size and time of each file when its folder was read.
        orientations: int32 array `(files,)`: the EXIF orientation of each file, or `BY_PILLOW`; 1 until `check` has
            found it.
        image_shape: height, width and channels that every image is brought to.
    """

    paths: np.ndarray
    labels: np.ndarray
    stamps: np.ndarray
    orientations: np.ndarray
    image_shape: tuple[int, int, int] = (0, 0, 3)

    @classmethod
    def of(cls, paths: Iterable[str], labels: Iterable[int]) -> Self:
        """Return files with their labels, with their sizes and times as they are now."""
        files = np.array([os.fsencode(path) for path in paths])
        return cls(files, np.array(labels, "int32"), stamps_of(files), np.ones(len(files), "int32"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice | np.ndarray) -> Self:
        arrays = {name: getattr(self, name)[index] for name in ("paths", "labels", "stamps", "orientations")}
        return dataclasses.replace(self, **arrays)

    def fingerprint(self) -> str:
        """Return hexadecimal digits that belong to these files by their names, sizes and times."""
        digest = hashlib.sha256(repr((VERSION, self.image_shape, self.paths.tolist())).encode())
        for values in (self.labels, self.stamps):
            digest.update(values.tobytes())
        return digest.hexdigest()

    def digest(self) -> str:
        """Return a short text of the files' names below their folder, sizes and labels."""
        above = os.path.commonpath(self.paths.tolist()) if len(self) > 1 else b""
        names = [path.removeprefix(above) for path in self.paths.tolist()]
        return f"files {digest_of(names, self.stamps[:, 0], self.labels)}"

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
        paths, labels, orientations = map(tf.constant, (self.paths, self.labels, self.orientations))
        # Files that are all upright, or all TensorFlow's, cost nothing more.
        are_upright, any_by_pillow = np.all(self.orientations == 1), np.any(self.orientations == BY_PILLOW)

        def by_tensorflow(path, orientation):
            return decode(tf.io.read_file(path), self.image_shape, None if are_upright else orientation)

        def by_pillow(path):
            pixels = tf.numpy_function(decode_by_pillow, [path], tf.uint8)
            return crop_and_resize(tf.ensure_shape(pixels, (None, None, 3)), self.image_shape[:2])

        def read(index):
            path, orientation = tf.gather(paths, index), tf.gather(orientations, index)
            if any_by_pillow:
                is_pillows = tf.equal(orientation, BY_PILLOW)
                image = tf.cond(is_pillows, lambda: by_pillow(path), lambda: by_tensorflow(path, orientation))
            else:
                image = by_tensorflow(path, orientation)
            return tf.ensure_shape(image, self.image_shape), tf.gather(labels, index)

        return indices.map(read, num_parallel_calls=cores(), deterministic=True)

    def decoded(self, *, exact: bool) -> Iterator[Decoded]:
        """Decode all files once.

        Args:
            exact: whether to refuse images that are not of `image_shape`, instead of bringing them to it.

        Raises:
            InputError: an image has another size.
        """
        for path, file in zip(self.paths, decode_files(self.paths, None if exact else self.image_shape), strict=True):
            if file.pixels is not None and file.pixels.shape != self.image_shape:
                one, others = ("×".join(map(str, shape[:2])) for shape in (file.pixels.shape, self.image_shape))
                raise InputError(
                    f"{os.fsdecode(path)!r} is {one}, others are {others}; give image_size=(height, width), such as "
                    "(227, 227)"
                )
            yield file

    def check(self, *, exact: bool) -> Iterator[FileProblem]:
        """Decode all files once; yield what there is to say of them, and note the EXIF of those that can be read.

        It is kept in Keras' folder. As long as no file has another name, size or time, the next time only those that
        were broken are decoded again.

        Args:
            exact: see `decoded`.
        """
        fingerprint = self.fingerprint() + str(exact)
        known = recall(fingerprint)
        suspects = np.arange(len(self)) if known is None else np.array(known["broken"], int)
        known = known or {"turned": [], "damaged": []}
        for index, orientation in known["turned"]:
            self.orientations[index] = orientation
        damaged = known["damaged"]
        yield from itertools.starmap(FileProblem, damaged)
        broken = []
        for index, file in zip(suspects.tolist(), self[suspects].decoded(exact=exact), strict=True):
            self.orientations[index] = file.orientation
            if file.pixels is None:
                broken.append(index)
                yield FileProblem(index, file.reason, broken=True)
            elif file.damage:
                damaged.append([index, file.damage])
                yield FileProblem(index, file.damage)
        turned = [[index, int(self.orientations[index])] for index in np.flatnonzero(self.orientations != 1).tolist()]
        keep(fingerprint, {"broken": broken, "damaged": damaged, "turned": turned})

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
            for path, file in zip(files.paths, decode_files(files.paths, files.image_shape), strict=True):
                if file.pixels is None:
                    raise InputError(broken_file_message(os.fsdecode(path), file.reason)) from error
        raise
