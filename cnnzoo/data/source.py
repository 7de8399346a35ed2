"""A loaded data set: its splits in memory or on disk, and the order in which they are read."""

import abc
import dataclasses
from typing import Self

import numpy as np
import tensorflow as tf

from cnnzoo.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images with their labels, in memory.

    Attributes:
        images: uint8 array `(examples, height, width, channels)`, pixels 0 to 255.
        labels: int32 array `(examples,)`, from 0.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.images.shape[1:]

    def __getitem__(self, index: slice | np.ndarray) -> "Split":
        return Split(self.images[index], self.labels[index])

    def repeated(self, times: int) -> "Split":
        """Return every example as often as `times` says.

        Example:
        >>> len(Split(np.zeros((10, 2, 2, 1), "uint8"), np.arange(10, dtype="int32")).repeated(3))
        30
        """
        return Split(np.repeat(self.images, times, axis=0), np.repeat(self.labels, times))

    def held_out(self, fraction: float, seed: int) -> tuple["Split", "Split"]:
        """Return the remaining examples and a random fraction of them, e.g. for validation.

        Args:
            fraction: fraction to hold out, in (0, 1).
            seed: seed of the choice.

        Raises:
            InputError: either part would be empty.

        Example:
        >>> split = Split(np.zeros((10, 2, 2, 1), "uint8"), np.arange(10, dtype="int32"))
        >>> [len(part) for part in split.held_out(0.2, seed=0)]
        [8, 2]
        """
        kept, held_out = random_split(len(self), fraction, seed)
        return self[kept], self[held_out]


@dataclasses.dataclass(frozen=True)
class Shard:
    """One worker's part of every shuffled batch.

    Attributes:
        batch_size: examples in a batch of all workers; a multiple of `workers`.
        steps: batches in an epoch, at most those of the split.
        seed: seed of the order.
        first_epoch: epoch to start at, from 0.
        worker: index of the worker, from 0.
        workers: number of workers.
    """

    batch_size: int
    steps: int
    seed: int
    first_epoch: int
    worker: int
    workers: int

    @property
    def examples(self) -> int:
        """Number of examples that the worker gets of each batch."""
        return self.batch_size // self.workers

    def epochs(self) -> tf.data.Dataset:
        """Return the numbers of the epochs, without end, as int32 tensors `()`."""
        return tf.data.Dataset.range(self.first_epoch, 2**31 - 1, output_type=tf.int32)

    def indices(self, count: int, epoch: tf.Tensor) -> tf.Tensor:
        """Return the worker's shuffled indices of an epoch, which depend on the seed and the epoch alone.

        Args:
            count: number of examples in the split.
            epoch: number of the epoch.

        Returns:
            int32 tensor `(steps, batch_size / workers)`.
        """
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=tf.stack([self.seed, epoch]))
        batches = tf.reshape(order[: self.steps * self.batch_size], (self.steps, self.workers, self.examples))
        return batches[:, self.worker]


class StreamedSplit(abc.ABC):
    """Images with their labels that stay on disk and are read and decoded at each use.

    Attributes:
        image_shape: height, width and channels of every image once it is read.
    """

    image_shape: tuple[int, int, int]

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def __getitem__(self, index: slice) -> Self: ...

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Return hexadecimal digits that belong to exactly these images at this size."""

    @abc.abstractmethod
    def held_out(self, fraction: float, seed: int) -> tuple[Self, Self]:
        """Return the remaining examples and a fraction of them, e.g. for validation.

        Args:
            fraction: fraction to hold out, in (0, 1).
            seed: seed of the choice.

        Raises:
            InputError: either part would be empty.
        """

    @abc.abstractmethod
    def in_order(self) -> tf.data.Dataset:
        """Return the examples once, in their order, decoded with all cores.

        Returns:
            A dataset of `(image, label)`: uint8 `(height, width, channels)` and int32 `()`.
        """

    @abc.abstractmethod
    def shuffled(self, shard: Shard) -> tf.data.Dataset:
        """Return a worker's examples endlessly, epoch after epoch, each in an order of its own.

        The order of epoch n depends on the seed and n alone. A worker decodes its own part of each batch only.

        Args:
            shard: the order, and the worker's part of it.

        Returns:
            A dataset as `in_order` returns it.
        """


AnySplit = Split | StreamedSplit


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A data set, in memory or on disk.

    Attributes:
        name: the name it was loaded by.
        train: training images.
        test: test images, for the final evaluation alone, never to choose anything by.
        class_names: name of each label, in the order of the labels.
        validation: validation images, where the data set has them.
        skipped: files that were left out, since they cannot be decoded, each with the reason.
    """

    name: str
    train: AnySplit
    test: AnySplit
    class_names: tuple[str, ...]
    validation: AnySplit | None = None
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.train.image_shape

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def splits(self) -> tuple[AnySplit | None, ...]:
        """All splits: train, test and validation."""
        return self.train, self.test, self.validation

    def first(self, train_examples: int | None, test_examples: int | None) -> "Source":
        """Return the data set with its first training and test images only; `None` keeps all."""
        return dataclasses.replace(self, train=self.train[:train_examples], test=self.test[:test_examples])


def empty_split(image_shape: tuple[int, int, int]) -> Split:
    """Return a split without images, in place of one that is not read."""
    return Split(np.empty((0, *image_shape), "uint8"), np.empty(0, "int32"))


def held_out_count(examples: int, fraction: float) -> int:
    """Return the number of examples in a fraction of them.

    Raises:
        InputError: either part would be empty.
    """
    count = round(examples * fraction)
    if not 0 < count < examples:
        raise InputError(f"a fraction of {fraction} of {examples} examples leaves an empty part")
    return count


def random_split(examples: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the remaining examples and of a random fraction, each in ascending order."""
    count = held_out_count(examples, fraction)
    order = np.random.default_rng(seed).permutation(examples)
    return np.sort(order[count:]), np.sort(order[:count])
