"""What a data set is once it is loaded."""

import dataclasses

import numpy as np

from cnnzoo.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images with their labels.

    Attributes:
        images: uint8 array `(examples, height, width, channels)`, pixels 0 to 255.
        labels: int32 array `(examples,)`, from 0.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice) -> "Split":
        return Split(self.images[index], self.labels[index])

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
        held = round(len(self) * share)
        if not 0 < held < len(self):
            raise InputError(f"a share of {share} of {len(self)} examples leaves an empty part")
        order = np.random.default_rng(seed).permutation(len(self))
        kept, out = np.sort(order[held:]), np.sort(order[:held])
        return Split(self.images[kept], self.labels[kept]), Split(self.images[out], self.labels[out])


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A data set in memory.

    Attributes:
        name: the name it was loaded by.
        train: images to train on.
        test: images to judge by, never to choose by.
        class_names: name of each label, in the order of the labels.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.train.images.shape[1:]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)
