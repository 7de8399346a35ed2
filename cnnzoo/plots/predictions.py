"""A classifier's predictions, image by image: the misclassified ones, and how confident it was."""

from collections.abc import Sequence

import numpy as np

from cnnzoo.errors import InputError
from cnnzoo.plots.classes import checked_labels
from cnnzoo.plots.picture import Picture, drawable, height_of, listed, picture, room_for, tiles


def misclassified(
    images,
    labels,
    predictions,
    class_names: Sequence[str],
    *,
    from_logits: bool = False,
    count: int = 24,
    columns: int = 8,
) -> Picture:
    """Draw misclassified images, those with the most confident predictions first.

    The caption has the log-odds of the predicted class in nats, log p − log(1 − p): 0 is 50 %, 2.2 are 90 %, 4.6 are
    99 %. They tell predictions apart that are 100 % all, when rounded. Of probabilities in single precision they reach
    about 87; beyond that only logits have them.

    Args:
        images: array `(examples, height, width, channels)`; uint8 is drawn from 0 to 255, floats of 0 to 1 as these,
            others from the smallest to the largest value.
        labels: integer array `(examples,)`, the true classes.
        predictions: float array `(examples, classes)`, probabilities.
        class_names: name of each class.
        from_logits: whether `predictions` are logits.
        count: images at most.
        columns: images per row.

    Returns:
        The figure; where no image is misclassified, one that says so.

    Raises:
        InputError: arrays whose shapes do not fit each other, or predictions that are no probabilities.

    Example:
    >>> images = np.zeros((3, 4, 4, 1), "uint8")
    >>> figure = misclassified(images, [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], ["cat", "dog"])
    >>> figure.axes[0].texts[0].get_text().splitlines()
    ['true dog,', 'predicted cat', 'log-odds 0.8']
    """
    images, predictions = np.asarray(images), checked_predictions(predictions, from_logits=from_logits)
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise InputError(f"`images` must be (examples, height, width, 1 or 3). Received the shape: {images.shape}")
    if predictions.shape != (len(images), len(class_names)):
        raise InputError(
            f"`predictions` must be one for each of the {len(class_names)} classes of {len(images)} images. "
            f"Received the shape: {predictions.shape}"
        )
    labels, predicted = checked_labels(labels, predictions.argmax(axis=1), len(class_names))
    confidence = log_odds(predictions, from_logits=from_logits)
    wrong = np.flatnonzero(predicted != labels)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:count]
    if not len(order):
        figure = picture(4, 0.6, f"None of the {len(images):,} images is misclassified.")
        figure.text(0.5, 0.5, f"none of {len(images):,} images is misclassified", ha="center", va="center")
        return figure
    drawn, limits = drawable(images[order])
    room = room_for(3, drawn, columns, 8)
    pairs = [(class_names[labels[index]], class_names[predicted[index]]) for index in order]
    numbers = [f"{round(float(value), 1) + 0.0:.1f}" for value in confidence[order]]
    numbers = [number.replace("-", "−").replace("inf", "∞") for number in numbers]
    odds = [f"log-odds {number}" for number in numbers]
    first = [f"{true} predicted as {other} ({each})" for (true, other), each in zip(pairs[:3], odds, strict=False)]
    figure = picture(
        8,
        height_of(drawn, columns, 8, room),
        f"The {len(order)} misclassified images with the most confident predictions: {listed(first)}"
        + (" and others." if len(order) > 3 else "."),
    )
    captions = [f"true {true},\npredicted {other}\n{each}" for (true, other), each in zip(pairs, odds, strict=True)]
    tiles(figure.subplots(), drawn, columns=columns, captions=captions, limits=limits, room=room)
    return figure


def checked_predictions(predictions, *, from_logits: bool) -> np.ndarray:
    """Return predictions as a float64 array `(examples, classes)`.

    Args:
        predictions: probabilities, or logits, of which −∞ is one.
        from_logits: whether they are logits.

    Raises:
        InputError: they are no probabilities that sum to 1 for each image, or no logits.
    """
    predictions = np.asarray(predictions, "float64")
    if predictions.ndim != 2 or predictions.shape[1] < 2 or not len(predictions):
        raise InputError(
            f"`predictions` must be (examples, classes), two classes or more. Received the shape: {predictions.shape}"
        )
    if from_logits:
        if not np.isfinite(predictions.max(axis=1)).all():
            raise InputError("`predictions` must be logits, a finite one for each image. Received: NaN or infinity")
        return predictions
    sums = predictions.sum(axis=1)
    # Those of half precision do not sum to 1 exactly.
    if not (predictions.min() >= 0 and np.abs(sums - 1).max() <= 0.02):
        raise InputError(
            "`predictions` must be probabilities that sum to 1 for each image, or logits with from_logits=True. "
            f"Received: {predictions.min():.3g} to {predictions.max():.3g}, with sums of {sums.min():.3g} to "
            f"{sums.max():.3g}"
        )
    return predictions


def log_odds(predictions: np.ndarray, *, from_logits: bool = False) -> np.ndarray:
    """Return the log-odds of each image's predicted class, in nats: log p − log(1 − p).

    1 − p is the sum of the other probabilities, which is exact also where p is rounded to 1.

    Example:
    >>> log_odds(np.array([[0.75, 0.25], [1.0, 1e-20]])).round(1).tolist()
    [1.1, 46.1]
    """
    with np.errstate(divide="ignore"):
        logits = predictions if from_logits else np.log(predictions)
    others = logits.copy()
    np.put_along_axis(others, logits.argmax(axis=1)[:, None], -np.inf, axis=1)
    return logits.max(axis=1) - np.logaddexp.reduce(others, axis=1)
