"""Images that were decoded once, into one file of pixels."""

import dataclasses
import hashlib
import json
import os
import shutil
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import tensorflow as tf

from cnnzoo.data.decoding import CORES
from cnnzoo.data.file_split import broken_files_named
from cnnzoo.data.source import StreamedSplit, drawn
from cnnzoo.errors import InputError, reason
from cnnzoo.files import atomic_write, make_folder

CHUNK = 64  # images between two writes


@dataclasses.dataclass(frozen=True, eq=False)
class CachedSplit(StreamedSplit):
    """Images with their labels, whose pixels lie in a file, one image after the other.

    They are read where they lie, and never all at once: a memory map would do, too, but what it has touched counts as
    the process's own memory.

    Attributes:
        path: the file of pixels.
        rows: int64 array `(examples,)`: where in the file each example is.
        labels: int32 array `(examples,)`.
        image_shape: height, width and channels of every image.
        skipped: files that were left out when it was made, each with the reason.
    """

    path: Path
    rows: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int, int] = (0, 0, 3)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice | np.ndarray) -> Self:
        return dataclasses.replace(self, rows=self.rows[index], labels=self.labels[index])

    def identity(self) -> str:
        return hashlib.sha256(str(self.path).encode() + self.rows.tobytes()).hexdigest()

    def held_out(self, share: float, seed: int) -> tuple[Self, Self]:
        """Return what remains and a random share of the examples, the same as in memory."""
        kept, out = drawn(len(self), share, seed)
        return self[kept], self[out]

    @cached_property
    def _file(self) -> int:
        return os.open(self.path, os.O_RDONLY)

    def __del__(self) -> None:
        if "_file" in self.__dict__:
            os.close(self._file)

    def fetched(self, numbers: np.ndarray) -> np.ndarray:
        """Return the images of these numbers.

        Args:
            numbers: integer array `(n,)`.

        Returns:
            uint8 array `(n, height, width, channels)`.
        """
        images = np.empty((len(numbers), *self.image_shape), "uint8")
        size = int(np.prod(self.image_shape))
        for image, row in zip(images.reshape(len(numbers), -1), self.rows[numbers], strict=True):
            os.preadv(self._file, [image.data], int(row) * size)
        return images

    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, in their order; see `StreamedSplit.in_order`."""
        return self._examples(tf.data.Dataset.range(len(self)))

    def shuffled(
        self, *, seed: int, first_epoch: int, batch_size: int, steps: int, worker: int, workers: int
    ) -> tf.data.Dataset:
        """Return examples endlessly, in the order of those in memory; see `StreamedSplit.shuffled`."""

        def epoch_of(epoch):
            order = tf.random.experimental.stateless_shuffle(tf.range(len(self)), seed=tf.stack([seed, epoch]))
            own = tf.reshape(order[: steps * batch_size], (steps, workers, batch_size // workers))[:, worker]
            return tf.data.Dataset.from_tensor_slices(tf.cast(tf.reshape(own, (-1,)), "int64"))

        return self._examples(tf.data.Dataset.range(first_epoch, 2**31 - 1, output_type=tf.int32).flat_map(epoch_of))

    def _examples(self, numbers: tf.data.Dataset) -> tf.data.Dataset:
        labels = tf.constant(self.labels)

        def chunk(chosen):
            images = tf.numpy_function(self.fetched, [chosen], tf.uint8)
            return tf.ensure_shape(images, (None, *self.image_shape)), tf.gather(labels, chosen)

        chunks = numbers.batch(CHUNK // 4).map(chunk, num_parallel_calls=CORES, deterministic=True)
        return chunks.unbatch()


def cached(split: StreamedSplit, folder: str | Path) -> CachedSplit:
    """Return a split whose images are decoded once, into a file in a folder, or that lie there already.

    The file belongs to these images alone, by their names, sizes and times, or by TFDS' version; it appears whole or
    not at all, and serves every later run.

    Args:
        split: images that stay on disk, encoded.
        folder: where to keep the pixels; made if it is not there.

    Raises:
        InputError: the folder cannot be written to, has too little room, or holds a damaged cache; or a broken file.
    """
    folder = Path(folder)
    make_folder(folder)
    name = split.identity()[:24]
    pixels, notes = folder / f"{name}.pixels", folder / f"{name}.npz"
    if not notes.is_file():  # written last
        _check_room(folder, len(split), split.image_shape)
        _write(split, pixels, notes)
    try:
        with np.load(notes) as file:
            labels, skipped = file["labels"], json.loads(str(file["skipped"]))
        whole = pixels.stat().st_size == len(labels) * int(np.prod(split.image_shape))
    except Exception as error:  # zipfile, json and NumPy each have their own
        raise InputError(f"the cache {str(notes)!r} cannot be read ({reason(error)}); delete it") from error
    if not whole:
        raise InputError(f"the cache {str(pixels)!r} is damaged: it has not the size it should have; delete it")
    return CachedSplit(pixels, np.arange(len(labels)), labels, split.image_shape, skipped)


def _check_room(folder: Path, count: int, shape: tuple[int, int, int]) -> None:
    needed, free = count * int(np.prod(shape)), shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{count} images of {shape} take {needed / 2**30:,.2f} GiB as pixels, and {str(folder)!r} has "
            f"{free / 2**30:,.2f} GiB free; give a cache elsewhere, a smaller image_size, or none"
        )


def _write(split: StreamedSplit, pixels: Path, notes: Path) -> None:
    labels = []
    try:
        with broken_files_named(), atomic_write(pixels) as part, part.open("wb") as file:
            for images, names in split.in_order().batch(CHUNK).prefetch(2).as_numpy_iterator():
                file.write(images.data)
                labels.append(names)
    except OSError as error:
        raise InputError(f"cannot write the cache {str(pixels)!r}: {error.strerror}") from error
    if not labels:
        raise InputError(f"not one of the {len(split)} images can be read")
    skipped = json.dumps(getattr(split, "skipped", {}))
    with atomic_write(notes) as part, part.open("wb") as file:
        np.savez(file, labels=np.concatenate(labels), skipped=np.array(skipped))
