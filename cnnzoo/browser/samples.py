"""What a page takes of a data set: test images, and for autoencoders codes and principal components."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from cnnzoo import data
from cnnzoo.data.source import AnySplit, Source, Split
from cnnzoo.errors import InputError
from cnnzoo.models.halves import encoder

TEST_IMAGES = 500  # that travel with the file
CODES = 2000  # points of the plane of codes
READ = 2500  # test images that both are drawn from
TRAINING_IMAGES = 5000  # that principal components are fitted to
MAX_COMPONENTS = 512
SHORT = 1024  # values of an image up to which their covariances are computed
BATCH = 500


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Images of a data set, in memory.

    Attributes:
        test: `READ` test images or fewer; the first 500 are those that travel with the file.
        train: training images; `None` where none are needed.
        class_names: name of each label.
    """

    test: Split
    train: Split | None
    class_names: tuple[str, ...]

    @property
    def shown(self) -> Split:
        """The images that travel with the file."""
        return self.test[:TEST_IMAGES]

    @property
    def ink(self) -> str | None:
        """Whether gray images are `"light"` on dark or `"dark"` on light; `None` for colors."""
        if self.test.image_shape[-1] != 1:
            return None
        return "light" if self.test.images.mean() < 128 else "dark"


def samples_of(source: Source, *, with_train: bool) -> Samples:
    """Return the images of a data set that a page needs.

    Args:
        source: the data set.
        with_train: whether training images are needed.
    """
    test = _in_memory(_first(source.test, READ))
    train = _in_memory(_first(source.train, TRAINING_IMAGES)) if with_train else None
    return Samples(test[drawn_by_class(test.labels)], train, tuple(source.class_names))


def drawn_by_class(labels: np.ndarray) -> np.ndarray:
    """Return indices of all examples in a random order in which each class comes in turn, always the same.

    Example:
    >>> labels = np.array([0, 0, 0, 1, 1, 2])
    >>> labels[drawn_by_class(labels)].tolist()
    [0, 1, 2, 0, 1, 0]
    """
    order = np.random.default_rng(0).permutation(len(labels))
    turn = np.empty(len(labels), int)
    for label in np.unique(labels):
        own = order[labels[order] == label]
        turn[own] = np.arange(len(own))
    return np.lexsort((labels, turn))


def _first(split: AnySplit, most: int) -> AnySplit:
    """Return at most so many examples: evenly spread ones, as classes may be in order; of TFDS the first ones."""
    if len(split) <= most:
        return split
    if isinstance(split, Split):
        return split[np.linspace(0, len(split) - 1, most).astype(int)]
    try:
        return split[:: -(-len(split) // most)]
    except InputError:
        return split[:most]


def _in_memory(split: AnySplit) -> Split:
    if isinstance(split, Split):
        return split
    batches = [(images.numpy(), labels.numpy()) for images, labels in data.eval_pipeline(split, BATCH)]
    return Split(np.concatenate([each for each, _ in batches]), np.concatenate([each for _, each in batches]))


def inputs_of(images: np.ndarray, preprocess: Callable[[Any], Any]) -> np.ndarray:
    """Return images as a net takes them, float32."""
    batches = (preprocess(images[start : start + BATCH]) for start in range(0, len(images), BATCH))
    return np.concatenate([keras.ops.convert_to_numpy(each) for each in batches]).astype("float32", copy=False)


def codes_of(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return the codes of images, flattened: float32 `(images, numbers)`."""
    half = encoder(model)
    batches = (half(inputs[start : start + BATCH], training=False) for start in range(0, len(inputs), BATCH))
    codes = np.concatenate([keras.ops.convert_to_numpy(each) for each in batches])
    return codes.reshape(len(codes), -1).astype("float32")


def principal_components(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the first principal components of rows: `(values,)` and `(values, count)`, float32.

    They come from a randomized decomposition, of the covariances where rows are short.

    Args:
        rows: array `(examples, …)`; each example is flattened.
        count: number of components; at most the values and the examples.

    Example:
    >>> rows = np.random.default_rng(0).normal(size=(100, 3)) * [1.0, 9.0, 1.0]
    >>> np.abs(principal_components(rows, 1)[1]).argmax()
    np.int64(1)
    """
    # scikit-learn takes a second to import, and only this function needs it.
    from sklearn.utils.extmath import randomized_svd

    flat = rows.reshape(len(rows), -1).astype("float32")
    mean = flat.mean(axis=0, dtype="float64")
    centered = flat - mean.astype("float32")
    decomposed = centered.T @ centered if flat.shape[1] <= SHORT else centered
    directions = randomized_svd(decomposed, count, n_iter=6, random_state=0)[2].T
    return mean.astype("float32"), np.ascontiguousarray(directions, "float32")
