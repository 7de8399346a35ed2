"""A classifier's predictions, class by class: confusion matrix, precision and recall."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, PowerNorm

from cnnzoo.errors import InputError
from cnnzoo.plots.picture import COLORS, Picture, light_grid, listed, picture, plain

NUMBERED = 20  # classes up to which a confusion matrix shows its numbers
WORST = 25  # classes of many that precision and recall are drawn of
SHADES = (0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1)  # that are named on the scale of colors
_PALE_TO_RED = LinearSegmentedColormap.from_list("pale to red", ["#f7f3ee", "#e8927c", "#a4161a"]).with_extremes(
    bad="#cfe8d5"  # the diagonal, which is masked
)


def confusion_matrix(labels, predicted, class_names: Sequence[str]) -> Picture:
    """Draw a confusion matrix: rows are true classes, columns predicted ones.

    Colors are of the misclassified images alone, as fractions of their row. Their scale is the same for every matrix,
    from 0 to 1, by the cube root, so that the eye can compare two matrices, and one image in a thousand is pale, but
    not white.

    Args:
        labels: integer array `(examples,)`, the true classes.
        predicted: integer array `(examples,)`, the predicted classes.
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
    labels, predicted = checked_labels(labels, predicted, len(class_names))
    counts = np.zeros((len(class_names),) * 2, int)
    np.add.at(counts, (labels, predicted), 1)
    class_names = [plain(name) for name in class_names]
    diagonal = np.eye(len(counts), dtype=bool)
    fractions = np.ma.masked_array(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)), diagonal)
    side = 1.6 + min(0.48 * len(counts), 8)
    figure = picture(side + 0.8, side, _confusion_description(counts, class_names))
    axis = figure.subplots()
    shade = PowerNorm(1 / 3, vmin=0, vmax=1)
    image = axis.imshow(fractions, cmap=_PALE_TO_RED, norm=shade, interpolation="none")
    bar = figure.colorbar(image, ax=axis, shrink=0.8, label="misclassified, of the row's images", ticks=SHADES)
    bar.ax.set_yticklabels([f"{100 * shade:g} %" for shade in SHADES], fontsize=8)
    bar.ax.minorticks_off()
    axis.set(xlabel="predicted", ylabel="true")
    axis.set_title(_error(counts), fontsize=9)
    if len(counts) <= NUMBERED:
        axis.set(xticks=range(len(counts)), yticks=range(len(counts)))
        rotation = 0 if max(map(len, class_names)) <= 3 else 60
        axis.set_xticklabels(class_names, rotation=rotation, ha="right" if rotation else "center", fontsize=8)
        axis.set_yticklabels(class_names, fontsize=8)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                dark = row != column and shade(fractions[row, column]) > 0.6
                color = "#fdfdfd" if dark else "#0a0a0a"
                axis.text(column, row, f"{count:,}", ha="center", va="center", fontsize=7, color=color)
    return figure


def checked_labels(labels, predicted, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return true and predicted classes as arrays.

    Raises:
        InputError: they are not equally many, none, or not indices of classes.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    for name, array in (("labels", labels), ("predicted", predicted)):
        if array.ndim != 1 or array.dtype.kind not in "iu" or not len(array):
            raise InputError(
                f"`{name}` must be integers, one for each image. Received: {array.dtype} of shape {array.shape}"
            )
        if array.min() < 0 or array.max() >= classes:
            raise InputError(
                f"`{name}` must be from 0 to {classes - 1}, as there are {classes} classes. Received: "
                f"{int(array.min())} to {int(array.max())}"
            )
    if len(labels) != len(predicted):
        raise InputError(f"`labels` and `predicted` must be equally many. Received: {len(labels)} and {len(predicted)}")
    return labels, predicted


def _confusion_description(counts: np.ndarray, names: Sequence[str]) -> str:
    off_diagonal = counts * (1 - np.eye(len(counts), dtype=int))
    largest = [divmod(int(index), len(counts)) for index in np.argsort(-off_diagonal, axis=None, kind="stable")[:3]]
    pairs = [
        f"{names[row]} predicted as {names[column]} ({off_diagonal[row, column]})"
        for row, column in largest
        if off_diagonal[row, column]
    ]
    most = f" Most often {listed(pairs)}." if pairs else ""
    return f"Confusion matrix of {len(counts)} classes: {_error(counts)}.{most}"


def _error(counts: np.ndarray) -> str:
    """Return how many images are misclassified, as text.

    Example:
    >>> _error(np.array([[3, 1], [0, 4]]))
    '1 of 8 images are misclassified, 12.50 %'
    """
    wrong, total = int(counts.sum() - np.trace(counts)), int(counts.sum())
    return f"{wrong:,} of {total:,} images are misclassified, {100 * wrong / total:.2f} %"


def precision_recall(labels, predicted, class_names: Sequence[str]) -> Picture:
    """Draw precision and recall of every class that has images; of many classes those with the lowest F1.

    Args:
        labels: integer array `(examples,)`, the true classes.
        predicted: integer array `(examples,)`, the predicted classes.
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
    classes = [each for each in class_metrics(labels, predicted, class_names) if each["images"]]
    by_f1 = sorted(classes, key=lambda each: each["f1"])
    drawn = by_f1[:WORST] if len(classes) > WORST else classes
    worst = by_f1[0]
    description = f"Precision and recall of {len(drawn)} classes. Lowest F1: {worst['class']}, {worst['f1']:.1%}."
    figure = picture(6.4, 1.0 + 0.25 * len(drawn), description)
    axis = figure.subplots()
    rows = range(len(drawn))
    for key, marker, color in (("precision", "o", COLORS[0]), ("recall", "D", COLORS[1])):
        axis.plot([100 * each[key] for each in drawn], rows, marker, color=color, label=key, markersize=5)
    for row, each in enumerate(drawn):
        ends = [100 * each["precision"], 100 * each["recall"]]
        axis.plot(ends, [row, row], color="#888888", linewidth=1, zorder=0)
    axis.set(yticks=rows, yticklabels=[plain(each["class"]) for each in drawn], xlabel="%")
    axis.invert_yaxis()
    axis.legend(fontsize=7, frameon=False, loc="best")
    light_grid(axis)
    return figure


def class_metrics(labels, predicted, class_names: Sequence[str]) -> list[dict]:
    """Return precision, recall, F1 and number of images of every class.

    Raises:
        InputError: as `confusion_matrix`.

    Example:
    >>> class_metrics([0, 1, 1], [0, 1, 0], ["cat", "dog"])[0]
    {'class': 'cat', 'precision': 0.5, 'recall': 1.0, 'f1': 0.6666666666666666, 'images': 1}
    """
    from sklearn.metrics import precision_recall_fscore_support

    labels, predicted = checked_labels(labels, predicted, len(class_names))
    scores = precision_recall_fscore_support(labels, predicted, labels=range(len(class_names)), zero_division=0)
    return [
        {"class": name, "precision": float(precision), "recall": float(recall), "f1": float(f1), "images": int(count)}
        for name, precision, recall, f1, count in zip(class_names, *scores, strict=True)
    ]
