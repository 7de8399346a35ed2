"""A finished run as a report shows it: its model, and the model's predictions for the test images."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from cnnzoo import data, models
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe
from cnnzoo.experiments.run import Run
from cnnzoo.training.build import ModelContext, standardization_of
from cnnzoo.training.evaluate import predict_logits
from cnnzoo.training.sources import check_data, source_of

MAX_IMAGES = 10_000  # that a report evaluates, so that it takes seconds
MAX_BYTES = 2**29  # of the images that layers are shown on
BATCH = 500


@dataclasses.dataclass(frozen=True, eq=False)
class RunData:
    """A finished run, and the data that its pictures are drawn from.

    Attributes:
        run: the run.
        recipe: its recipe.
        model: the trained model.
        source: the data set.
        pixels: uint8 array, the test images that are shown.
        inputs: float32 array, the same as the model takes them.
        labels: integer array, their true classes.
        predictions: a classifier's predictions; `None` for an autoencoder.
        preprocess: turns pixels, or rows and signals, into the model's input.
    """

    run: Run
    recipe: Recipe
    model: keras.Model
    source: data.Source
    pixels: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    predictions: "Predictions | None"
    preprocess: Callable[[Any], Any]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class."""
        return tuple(self.source.class_names)

    def describe(self, count: int) -> str:
        """Return a number of test images as text, such as "all 360 test images"."""
        total = len(self.source.test)
        return f"all {total:,} test images" if count == total else f"{count:,} of {total:,} test images"

    def examples(self, count: int) -> np.ndarray:
        """Return the indices of the first image of each class among those shown, then of others, `count` in all."""
        first = [int(np.flatnonzero(self.labels == label)[0]) for label in np.unique(self.labels)]
        others = [index for index in range(len(self.labels)) if index not in set(first)]
        return np.array((first + others)[:count])


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """A classifier's predictions for test images.

    Attributes:
        labels: integer array, the true classes of the evaluated images.
        logits: float array `(evaluated, classes)`; see `cnnzoo.training.evaluate.predict_logits`.
        shown_logits: float array, the logits for the images that are shown.
    """

    labels: np.ndarray
    logits: np.ndarray
    shown_logits: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The predicted class of each evaluated image."""
        return self.logits.argmax(axis=1)


def run_data_of(run: Run) -> RunData:
    """Load a finished run, and predict on test images.

    Raises:
        InputError: the run is not finished, or its data cannot be had.
    """
    recipe, model = run.recipe, run.model()
    reconstructs = models.reconstructs(recipe.model)
    source = source_of(recipe, with_train=reconstructs)  # principal components are fitted to training images
    check_data(run, source, *(("train", "test") if reconstructs else ("test",)))
    test = spread(source.test, MAX_IMAGES)
    context = ModelContext.of(recipe, model, standardization=standardization_of(run))
    bytes_each = 4 * max(math.prod(test.image_shape), math.prod(side or 1 for side in model.input_shape[1:]))
    shown = spread(test, max(1, MAX_BYTES // bytes_each))
    pixels, labels = images_and_labels(shown)
    return RunData(
        run=run,
        recipe=recipe,
        model=model,
        source=source,
        pixels=pixels,
        inputs=preprocessed(pixels, context.preprocess),
        labels=labels,
        predictions=None if reconstructs else _predict(context, test, shown),
        preprocess=context.preprocess,
    )


def _predict(context: ModelContext, test: data.AnySplit, shown: data.AnySplit) -> Predictions:
    logits = predict_logits(context, test)
    for_shown = logits if len(shown) == len(test) else predict_logits(context, shown)
    return Predictions(labels_of(test), logits, for_shown)


def spread(split: data.AnySplit, most: int) -> data.AnySplit:
    """Return at most so many images of a split, evenly spread: folders are in the order of their classes.

    Of splits that TFDS streams the first images are taken; its sets are shuffled.

    Example:
    >>> import cnnzoo
    >>> digits = cnnzoo.data.load("digits").test
    >>> len(digits), len(spread(digits, 200)), len(spread(digits, 500))
    (360, 180, 360)
    """
    step = -(-len(split) // most)
    if step <= 1:
        return split
    try:
        return split[::step]
    except InputError:
        return split[:most]


def preprocessed(pixels: np.ndarray, preprocess: Callable[[Any], Any]) -> np.ndarray:
    """Return images as a model takes them."""
    batches = (preprocess(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH))
    return np.concatenate([keras.ops.convert_to_numpy(batch) for batch in batches]).astype("float32", copy=False)


def images_and_labels(split: data.AnySplit) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of a split as arrays, in its order."""
    if isinstance(split, data.Split):
        return split.images, split.labels
    batches = [(images.numpy(), labels.numpy()) for images, labels in data.eval_pipeline(split, BATCH)]
    return np.concatenate([images for images, _ in batches]), np.concatenate([labels for _, labels in batches])


def labels_of(split: data.AnySplit) -> np.ndarray:
    """Return the labels of a split as an array, without keeping its images."""
    if isinstance(split, data.Split):
        return split.labels
    return np.concatenate([labels.numpy() for _, labels in data.eval_pipeline(split, BATCH)])
