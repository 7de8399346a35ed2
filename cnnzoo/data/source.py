"""A loaded data set: its splits in memory or on disk, and the order in which they are read."""

import abc
import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Self, TypeVar

import numpy as np
import tensorflow as tf

from cnnzoo.errors import InputError

SHOWN = 10  # names of classes in a text
DIGESTED = 50  # images of a split, of which a digest is taken
HOST = "CPU:0"  # where data sets lie: in the memory of a GPU they would leave less for the model


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images with their labels, in memory; or signals, or the rows of a table.

    Attributes:
        images: uint8 array `(examples, height, width, channels)`, pixels 0 to 255; or float32 array
            `(examples, steps, channels)` or `(examples, columns)`.
        labels: int32 array `(examples,)`, from 0.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return _described(self)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Height, width and channels of every image; steps and channels of every signal; or columns of every row."""
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

    def digest(self) -> str:
        """Return a short text that other examples do not have: of the labels, and of a few images.

        Example:
        >>> zeros = Split(np.zeros((9, 2, 2, 1), "uint8"), np.arange(9, dtype="int32"))
        >>> zeros.digest() == zeros[::-1][::-1].digest(), zeros.digest() == zeros[1:].digest()
        (True, False)
        """
        some = self.images[:: max(1, len(self) // DIGESTED)]
        return f"pixels {digest_of(self.images.shape, self.labels, some)}"

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

    def __repr__(self) -> str:
        return _described(self)

    @abc.abstractmethod
    def __getitem__(self, index: slice) -> Self: ...

    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Return hexadecimal digits that belong to exactly these images at this size."""

    def digest(self) -> str:
        """Return a short text that other examples do not have, also where they lie elsewhere; see `Split.digest`."""
        return f"records {self.fingerprint()[:16]}"

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
SomeSplit = TypeVar("SomeSplit", bound=AnySplit)


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
        columns: names of a table's columns, where they are known.
    """

    name: str
    train: AnySplit
    test: AnySplit
    class_names: tuple[str, ...]
    validation: AnySplit | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return name, sizes and classes, as text.

        Example:
        >>> Source("none", empty_split((8, 8, 1)), empty_split((8, 8, 1)), ("cat", "dog"))
        Source('none', train: 0, test: 0 images of 8×8×1, 2 classes: cat, dog)
        """
        counts = {"train": self.train, "validation": self.validation, "test": self.test}
        sizes = ", ".join(f"{name}: {len(split):,}" for name, split in counts.items() if split is not None)
        names = ", ".join(self.class_names[:SHOWN]) + ", …" * (self.classes > SHOWN)
        skipped = f", {len(self.skipped)} files skipped" if self.skipped else ""
        shape = _shape_text(self.image_shape)
        return f"Source({self.name!r}, {sizes} {self.kind} of {shape}, {self.classes} classes: {names}{skipped})"

    @property
    def kind(self) -> str:
        """The kind of the examples, which is `"images"`, `"signals"` or `"rows"`."""
        return kind_of(self.image_shape)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Height, width and channels of every image; steps and channels of every signal; or columns of every row."""
        return self.train.image_shape

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def splits(self) -> tuple[AnySplit | None, ...]:
        """All splits, which are train, test and validation."""
        return self.train, self.test, self.validation

    def first(self, train_examples: int | None, test_examples: int | None) -> "Source":
        """Return the data set with so many training and test images only, see `take`; `None` keeps all."""
        return dataclasses.replace(self, train=take(self.train, train_examples), test=take(self.test, test_examples))


def digest_of(*values: Any) -> str:
    """Return hexadecimal digits of arrays, and of what prints itself."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(np.ascontiguousarray(value).data if isinstance(value, np.ndarray) else repr(value).encode())
    return digest.hexdigest()[:16]


def take(split: SomeSplit, count: int | None) -> SomeSplit:
    """Return so many examples: the first ones, or evenly spread ones where the examples are in the order of classes.

    Args:
        split: examples, such as those of a folder, which are in the order of its classes.
        count: number of examples; `None`, or a number above that of the split, for all.

    Example:
    >>> take(Split(np.zeros((6, 2, 2, 1), "uint8"), np.repeat([0, 1, 2], 2)), 3).labels
    array([0, 1, 2])
    """
    if count is None or count >= len(split):
        return split
    labels: Any = getattr(split, "labels", None)
    chosen: Any = slice(count)
    if labels is not None and np.all(labels[:-1] <= labels[1:]):
        chosen = np.arange(count, dtype="int64") * len(split) // count
    return split[chosen]  # type: ignore[return-value]


def _described(split: AnySplit) -> str:
    shape = split.image_shape
    return f"{type(split).__name__}({len(split):,} {kind_of(shape)} of {_shape_text(shape)})"


def kind_of(shape: tuple[int, ...]) -> str:
    """Return what examples of a shape are: `"images"`, `"signals"` or `"rows"`.

    Example:
    >>> [kind_of(shape) for shape in ((28, 28, 1), (100, 2), (30,))]
    ['images', 'signals', 'rows']
    """
    return {3: "images", 2: "signals", 1: "rows"}[len(shape)]


def _shape_text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def classes_without_images(labels: np.ndarray, class_names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence about the classes that have no training image, if there are any.

    Args:
        labels: integer array `(examples,)`, the labels of the training images.
        class_names: name of each label.

    Example:
    >>> list(classes_without_images(np.array([0, 2]), ("a", "b", "c")))
    ["no training image is of class 'b', which a model cannot learn"]
    """
    counts = np.bincount(labels, minlength=len(class_names))
    missing = [repr(name) for name, count in zip(class_names, counts, strict=True) if not count]
    if missing:
        names = ", ".join(missing[:SHOWN]) + ", …" * (len(missing) > SHOWN)
        yield f"no training image is of class {names}, which a model cannot learn"


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
