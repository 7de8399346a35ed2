"""What a classifier gets right and wrong, class by class."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from cnnzoo.errors import InputError
from cnnzoo.plots.picture import COLORS, Picture, height_of, lines, listed, picture, plain, tiles

NUMBERED = 20  # classes up to which a confusion matrix has its numbers written in
WORST = 25  # classes that are shown of many
_PALE_TO_RED = LinearSegmentedColormap.from_list("pale to red", ["#f7f3ee", "#e8927c", "#a4161a"]).with_extremes(
    bad="#cfe8d5"  # the diagonal, which is masked
)


def confusion_matrix(labels, found, class_names: Sequence[str]) -> Picture:
    """Draw how often images of each class were taken for each other.

    Rows are what an image shows, columns what was found. Colors are of the mistakes alone, as shares of their row.

    Args:
        labels: integer array `(examples,)`, the true classes.
        found: integer array `(examples,)`, the classes that were found.
        class_names: name of each class.

    Returns:
        The figure.

    Raises:
        InputError: arrays of two lengths, or labels that have no name.

    Example:
    >>> figure = confusion_matrix([0, 1, 1], [0, 1, 0], ["cat", "dog"])
    >>> figure.axes[0].images[0].get_array().tolist()
    [[None, 0.0], [0.5, None]]
    """
    labels, found = checked_labels(labels, found, len(class_names))
    counts = np.zeros((len(class_names),) * 2, int)
    np.add.at(counts, (labels, found), 1)
    class_names = [plain(name) for name in class_names]
    shares = np.ma.masked_array(
        counts / np.maximum(1, counts.sum(axis=1, keepdims=True)), np.eye(len(counts), dtype=bool)
    )
    side = 1.6 + min(0.48 * len(counts), 8)
    made = picture(side + 0.8, side, _confusions_in_words(counts, class_names))
    axis = made.subplots()
    image = axis.imshow(
        shares, cmap=_PALE_TO_RED, vmin=0, vmax=max(0.01, float(shares.filled(0).max())), interpolation="none"
    )
    made.colorbar(image, ax=axis, shrink=0.7, label="share of the row's images")
    axis.set(xlabel="found", ylabel="shown")
    if len(counts) <= NUMBERED:
        axis.set(xticks=range(len(counts)), yticks=range(len(counts)))
        turned = 0 if max(map(len, class_names)) <= 3 else 60
        axis.set_xticklabels(class_names, rotation=turned, ha="right" if turned else "center", fontsize=8)
        axis.set_yticklabels(class_names, fontsize=8)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                dark = row != column and shares[row, column] > 0.6 * shares.filled(0).max()
                axis.text(
                    column,
                    row,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="#fdfdfd" if dark else "#0a0a0a",
                )
    return made


def checked_labels(labels, found, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return true and found classes as arrays.

    Raises:
        InputError: they are not as many, none, or not numbers of classes.
    """
    labels, found = np.asarray(labels), np.asarray(found)
    for name, array in (("labels", labels), ("found", found)):
        if array.ndim != 1 or array.dtype.kind not in "iu" or not len(array):
            raise InputError(f"{name} must be integers, one for each image, not {array.dtype} of shape {array.shape}")
        if array.min() < 0 or array.max() >= classes:
            raise InputError(
                f"{name} must be from 0 to {classes - 1}, as there are {classes} class_names, not "
                f"{int(array.min())} to {int(array.max())}"
            )
    if len(labels) != len(found):
        raise InputError(f"labels and found must be as many, not {len(labels)} and {len(found)}")
    return labels, found


def _confusions_in_words(counts: np.ndarray, names: Sequence[str]) -> str:
    wrong = counts * (1 - np.eye(len(counts), dtype=int))
    worst = [divmod(int(place), len(counts)) for place in np.argsort(-wrong, axis=None, kind="stable")[:3]]
    said = [
        f"{names[row]} taken for {names[column]} ({wrong[row, column]})" for row, column in worst if wrong[row, column]
    ]
    most = f" Most often {listed(said)}." if said else ""
    of = f"{int(wrong.sum())} of {int(counts.sum()):,} images are wrong"
    return f"Confusion matrix of {len(counts)} classes: {of}.{most}"


def precision_recall(labels, found, class_names: Sequence[str]) -> Picture:
    """Draw precision and recall of every class that there are images of; of many classes those with the lowest F1.

    Args:
        labels: integer array `(examples,)`, the true classes.
        found: integer array `(examples,)`, the classes that were found.
        class_names: name of each class.

    Returns:
        The figure.

    Raises:
        InputError: as `confusion_matrix`.

    Example:
    >>> figure = precision_recall([0, 1, 1], [0, 1, 0], ["cat", "dog"])
    >>> [line.get_xdata().tolist() for line in figure.axes[0].lines[:2]]
    [[50.0, 100.0], [100.0, 50.0]]
    """
    figures = [each for each in figures_by_class(labels, found, class_names) if each["images"]]
    worst = sorted(range(len(figures)), key=lambda number: figures[number]["f1"])[:WORST]
    shown = [figures[number] for number in (worst if len(figures) > WORST else range(len(figures)))]
    low = min(figures, key=lambda each: each["f1"])
    made = picture(
        6.4, 1.0 + 0.25 * len(shown),
        f"Precision and recall of {len(shown)} classes. The lowest F1 has {low['class']}, {low['f1']:.1%}.",
    )  # fmt: skip
    axis = made.subplots()
    places = range(len(shown))
    for key, mark, color in (("precision", "o", COLORS[0]), ("recall", "D", COLORS[1])):
        axis.plot([100 * each[key] for each in shown], places, mark, color=color, label=key, markersize=5)
    for place, each in enumerate(shown):
        axis.plot(
            [100 * each["precision"], 100 * each["recall"]], [place, place], color="#888888", linewidth=1, zorder=0
        )
    axis.set(yticks=places, yticklabels=[plain(each["class"]) for each in shown], xlabel="%")
    axis.invert_yaxis()
    axis.legend(fontsize=7, frameon=False, loc="best")
    lines(axis)
    return made


def figures_by_class(labels, found, class_names: Sequence[str]) -> list[dict]:
    """Return precision, recall, F1 and number of images of every class.

    Raises:
        InputError: as `confusion_matrix`.

    Example:
    >>> figures_by_class([0, 1, 1], [0, 1, 0], ["cat", "dog"])[0]
    {'class': 'cat', 'precision': 0.5, 'recall': 1.0, 'f1': 0.6666666666666666, 'images': 1}
    """
    from sklearn.metrics import precision_recall_fscore_support

    labels, found = checked_labels(labels, found, len(class_names))
    every = precision_recall_fscore_support(labels, found, labels=range(len(class_names)), zero_division=0)
    return [
        {"class": name, "precision": float(one), "recall": float(two), "f1": float(three), "images": int(count)}
        for name, one, two, three, count in zip(class_names, *every, strict=True)
    ]


def misclassified(
    images, labels, probabilities, class_names: Sequence[str], *, count: int = 24, columns: int = 8
) -> Picture:
    """Draw the images that a classifier is wrong about and most sure of, the surest first.

    Args:
        images: array `(examples, height, width, channels)`; uint8 pixels, or floats of 0 to 1.
        labels: integer array `(examples,)`, the true classes.
        probabilities: float array `(examples, classes)`.
        class_names: name of each class.
        count: how many at most.
        columns: how many a row.

    Returns:
        The figure; where nothing is wrong, one that says so.

    Raises:
        InputError: arrays that do not belong together.

    Example:
    >>> images = np.zeros((3, 4, 4, 1), "uint8")
    >>> figure = misclassified(images, [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], ["cat", "dog"])
    >>> figure.axes[0].texts[0].get_text()
    'dog, not cat: 70 %'
    """
    images, probabilities = np.asarray(images), np.asarray(probabilities, "float64")
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise InputError(f"images must be (examples, height, width, 1 or 3), not of shape {images.shape}")
    if probabilities.shape != (len(images), len(class_names)):
        raise InputError(
            f"probabilities must be one for each of the {len(class_names)} classes of {len(images)} images, "
            f"not of shape {probabilities.shape}"
        )
    labels, found = checked_labels(labels, probabilities.argmax(axis=1), len(class_names))
    order = most_confident_misclassified(labels, probabilities)[:count]
    if not len(order):
        made = picture(4, 0.6, f"None of the {len(images):,} images is wrong.")
        made.text(0.5, 0.5, f"none of {len(images):,} images is wrong", ha="center", va="center")
        return made
    long = max(map(len, class_names)) > 3
    room = 0.62 if long else 0.35
    made = picture(
        8, height_of(images[order], columns, 8, room),
        f"The {len(order)} wrong images of which the net is surest: "
        + listed([f"{class_names[labels[one]]} taken for {class_names[found[one]]}" for one in order[:3]])
        + (" and others." if len(order) > 3 else "."),
    )  # fmt: skip
    said = (f"{class_names[labels[one]]},{chr(10) if long else ' '}not {class_names[found[one]]}" for one in order)
    sure = (f"{100 * probabilities[one].max():.0f} %" for one in order)
    tiles(
        made.subplots(),
        images[order],
        columns=columns,
        captions=[f"{what}{chr(10) if long else ': '}{share}" for what, share in zip(said, sure, strict=True)],
        limits=(0, 255 if images.dtype == np.uint8 else 1),
        room=room,
    )
    return made


def most_confident_misclassified(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the numbers of the images that are wrong, the surest first.

    Example:
    >>> most_confident_misclassified(np.array([0, 1, 1]), np.array([[0.4, 0.6], [0.9, 0.1], [0.2, 0.8]]))
    array([1, 0])
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
