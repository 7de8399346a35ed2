"""Data sets in memory: one's own arrays, made-up images for trying things out, and scikit-learn's digits."""

import logging
import math
from collections.abc import Sequence

import numpy as np
import psutil

from cnnzoo.checks import check_finite, choice, flag, integer, refusal
from cnnzoo.data.source import Source, Split, classes_without_images, empty_split, kind_of
from cnnzoo.errors import InputError

LARGEST_LABEL = 999_999  # every label up to the largest is a class

log = logging.getLogger(__name__)


def fits_into_memory(name: str, shape: tuple[int, ...], stream: bool | None) -> bool:
    """Return whether to load a data set of uint8 pixels into memory.

    Args:
        name: the data set's name, for the message.
        shape: examples, height, width and channels.
        stream: `True` to leave it on disk, `False` to insist on memory, `None` to load it if it takes at most half of
            the memory.

    Raises:
        InputError: `stream=False`, and it takes more than half of the memory.
    """
    needed, memory = math.prod(shape), psutil.virtual_memory().total
    if stream is False and needed > memory / 2:
        raise InputError(
            f"data set {name!r} takes {needed / 2**30:.1f} GiB as {shape[1:]} pixels, more than half of this "
            f"machine's {memory / 2**30:.1f} GiB; give a smaller image_size, or leave out stream=False"
        )
    return needed <= memory / 2 if stream is None else not stream


def from_arrays(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    scale: int | None = None,
    signals: bool = False,
    columns: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
) -> Source:
    """Return arrays as a data set, without a copy where their types fit.

    Args:
        train: training images `(examples, height, width[, channels])`, rows of a table `(examples, columns)`, or
            signals `(examples, steps[, channels])`; and their labels, integers `(examples,)` or `(examples, 1)` from 0.
            Of rows and signals labels may be `None`. A data frame of pandas is a table, too.
        test: test images, rows or signals, and their labels.
        scale: the value of white, 1 or 255, for images of other types than uint8, such as floats: they are scaled and
            rounded to uint8 of 0 to 255. `None` for uint8.
        signals: whether these are signals, which have as many axes as gray images.
        columns: names of a table's columns; default those of the data frame.
        class_names: a name for each label; default the numbers up to the largest label.
        name: name of the data set in messages.

    Raises:
        InputError: the arrays do not fit together, pixels are outside 0 to `scale` or not uint8 without a `scale`, or
            labels are no integers from 0.

    Example:
    >>> images, labels = np.zeros((6, 8, 8)), np.arange(6) % 3
    >>> source = from_arrays((images, labels), (images[:3], labels[:3]), scale=1, class_names=["a", "b", "c"])
    >>> source.image_shape, source.classes, len(source.train)
    ((8, 8, 1), 3, 6)
    """
    if scale is not None:
        choice("scale", scale, (1, 255))
    pairs = {"train": train, "test": test}
    for part, pair in pairs.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            received = f"{len(pair)} of them" if isinstance(pair, tuple | list) else type(pair).__name__
            raise InputError(f"`{part}` must be images and their labels, a pair of arrays. Received: {received}")
    flag("signals", signals)
    if columns is None:
        columns = getattr(train[0], "columns", ())
    splits = {part: _split(f"{part} of {name}", *pair, scale, signals) for part, pair in pairs.items()}
    shapes = {part: split.image_shape for part, split in splits.items()}
    if shapes["train"] != shapes["test"]:
        kind = kind_of(shapes["train"])
        raise InputError(f"the {kind} of {name} have two shapes, {shapes['train']} in train, {shapes['test']} in test")
    columns = tuple(map(str, columns))
    if columns and len(columns) != shapes["train"][-1]:
        raise refusal("columns", f"{shapes['train'][-1]} names, one for each column", columns)
    largest = max(int(split.labels.max()) for split in splits.values())
    names = tuple(map(str, class_names if class_names is not None else range(largest + 1)))
    if len(names) <= largest:
        raise InputError(f"{name} has labels up to {largest}, but only {len(names)} class names")
    smallest = min(int(split.labels.min()) for split in splits.values())
    if class_names is None and smallest > 0:
        warnings = [f"labels begin at {smallest}, not at 0, which makes {len(names)} classes: subtract {smallest}"]
    else:
        warnings = list(classes_without_images(splits["train"].labels, names))
    for warning in warnings:
        log.warning("%s: %s", name, warning)
    return Source(name, splits["train"], splits["test"], names, columns=columns)


def _split(which: str, images: np.ndarray, labels: np.ndarray | None, scale: int | None, signals: bool) -> Split:
    images = np.asarray(images)
    if signals or (images.ndim == 2 and images.dtype != "uint8"):  # that is pixels, without their rows
        return _values(which, images[..., np.newaxis] if signals and images.ndim == 2 else images, labels, scale)
    labels = np.asarray(labels)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4:
        raise InputError(
            f"the images in {which} must be an array (examples, height, width[, channels]). "
            f"Received: {images.dtype} of shape {images.shape}"
        )
    if not len(images):
        raise InputError(f"{which} must have examples")
    return Split(_pixels(which, images, scale), _labels(which, labels, len(images)))


def _values(which: str, values: np.ndarray, labels: np.ndarray | None, scale: int | None) -> Split:
    """Return rows of a table, or signals, as float32."""
    if scale is not None:
        raise refusal("scale", "None for rows and signals, which are standardized by their training data", scale)
    if values.ndim not in (2, 3) or values.dtype.kind not in "biuf" or not values.size:
        raise InputError(
            f"{which} must be numbers of shape (examples, columns), or with signals=True (examples, steps, channels). "
            f"Received: {values.dtype} of shape {values.shape}"
        )
    check_finite(values, which)
    labels = np.zeros(len(values), "int32") if labels is None else np.asarray(labels)
    return Split(values.astype("float32", copy=False), _labels(which, labels, len(values)))


def _pixels(which: str, images: np.ndarray, scale: int | None) -> np.ndarray:
    """Return images as uint8, 0 to 255."""
    if images.dtype == "uint8" and scale in (None, 255):
        return images
    if images.dtype.kind not in "biuf":
        raise InputError(f"the images in {which} must be uint8, other integers or floats. Received: {images.dtype}")
    low, high = float(images.min()), float(images.max())
    seen = f"Received: {images.dtype} from {low:g} to {high:g}"
    if scale is None:
        raise InputError(
            f"the images in {which} must be uint8, or have scale=1 or scale=255, the value of white. {seen}"
        )
    if scale == 255 and 0 < high <= 1 and images.dtype.kind in "bf":
        raise InputError(
            f"the images in {which} must have pixels from 0 to 255, as scale=255 says; scale=1 is for those of 0 to 1. "
            f"{seen}"
        )
    if not (low >= 0 and high <= scale):  # also where one is NaN
        raise InputError(f"the images in {which} must have pixels from 0 to {scale}, as scale={scale} says. {seen}")
    return np.rint(np.multiply(images, 255 / scale, dtype=np.result_type(images, "float32"))).astype("uint8")


def _labels(which: str, labels: np.ndarray, count: int) -> np.ndarray:
    """Return labels as int32 `(examples,)`."""
    if labels.shape == (count, 1):  # as in keras.datasets.cifar10
        labels = labels[:, 0]
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"the labels in {which} must be integers of shape ({count},) or ({count}, 1). "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() > LARGEST_LABEL:
        raise InputError(
            f"the labels in {which} must be from 0 to the number of classes less one, at most {LARGEST_LABEL:,}. "
            f"Received: {labels.min()} to {labels.max()}"
        )
    return labels.astype("int32", copy=False)


def fake(shape: tuple[int, int, int] = (32, 32, 3), classes: int = 10, n: int = 256, *, seed: int = 0) -> Source:
    """Return made-up images that a model can learn to classify: each class has a pattern, under noise.

    Args:
        shape: height, width and channels of every image.
        classes: number of classes; ≥ 1.
        n: number of training images; there are a quarter as many test images, and at least one. Labels take turns.
        seed: seed of patterns and noise.

    Raises:
        InputError: a number is not positive.

    Example:
    >>> source = fake((8, 8, 1), classes=4, n=100)
    >>> len(source.train), len(source.test), source.train.images.dtype, source.train.labels[:5]
    (100, 25, dtype('uint8'), array([0, 1, 2, 3, 0], dtype=int32))
    """
    for name, value in (("classes", classes), ("n", n), *zip(("height", "width", "channels"), shape, strict=True)):
        integer(name, value)
    rng = np.random.default_rng(seed)
    patterns = rng.integers(64, 192, (classes, *shape))

    def split(examples: int) -> Split:
        labels = (np.arange(examples) % classes).astype("int32")
        images = patterns[labels] + rng.integers(-64, 64, (examples, *shape))
        return Split(images.astype("uint8"), labels)

    return Source("fake", split(n), split(max(1, n // 4)), tuple(map(str, range(classes))))


def load_digits(*, with_test: bool = True) -> Source:
    """Load scikit-learn's 8×8 digits, 1,437 training and 360 test images.

    scikit-learn ships only the test half of the UCI set, without its writers, so the split is a
    seeded stratified one and writers occur in both parts: easier than the UCI protocol. The scans
    have 17 gray levels, spread here over 0 to 255.

    Args:
        with_test: whether to load the test images; without, there are none.

    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.

    Example:
    >>> load_digits().class_names[:3]
    ('0', '1', '2')
    """
    # scikit-learn takes a second to import; only a process that loads the digits pays for it.
    from sklearn import datasets, model_selection

    scans = datasets.load_digits()
    images = np.round(scans.images * (255 / 16)).astype("uint8")[..., np.newaxis]
    labels = scans.target.astype("int32")
    parts = model_selection.train_test_split(images, labels, test_size=360, stratify=labels, random_state=0)
    train_images, test_images, train_labels, test_labels = parts
    test = Split(test_images, test_labels) if with_test else empty_split(test_images.shape[1:])
    return Source("digits", Split(train_images, train_labels), test, tuple("0123456789"))
