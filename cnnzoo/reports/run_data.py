"""What a report is about: a finished run, its model, and what that makes of the test images."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnzoo import data, models
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe
from cnnzoo.experiments.run import Run
from cnnzoo.training.build import source_of
from cnnzoo.training.evaluate import answers

MOST_IMAGES = 10_000  # judged for a page: it is to be made in seconds
MOST_BYTES = 2**29  # of images that layers are shown on
BATCH = 500


@dataclasses.dataclass(frozen=True, eq=False)
class RunData:
    """A finished run with what its pictures are drawn of.

    Attributes:
        run: the run.
        recipe: its recipe.
        model: the trained model.
        source: the data set.
        pixels: uint8 array, the test images that are shown, as they are.
        inputs: float32 array, the same as the net takes them.
        labels: integer array, their classes.
        answers: what a classifier makes of them and of all that were judged; `None` for an autoencoder.
    """

    run: Run
    recipe: Recipe
    model: keras.Model
    source: data.Source
    pixels: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    answers: "Answers | None"

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each class."""
        return tuple(self.source.class_names)

    @property
    def evaluated(self) -> str:
        """Which images a classifier's figures on the page are of, in words."""
        assert self.answers is not None  # a classifier's
        return self.in_words(len(self.answers.labels))

    def in_words(self, count: int) -> str:
        """Return how many of the test images a number of them is."""
        whole = len(self.source.test)
        return f"all {whole:,} test images" if count == whole else f"{count:,} of {whole:,} test images"

    def examples(self, count: int) -> np.ndarray:
        """Return the numbers of the first images of each class among those shown, up to a number of images."""
        first = [int(np.flatnonzero(self.labels == label)[0]) for label in np.unique(self.labels)]
        more = [number for number in range(len(self.labels)) if number not in set(first)]
        return np.array((first + more)[:count])


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """What a classifier finds in test images.

    Attributes:
        labels: integer array, the classes of the images that were judged.
        probabilities: float array `(evaluated, classes)`.
        of_shown: float array, the probabilities of the images that are shown.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    of_shown: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """The class that each judged image was given."""
        return self.probabilities.argmax(axis=1)


def run_data_of(run: Run, data_dir: str | Path | None) -> RunData:
    """Load a finished run, and have its model answer to test images.

    Raises:
        InputError: the run is not finished, or its data cannot be had.
    """
    recipe, model = Recipe.from_dict(run.recipe), run.model()
    coding = models.reconstructs(model)
    source = source_of(recipe, data_dir, with_train=coding)  # only codes are compared with what training images give
    test = spread(source.test, MOST_IMAGES)
    preprocess = models.preprocessing(recipe.model, model)
    bytes_each = 4 * max(math.prod(test.image_shape), math.prod(side or 1 for side in model.input_shape[1:]))
    shown = spread(test, max(1, MOST_BYTES // bytes_each))
    pixels, labels = images_in_order(shown)
    return RunData(
        run=run,
        recipe=recipe,
        model=model,
        source=source,
        pixels=pixels,
        inputs=prepared(pixels, preprocess),
        labels=labels,
        answers=None if coding else _answers(recipe, model, test, shown),
    )


def _answers(recipe: Recipe, model: keras.Model, test: data.AnySplit, shown: data.AnySplit) -> Answers:
    probabilities = answers(recipe, model, test)
    of_shown = probabilities if len(shown) == len(test) else answers(recipe, model, shown)
    return Answers(labels_in_order(test), probabilities, of_shown)


def spread(split: data.AnySplit, most: int) -> data.AnySplit:
    """Return at most so many images of a split, evenly spread: folders are in the order of their classes.

    What TFDS streams is taken from the beginning on; its sets are shuffled.

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


def prepared(pixels: np.ndarray, preprocess: Callable[[Any], Any]) -> np.ndarray:
    """Return images as a net takes them."""
    parts = (preprocess(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH))
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts]).astype("float32", copy=False)


def images_in_order(split: data.AnySplit) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of a split, wherever they lie."""
    if isinstance(split, data.Split):
        return split.images, split.labels
    batches = [(images.numpy(), labels.numpy()) for images, labels in data.eval_pipeline(split, BATCH)]
    return np.concatenate([images for images, _ in batches]), np.concatenate([labels for _, labels in batches])


def labels_in_order(split: data.AnySplit) -> np.ndarray:
    """Return the labels of a split alone."""
    if isinstance(split, data.Split):
        return split.labels
    return np.concatenate([labels.numpy() for _, labels in data.eval_pipeline(split, BATCH)])
