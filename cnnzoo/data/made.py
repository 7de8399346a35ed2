"""Images that need no files: a person's own arrays, and made-up ones for trying out."""

from collections.abc import Sequence

import numpy as np

from cnnzoo.data.source import Source, Split
from cnnzoo.errors import InputError


def from_arrays(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
) -> Source:
    """Return arrays as a data set, without a copy where their types fit.

    Args:
        train: images to train on, uint8 `(examples, height, width[, channels])`, and their labels, integers
            `(examples,)` from 0.
        test: images to judge by, and their labels.
        class_names: a name for each label; default the numbers up to the largest label.
        name: what the data set is called in messages.

    Raises:
        InputError: the arrays do not fit together, or the images are not uint8.

    Example:
    >>> images, labels = np.zeros((6, 8, 8), "uint8"), np.arange(6) % 3
    >>> source = from_arrays((images, labels), (images[:3], labels[:3]), class_names=["a", "b", "c"])
    >>> source.image_shape, source.classes, len(source.train)
    ((8, 8, 1), 3, 6)
    """
    splits = {part: _split(f"{part} of {name}", *pair) for part, pair in (("train", train), ("test", test))}
    shapes = {part: split.image_shape for part, split in splits.items()}
    if shapes["train"] != shapes["test"]:
        raise InputError(f"the images of {name} have two shapes, {shapes['train']} in train, {shapes['test']} in test")
    largest = max(int(split.labels.max()) for split in splits.values())
    names = tuple(map(str, class_names)) if class_names is not None else tuple(map(str, range(largest + 1)))
    if len(names) <= largest:
        raise InputError(f"{name} has labels up to {largest}, but only {len(names)} class names")
    return Source(name, splits["train"], splits["test"], names)


def fake(shape: tuple[int, int, int] = (32, 32, 3), classes: int = 10, n: int = 256, *, seed: int = 0) -> Source:
    """Return made-up images that a net can learn to tell apart: each class has a pattern, under noise.

    Args:
        shape: height, width and channels of every image.
        classes: number of classes; ≥ 1.
        n: number of images to train on; a quarter as many, and at least one, are to test. Labels take turns.
        seed: seed of patterns and noise.

    Raises:
        InputError: a number is not positive.

    Example:
    >>> source = fake((8, 8, 1), classes=4, n=100)
    >>> len(source.train), len(source.test), source.train.images.dtype, source.train.labels[:5]
    (100, 25, dtype('uint8'), array([0, 1, 2, 3, 0], dtype=int32))
    """
    for what, number in (("classes", classes), ("n", n), *zip(("height", "width", "channels"), shape, strict=True)):
        if type(number) is not int or number < 1:
            raise InputError(f"{what} of fake data must be an integer of at least 1, not {number!r}")
    rng = np.random.default_rng(seed)
    patterns = rng.integers(64, 192, (classes, *shape))

    def split(examples: int) -> Split:
        labels = (np.arange(examples) % classes).astype("int32")
        images = patterns[labels] + rng.integers(-64, 64, (examples, *shape))
        return Split(images.astype("uint8"), labels)

    return Source("fake", split(n), split(max(1, n // 4)), tuple(map(str, range(classes))))


def _split(which: str, images: np.ndarray, labels: np.ndarray) -> Split:
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.dtype != "uint8":
        raise InputError(
            f"the images in {which} must be uint8 of shape (examples, height, width, channels), "
            f"not {images.dtype} of shape {images.shape}"
        )
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"the labels in {which} must be integers of shape ({len(images)},), "
            f"not {labels.dtype} of shape {labels.shape}"
        )
    if not len(images) or labels.min() < 0:
        raise InputError(f"{which} must have examples, with labels of at least 0")
    return Split(images, labels.astype("int32", copy=False))
