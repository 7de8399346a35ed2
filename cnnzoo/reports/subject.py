"""What a report is about: a finished run, its model, and what that makes of the test images."""

import dataclasses
import math
from pathlib import Path

import keras
import numpy as np

from cnnzoo import data, models
from cnnzoo.recipe import Recipe
from cnnzoo.run import Run
from cnnzoo.training.judging import answers
from cnnzoo.training.preparing import source_of

MOST_IMAGES = 10_000  # judged for a page: it is to be made in seconds
MOST_BYTES = 2**29  # of images that layers are shown on
BATCH = 500


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A finished run with what its pictures are drawn of.

    Attributes:
        run: the run.
        recipe: its recipe.
        model: the trained model.
        source: the data set.
        pixels: uint8 array, the first test images as they are.
        inputs: float32 array, the same as the net takes them.
        labels: integer array, the classes of the test images that were judged, the first of which are in `pixels`.
        probabilities: float array `(judged, classes)`; `None` for an autoencoder.
    """

    run: Run
    recipe: Recipe
    model: keras.Model
    source: data.Source
    pixels: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray | None

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each class."""
        return tuple(self.source.class_names)

    @property
    def judged(self) -> str:
        """Which images the page is about, in words."""
        judged, whole = len(self.labels), len(self.source.test)
        return f"all {whole:,} test images" if judged == whole else f"the first {judged:,} of {whole:,} test images"

    def examples(self, count: int) -> np.ndarray:
        """Return the numbers of the first test images of each class, up to a number of images."""
        labels = self.labels[: len(self.inputs)]
        first = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
        more = [number for number in range(len(labels)) if number not in first]
        return np.array((first + more)[:count])


def subject_of(run: Run, data_dir: str | Path | None) -> Subject:
    """Load a finished run, and have its model answer to test images.

    Raises:
        InputError: the run is not finished, or its data cannot be had.
    """
    recipe, model = Recipe.from_dict(run.recipe), run.model()
    source = source_of(recipe, data_dir)
    test = source.test[:MOST_IMAGES]
    preprocess = models.preprocessing(recipe.model, model)
    bytes_each = 4 * max(math.prod(test.image_shape), math.prod(side or 1 for side in model.input_shape[1:]))
    pixels, labels = images_in_order(test[: max(1, MOST_BYTES // bytes_each)])
    parts = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
    inputs = np.concatenate([keras.ops.convert_to_numpy(preprocess(part)) for part in parts]).astype("float32")
    classes = None if models.reconstructs(model) else answers(recipe, model, test)
    if classes is not None:
        labels = labels_in_order(test)
    return Subject(run, recipe, model, source, pixels, inputs, labels, classes)


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
