"""Images that are decoded once, into one file of pixels."""

import dataclasses
import hashlib
import shutil
import zipfile
from pathlib import Path
from typing import Self

import numpy as np
import tensorflow as tf

from cnnzoo.data.decoding import CHUNK
from cnnzoo.data.file_split import report_broken_files
from cnnzoo.data.source import HOST, Shard, StreamedSplit, digest_of, random_split
from cnnzoo.errors import InputError, reason
from cnnzoo.files import atomic_write, make_folder, read_rows
from cnnzoo.runtime import cores


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CachedSplit(StreamedSplit):
    """Images with their labels, whose pixels lie in a file, one image after the other.

    They are read from the file at each use, never all at once.

    Attributes:
        path: the file of pixels.
        rows: int64 array `(examples,)`: the position of each example in the file.
        labels: int32 array `(examples,)`.
        image_shape: height, width and channels of every image.
    """

    path: Path
    rows: np.ndarray
    labels: np.ndarray
    image_shape: tuple[int, int, int] = (0, 0, 3)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice | np.ndarray) -> Self:
        return dataclasses.replace(self, rows=self.rows[index], labels=self.labels[index])

    def fingerprint(self) -> str:
        return hashlib.sha256(str(self.path).encode() + self.rows.tobytes()).hexdigest()

    def digest(self) -> str:
        """Return a short text of the labels."""
        return f"cached {digest_of(self.labels)}"

    def held_out(self, fraction: float, seed: int) -> tuple[Self, Self]:
        """Return the remaining examples and a random fraction of them, the same as in memory."""
        kept, held_out = random_split(len(self), fraction, seed)
        return self[kept], self[held_out]

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return the images of these indices.

        Args:
            indices: integer array `(n,)`.

        Returns:
            uint8 array `(n, height, width, channels)`.
        """
        with self.path.open("rb") as file:
            return read_rows(file, self.rows[indices], self.image_shape, "uint8")

    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, in their order; see `StreamedSplit.in_order`."""
        examples = self._examples(tf.data.Dataset.range(len(self), output_type=tf.int32))
        return examples.apply(tf.data.experimental.assert_cardinality(len(self)))

    def shuffled(self, shard: Shard) -> tf.data.Dataset:
        """Return examples endlessly, in the order of those in memory; see `StreamedSplit.shuffled`."""
        batches = shard.epochs().map(lambda epoch: shard.indices(len(self), epoch))
        return self._examples(batches.unbatch().unbatch())

    def _examples(self, indices: tf.data.Dataset) -> tf.data.Dataset:
        with tf.device(HOST):
            labels = tf.constant(self.labels)

        def read_chunk(chunk):
            images = tf.numpy_function(self.read, [chunk], tf.uint8)
            return tf.ensure_shape(images, (None, *self.image_shape)), tf.gather(labels, chunk)

        chunks = indices.batch(CHUNK // 4).map(read_chunk, num_parallel_calls=cores(), deterministic=True)
        return chunks.unbatch()


def cache_split(split: StreamedSplit, folder: str | Path) -> CachedSplit:
    """Decode the images of a split into a file in a folder, unless they lie there already, and return that split.

    The file belongs to these images alone: its name depends on their names, sizes and times, or on TFDS' version. It is
    written atomically, and serves every later run.

    Args:
        split: images that stay on disk, encoded.
        folder: where to keep the pixels; made if it is not there.

    Raises:
        InputError: the folder cannot be written to, has too little room, or holds a damaged cache; or a broken file.
    """
    folder = Path(folder)
    make_folder(folder)
    name = split.fingerprint()[:24]
    pixels, metadata = folder / f"{name}.pixels", folder / f"{name}.npz"
    if not metadata.is_file():  # it is written last
        _check_room(folder, len(split), split.image_shape)
        _write(split, pixels, metadata)
    from cnnzoo.weights.bounds import check_file  # with Keras, whose import may be what has loaded this module

    try:
        check_file(metadata)
        with np.load(metadata) as file:
            labels = file["labels"]
        complete = pixels.stat().st_size == len(labels) * int(np.prod(split.image_shape))
    except InputError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"the cache {str(metadata)!r} cannot be read ({reason(error)}); delete it") from error
    if not complete:
        raise InputError(f"the cache {str(pixels)!r} is damaged: its size is wrong; delete it")
    return CachedSplit(pixels, np.arange(len(labels)), labels, split.image_shape)


def _check_room(folder: Path, count: int, shape: tuple[int, int, int]) -> None:
    needed, free = count * int(np.prod(shape)), shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{count} images of {shape} take {needed / 2**30:,.2f} GiB as pixels, and {str(folder)!r} has "
            f"{free / 2**30:,.2f} GiB free; choose another cache folder, a smaller image_size, or no cache"
        )


def _write(split: StreamedSplit, pixels: Path, metadata: Path) -> None:
    labels = []
    with report_broken_files([split]), atomic_write(pixels) as part, part.open("wb") as file:
        for images, batch_labels in split.in_order().batch(CHUNK).prefetch(2).as_numpy_iterator():
            file.write(images.data)
            labels.append(batch_labels)
    with atomic_write(metadata) as part, part.open("wb") as file:
        np.savez(file, labels=np.concatenate(labels))
