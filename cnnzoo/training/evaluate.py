"""Evaluate a trained model on the test images."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnzoo import data
from cnnzoo.analysis import ModelCode, anomaly_scores, anomaly_threshold, pca, squared_error
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.layers import TenCrops
from cnnzoo.models.probabilities import to_probabilities
from cnnzoo.runtime import cores
from cnnzoo.training.build import CLASSIFY, ModelContext, TrainingContext, standardization_of
from cnnzoo.training.sources import check_data, ordinary, source_of

EVALUATION_BATCH = 500


def evaluate(run: Run | str | Path, *, data_dir: str | Path | None = None) -> dict[str, float]:
    """Evaluate a finished run's model on the test images, as `train` did at its end.

    Args:
        run: a `Run` or its folder.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.

    Returns:
        `{"accuracy": …, "loss": …}`, or for an autoencoder `{"squared_error": …, "loss": …}`, the squared error per
        image (sum over pixels).

    Raises:
        InputError: the folder holds no finished run, or the data cannot be had or has other classes.

    Example:
    >>> import cnnzoo, tempfile
    >>> run = cnnzoo.train("lenet5_digits", workdir=tempfile.mkdtemp(), epochs=1, verbose=0)
    >>> cnnzoo.evaluate(run) == run.metrics["test"]
    True
    """
    run = run if isinstance(run, Run) else Run(run)
    recipe = run.recipe
    context = ModelContext.of(recipe, run.model(), standardization=standardization_of(run))
    with data.using_data_dir(data_dir):
        source = source_of(recipe)
        check_data(run, source, "test")
        return evaluate_split(context, ordinary(recipe, source.test))


def evaluate_split(context: ModelContext, split: data.AnySplit) -> dict[str, float]:
    """Return the loss on a split, and the metric of the model's task."""
    evaluator, batches = _evaluator(context, split)
    results = evaluator.evaluate(batches, verbose=0, return_dict=True)
    of_bound = ("reconstruction", "kl")  # of a variational autoencoder
    return {name: float(results[name]) for name in (*context.task.metric_names, *of_bound) if name in results}


def check_evaluation(context: ModelContext, split: data.AnySplit) -> None:
    """Check that a model can be evaluated on a split, before it is trained.

    Raises:
        InputError: ten crops of images that are not larger than its input, or too few images for the replicas.
    """
    if context.recipe.test_crops == 10:
        _check_crops(context, split.image_shape)
    if (replicas := context.devices.worker.replicas) > 1:
        evaluation_batch(len(split), replicas)


def predict_logits(context: ModelContext, split: data.AnySplit) -> np.ndarray:
    """Return a classifier's logits for the images of a split, of which `evaluate_split` takes the accuracy.

    Args:
        context: the classifier.
        split: images.

    Returns:
        float64 array `(examples, classes)`; of a model that returns probabilities their logarithms, −∞ for 0.
    """
    evaluator, batches = _evaluator(context, split)
    outputs = keras.ops.convert_to_tensor(evaluator.predict(batches, verbose=0), "float32")
    averaged = evaluator is not context.model  # it returns the mean probabilities of the crops
    probabilities = outputs if averaged else to_probabilities(context.model)(outputs)
    values = keras.ops.convert_to_numpy(outputs).astype("float64")
    with np.errstate(divide="ignore"):
        return np.log(values) if probabilities is outputs else values


def _evaluator(context: ModelContext, split: data.AnySplit) -> tuple[keras.Model, Any]:
    """Return the model to evaluate, which may take several crops of each image, and its batches."""
    model = context.model
    preprocess: Callable[[Any], Any] | None = context.preprocess
    if context.recipe.test_crops == 10:
        model, preprocess = by_ten_crops(context, split.image_shape), None
    replicas = context.devices.worker.replicas
    size = EVALUATION_BATCH if replicas == 1 else evaluation_batch(len(split), replicas)
    return model, data.eval_pipeline(split, size, preprocess=preprocess, labels=context.task.labels)


def by_ten_crops(context: ModelContext, image_shape: tuple[int, ...]) -> keras.Model:
    """Return a classifier of larger images, whose output is the mean of a classifier's outputs for ten crops.

    Args:
        context: the classifier, compiled.
        image_shape: height, width and channels of the images, which the new model takes as pixels.

    Raises:
        InputError: the model is no classifier, or the images are not larger than its input.

    Source: Krizhevsky et al. 2012, section 4.1.
    """
    model = context.model
    _check_crops(context, image_shape)
    height, width, _ = model.input_shape[1:]
    with context.devices.strategy.scope():
        images = keras.Input(image_shape, name="pixels")
        outputs = model(Preprocessed(context.preprocess)(TenCrops(height, width)(images)))
        probabilities = to_probabilities(model)(outputs)
        mean = keras.ops.mean(keras.ops.reshape(probabilities, (-1, 10, probabilities.shape[-1])), axis=1)
        evaluator = keras.Model(images, mean)
        evaluator.compile(loss=keras.losses.SparseCategoricalCrossentropy(), metrics=[CLASSIFY.metric()])
    return evaluator


def _check_crops(context: ModelContext, image_shape: tuple[int, ...]) -> None:
    height, width, _ = context.model.input_shape[1:]
    if context.task is not CLASSIFY or not (image_shape[0] > height and image_shape[1] > width):
        raise InputError(
            f"test_crops=10 is for classifiers and images larger than their input of {height}×{width}; the images are "
            f"{image_shape[0]}×{image_shape[1]}: give a larger image_size, or test_crops=1"
        )


class Preprocessed(keras.layers.Layer):
    """A function as a layer, for a model that is never saved.

    Args:
        function: the function, of a tensor.
    """

    def __init__(self, function: Callable[[Any], Any]):
        super().__init__(dtype="float32")
        self._function = function

    def call(self, images):
        return self._function(images)


def evaluation_batch(examples: int, replicas: int = 1) -> int:
    """Return a batch size that replicas, or shards of one, can share.

    Keras looks at the first batch, whose parts must be equal; in the last, partial one none may be empty.

    Args:
        examples: how many there are.
        replicas: among how many replicas a batch is cut.

    Raises:
        InputError: there are too few examples for so many replicas.

    Example:
    >>> evaluation_batch(10_000), evaluation_batch(7, replicas=2)
    (500, 4)
    """
    parts = replicas if replicas > 1 else cores()
    for size in range(min(EVALUATION_BATCH, examples), 0, -1):
        if size % replicas == 0 and (examples % size == 0 or examples % size >= parts):
            return size
    raise InputError(
        f"{examples} images to evaluate or to validate on are too few for {replicas} replicas; use fewer devices"
    )


def detection(context: TrainingContext) -> dict[str, Any]:
    """Return how well an autoencoder tells the anomalies of its recipe among the test examples, by its errors.

    Returns:
        The area under the ROC curve as `auc`, how many `anomalies` and `ordinary` examples there are; and where
        examples were held out for validation the `threshold`, their 99 % quantile, with the fractions of anomalies
        `found` above it and of ordinary examples that are `false_alarms`.
    """
    from sklearn.metrics import roc_auc_score  # a second to import

    def scores_of(split: data.Split) -> np.ndarray:
        return anomaly_scores(context.model, keras.ops.convert_to_numpy(context.preprocess(split.images)))

    test: Any = context.source.test
    odd, scores = np.isin(test.labels, context.recipe.anomalies), scores_of(test)
    found: dict[str, Any] = {
        "auc": float(roc_auc_score(odd, scores)),
        "anomalies": int(odd.sum()),
        "ordinary": int((~odd).sum()),
    }
    if context.validation is not None:
        threshold = anomaly_threshold(scores_of(context.validation))  # type: ignore[arg-type]
        above = scores > threshold
        found |= {"threshold": threshold, "found": float(above[odd].mean()), "false_alarms": float(above[~odd].mean())}
    return found


def principal_components(context: TrainingContext) -> dict[str, float] | None:
    """Return the error of as many principal components as an autoencoder's code has numbers, on the test images.

    Returns:
        Number of `components`, and the `squared_error` per image; `None` where there is nothing to compare:
        for images that stay on disk, and for codes as large as the images or the training set.
    """
    train, test = (ordinary(context.recipe, split) for split in (context.source.train, context.source.test))
    if isinstance(train, data.StreamedSplit) or isinstance(test, data.StreamedSplit):
        return None
    size = ModelCode(context.model).size
    if size >= min(len(train), math.prod(context.model.input_shape[1:])):
        return None
    seen = data.binarize(train.images) if context.recipe.binarize == "dynamic" else train.images
    fitted, unseen = (keras.ops.convert_to_numpy(context.preprocess(images)) for images in (seen, test.images))
    peak = 1.0 if context.source.kind == "images" else None
    linear = pca(fitted, size, peak=peak)
    return {"components": size, "squared_error": squared_error(unseen, linear.reconstruct(unseen), peak=peak)}
