"""Codes beside their labels, and how well the classes can be told apart by them."""

import dataclasses

import numpy as np

from cnnzoo.analysis.reconstruction.model_code import coder_of
from cnnzoo.analysis.reconstruction.pixels import pixels
from cnnzoo.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledCodes:
    """Codes of images with the images' labels, for a scatter plot or a number.

    Attributes:
        name: what made the codes.
        codes: float32 array `(examples, size)`.
        labels: integer array `(examples,)`.
    """

    name: str
    codes: np.ndarray
    labels: np.ndarray

    def neighbour_accuracy(self, neighbours: int = 5) -> float:
        """Return the share of the codes whose nearest other codes, by vote, have its label.

        Distances are Euclidean, each code is left out of its own vote, and of labels with equally many votes
        the smallest wins.

        Args:
            neighbours: number of other codes that vote; 1 to one fewer than there are.

        Raises:
            InputError: another number of neighbours.

        Example:
        >>> codes = np.array([[0.0, 0], [0, 1], [9, 9], [9, 8]])
        >>> LabelledCodes("", codes, np.array([0, 0, 1, 1])).neighbour_accuracy(1)
        1.0
        """
        # scikit-learn takes a second to import; only who asks for neighbours pays for it.
        from sklearn.neighbors import NearestNeighbors

        most = len(self.codes) - 1
        whole = isinstance(neighbours, int) and not isinstance(neighbours, bool)
        if not whole or not 1 <= neighbours <= most:
            raise InputError(f"neighbours must be an integer of 1 to {most}, not {neighbours!r}")
        # Asked without points, it returns the neighbours of each of its own, itself left out.
        nearest = NearestNeighbors(n_neighbors=neighbours).fit(self.codes).kneighbors(return_distance=False)
        classes, numbers = np.unique(self.labels, return_inverse=True)
        votes = np.stack([(numbers[nearest] == number).sum(axis=1) for number in range(len(classes))], axis=1)
        return float(np.mean(votes.argmax(axis=1) == numbers))


def codes_2d(model, images, labels, *, per_class: int = 500) -> LabelledCodes:
    """Return two-dimensional codes of as many images of each class, the first ones of the array.

    The figure of 2006 shows the codes of a 784-1000-500-250-2 autoencoder beside the first two principal
    components, `codes_2d(pca(train_images, 2), …)`, for the same 500 digits a class.

    Args:
        model: an autoencoder with a layer `code` of 2 units, or a baseline of size 2.
        images: array `(examples, *image_shape)`; uint8, or floats of 0 to 1.
        labels: integer array `(examples,)`.
        per_class: images of each class, ≥ 1.

    Returns:
        The codes with their labels, in the order of the images; `.neighbour_accuracy()` says how well the
        classes separate.

    Raises:
        InputError: codes of another size, labels that do not fit the images, or a class with too few of them.

    Source: Hinton and Salakhutdinov, Science 313, 2006, figure 3.

    Example:
    >>> from cnnzoo.analysis import pca
    >>> from cnnzoo.data import load
    >>> train = load("digits").train
    >>> found = codes_2d(pca(train.images, 2), train.images, train.labels, per_class=100)
    >>> found.codes.shape, round(found.neighbour_accuracy(), 2)
    ((1000, 2), 0.61)
    """
    coder = coder_of(model)
    if coder.size != 2:
        raise InputError(f"codes_2d shows codes of 2 numbers, and those of {coder.name} have {coder.size}")
    images, labels = pixels(images), _checked_labels(labels, len(images))
    chosen = _first_of_each(labels, per_class)
    return LabelledCodes(coder.name, coder.encode(images[chosen]), labels[chosen])


def _checked_labels(labels, examples: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (examples,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"labels must be {examples} integers, one for each image, not {labels.dtype} of shape {labels.shape}"
        )
    return labels


def _first_of_each(labels: np.ndarray, per_class: int) -> np.ndarray:
    if isinstance(per_class, bool) or not isinstance(per_class, int) or per_class < 1:
        raise InputError(f"per_class must be an integer of at least 1, not {per_class!r}")
    chosen = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        if len(places) < per_class:
            raise InputError(f"per_class must be at most {len(places)}, the images of class {label}, not {per_class}")
        chosen.append(places[:per_class])
    return np.sort(np.concatenate(chosen))
