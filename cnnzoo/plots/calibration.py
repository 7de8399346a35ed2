"""Whether a classifier's probabilities can be believed: reliability diagram and expected calibration error."""

import dataclasses

import numpy as np

from cnnzoo.checks import integer
from cnnzoo.plots.classes import checked_labels
from cnnzoo.plots.picture import COLORS, Picture, light_grid, picture
from cnnzoo.plots.predictions import checked_predictions
from cnnzoo.weights.shipped_models import wilson_interval


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """Images in bins of equal width by their confidence, the probability of the predicted class.

    Attributes:
        edges: float array `(bins + 1,)`, from 0 to 1; a bin does not contain its lower edge.
        counts: integer array `(bins,)`, images in each bin.
        confidence: float array `(bins,)`, the mean confidence in each bin; NaN where it is empty.
        accuracy: float array `(bins,)`, the fraction of each bin that is classified correctly; NaN where it is empty.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    def mean(self, values: np.ndarray) -> float:
        """Return the mean over all images of a value of each bin."""
        filled = self.counts > 0
        return float(np.average(values[filled], weights=self.counts[filled]))

    @property
    def error(self) -> float:
        """The expected calibration error: the mean over all images of |accuracy − confidence| of their bins."""
        return self.mean(np.abs(self.accuracy - self.confidence))


def calibration(labels, predictions, *, from_logits: bool = False, bins: int = 15) -> Calibration:
    """Return the accuracy and the mean confidence of images in bins; the arguments are those of `reliability_diagram`.

    Example:
    >>> found = calibration([0, 0, 1], [[0.9, 0.1], [0.7, 0.3], [0.9, 0.1]], bins=2)
    >>> found.counts.tolist(), round(found.error, 2)
    ([0, 3], 0.17)
    """
    integer("bins", bins)
    predictions = checked_predictions(predictions, from_logits=from_logits)
    labels, predicted = checked_labels(labels, predictions.argmax(axis=1), predictions.shape[1])
    if from_logits:
        exponentials = np.exp(predictions - predictions.max(axis=1, keepdims=True))
        predictions = exponentials / exponentials.sum(axis=1, keepdims=True)
    confidence = predictions.max(axis=1)
    edges = np.linspace(0, 1, bins + 1)
    bin_of = np.searchsorted(edges[1:-1], confidence)
    counts = np.bincount(bin_of, minlength=bins)
    sums = [np.bincount(bin_of, weights, minlength=bins) for weights in (confidence, labels == predicted)]
    with np.errstate(invalid="ignore"):
        return Calibration(edges, counts, *(each / counts for each in sums))


def reliability_diagram(labels, predictions, *, from_logits: bool = False, bins: int = 15) -> Picture:
    """Draw how many images are classified correctly among those with about the same predicted probability.

    Images are in bins of equal width by their confidence, the probability of the predicted class. Above is the accuracy
    of each bin, with Wilson's 95 % interval: below the dashed line the classifier is too confident, above it not
    confident enough. Below is the number of images in each bin. The expected calibration error is the mean over all
    images of |accuracy − mean confidence| of their bins.

    Args:
        labels: integer array `(examples,)`, the true classes.
        predictions: float array `(examples, classes)`, probabilities.
        from_logits: whether `predictions` are logits.
        bins: number of bins, ≥ 1.

    Returns:
        The figure.

    Raises:
        InputError: arrays that do not fit each other, or predictions that are no probabilities.

    Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 2.

    Example:
    >>> figure = reliability_diagram([0, 0, 1], [[0.9, 0.1], [0.7, 0.3], [0.9, 0.1]], bins=2)
    >>> figure.axes[0].get_title().splitlines()[0]
    'expected calibration error 16.67 %, 2 bins'
    """
    found = calibration(labels, predictions, from_logits=from_logits, bins=bins)
    error = f"expected calibration error {100 * found.error:.2f} %, {bins} bins"
    accuracy, confidence = (100 * found.mean(each) for each in (found.accuracy, found.confidence))
    means = f"accuracy {accuracy:.2f} %, mean predicted probability {confidence:.2f} %"
    figure = picture(6.4, 4.6, f"Reliability diagram of {found.counts.sum():,} images: {error}; {means}.")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = found.counts > 0
    points, heights = found.confidence[filled], found.accuracy[filled]
    ends = np.array(
        [wilson_interval(each, int(count)) for each, count in zip(heights, found.counts[filled], strict=True)]
    )
    above.plot([0, 1], [0, 1], "--", color="#888888", linewidth=1, label="probability = accuracy")
    above.errorbar(
        points, heights, yerr=np.abs(ends.T - heights), fmt="o", color=COLORS[0], markersize=4, capsize=2, linewidth=1,
        label="images of one bin, 95 % interval", clip_on=False,
    )  # fmt: skip
    above.set(ylabel="accuracy", ylim=(-0.03, 1.03))
    above.set_title(f"{error}\n{means}", fontsize=9)
    above.legend(fontsize=7, frameon=False, loc="upper left")
    below.bar(found.edges[:-1], found.counts, np.diff(found.edges), align="edge", color=COLORS[0], edgecolor="#888888")
    for middle, count in zip((found.edges[:-1] + found.edges[1:]) / 2, found.counts, strict=True):
        if count:
            below.text(middle, count, f"{count:,}", ha="center", va="bottom", fontsize=7)
    below.set(xlabel="predicted probability", ylabel="images", xlim=(0, 1))
    below.margins(y=0.25)  # for the number above the highest bar
    for axis in (above, below):
        light_grid(axis)
    return figure
