"""What a data set is once it is loaded."""

import abc
import dataclasses
from typing import TYPE_CHECKING, Self

import numpy as np

from cnnzoo.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf


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

    def __getitem__(self, index: slice) -> "Split":
        return Split(self.images[index], self.labels[index])

    def repeated(self, times: int) -> "Split":
        """Return every example as often as `times` says.

        Example:
        >>> len(Split(np.zeros((10, 2, 2, 1), "uint8"), np.arange(10, dtype="int32")).repeated(3))
        30
        """
        return Split(np.repeat(self.images, times, axis=0), np.repeat(self.labels, times))

    def held_out(self, share: float, seed: int) -> tuple["Split", "Split"]:
        """Return what remains and a random share of the examples, e.g. for validation.

        Args:
            share: share to hold out, in (0, 1).
            seed: seed of the choice.

        Raises:
            InputError: either part would be empty.

        Example:
        >>> split = Split(np.zeros((10, 2, 2, 1), "uint8"), np.arange(10, dtype="int32"))
        >>> [len(part) for part in split.held_out(0.2, seed=0)]
        [8, 2]
        """
        kept, out = drawn(len(self), share, seed)
        return Split(self.images[kept], self.labels[kept]), Split(self.images[out], self.labels[out])


class StreamedSplit(abc.ABC):
    """Images with their labels that stay on disk and are read and decoded whenever they are used.

    Attributes:
        image_shape: height, width and channels of every image once it is read.
    """

    image_shape: tuple[int, int, int]

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def __getitem__(self, index: slice) -> Self: ...

    @abc.abstractmethod
    def identity(self) -> str:
        """Return a name for exactly these images at this size, as hexadecimal digits."""

    @abc.abstractmethod
    def held_out(self, share: float, seed: int) -> tuple[Self, Self]:
        """Return what remains and a share of the examples, e.g. for validation.

        Args:
            share: share to hold out, in (0, 1).
            seed: seed of the choice.

        Raises:
            InputError: either part would be empty.
        """

    @abc.abstractmethod
    def in_order(self) -> "tf.data.Dataset":
        """Return the examples once, in their order, decoded with all cores.

        Returns:
            A dataset of `(image, label)`: uint8 `(height, width, channels)` and int32 `()`.
        """

    @abc.abstractmethod
    def shuffled(
        self, *, seed: int, first_epoch: int, batch_size: int, steps: int, worker: int, workers: int
    ) -> "tf.data.Dataset":
        """Return a worker's examples endlessly, epoch after epoch, each in an order of its own.

        The order of epoch n depends on `seed` and n alone. Of each batch a worker decodes its own part only.

        Args:
            seed: seed of the order.
            first_epoch: epoch to begin with, from 0.
            batch_size: examples in a batch of all workers.
            steps: batches in an epoch, at most those of the split.
            worker: index of the worker.
            workers: how many there are; `batch_size` is a multiple of it.

        Returns:
            A dataset as `in_order` gives it.
        """


AnySplit = Split | StreamedSplit


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A data set, in memory or on disk.

    Attributes:
        name: the name it was loaded by.
        train: images to train on.
        test: images to judge by, never to choose by.
        class_names: name of each label, in the order of the labels.
        validation: images to watch and to choose by, where the set brings such.
        skipped: files that were left out while they were loaded into memory, each with the reason.
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
    def skipped_files(self) -> dict[str, str]:
        """Files that were left out so far, while loading or while streaming, each with the reason."""
        streamed = [getattr(split, "skipped", {}) for split in (self.train, self.test, self.validation)]
        return dict(self.skipped) | {path: reason for each in streamed for path, reason in each.items()}

    def first(self, examples: int | None, test_examples: int | None) -> "Source":
        """Return the same with its first training and test images only; `None` leaves all."""
        return dataclasses.replace(self, train=self.train[:examples], test=self.test[:test_examples])


def nothing(image_shape: tuple[int, int, int]) -> Split:
    """Return a split without images: what is not to be read."""
    return Split(np.empty((0, *image_shape), "uint8"), np.empty(0, "int32"))


def held(examples: int, share: float) -> int:
    """Return how many examples a share of them is, and refuse a share that leaves an empty part."""
    count = round(examples * share)
    if not 0 < count < examples:
        raise InputError(f"a share of {share} of {examples} examples leaves an empty part")
    return count


def drawn(examples: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of what remains and of a random share, each in ascending order."""
    count = held(examples, share)
    order = np.random.default_rng(seed).permutation(examples)
    return np.sort(order[count:]), np.sort(order[:count])
