"""What a data set is once it is loaded."""

import dataclasses
from typing import Any

import numpy as np

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
        held = _held(len(self), share)
        order = np.random.default_rng(seed).permutation(len(self))
        kept, out = np.sort(order[held:]), np.sort(order[:held])
        return Split(self.images[kept], self.labels[kept]), Split(self.images[out], self.labels[out])


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedSplit:
    """Images with their labels that stay on disk and are read whenever they are used.

    Attributes:
        builder: TFDS' builder, which knows the files.
        name: TFDS' name of the split they are in, such as `"train"`.
        image_shape: height, width and channels of every image once it is read.
        start: number of the first example.
        stop: number of the example after the last.
    """

    builder: Any
    name: str
    image_shape: tuple[int, int, int]
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: slice) -> "StreamedSplit":
        start, stop, step = index.indices(len(self))
        if step != 1:
            raise InputError(f"examples that stay on disk are taken one after the other, not by steps of {step}")
        return dataclasses.replace(self, start=self.start + start, stop=self.start + max(start, stop))

    @property
    def in_tfds_words(self) -> str:
        """The split as TFDS writes it, such as `"train[0:1000]"`."""
        return f"{self.name}[{self.start}:{self.stop}]"

    def held_out(self, share: float, seed: int) -> tuple["StreamedSplit", "StreamedSplit"]:
        """Return what remains and the last share of the examples, e.g. for validation.

        They are not chosen at random, as those of a `Split` are: picking single examples out of the
        files would read them all. TFDS shuffles a set when it writes it.

        Args:
            share: share to hold out, in (0, 1).
            seed: without effect.

        Raises:
            InputError: either part would be empty.
        """
        held = _held(len(self), share)
        return self[: len(self) - held], self[len(self) - held :]


AnySplit = Split | StreamedSplit


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A data set, in memory or on disk.

    Attributes:
        name: the name it was loaded by.
        train: images to train on.
        test: images to judge by, never to choose by.
        class_names: name of each label, in the order of the labels.
    """

    name: str
    train: AnySplit
    test: AnySplit
    class_names: tuple[str, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.train.image_shape

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def first(self, examples: int | None, test_examples: int | None) -> "Source":
        """Return the same with its first training and test images only; `None` leaves all."""
        return dataclasses.replace(self, train=self.train[:examples], test=self.test[:test_examples])


def _held(examples: int, share: float) -> int:
    held = round(examples * share)
    if not 0 < held < examples:
        raise InputError(f"a share of {share} of {examples} examples leaves an empty part")
    return held
