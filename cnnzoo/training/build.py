"""From a recipe's values to its images and its compiled model."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import keras

from cnnzoo import data, models, optimizers
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe
from cnnzoo.layers import ZCAWhitening
from cnnzoo.metrics import SquaredError


@dataclasses.dataclass(frozen=True)
class Task:
    """What differs between classifiers and autoencoders.

    Attributes:
        metric: makes the metric that runs are judged by, beside the loss.
        labels: whether the net is to answer the label, or to give back the image.
    """

    metric: Callable[[], keras.metrics.Metric]
    labels: bool

    @property
    def figures(self) -> tuple[str, str]:
        """Names of the figures that a run is judged by."""
        return self.metric().name, "loss"


CLASSIFY = Task(lambda: keras.metrics.SparseCategoricalAccuracy(name="accuracy"), labels=True)
RECONSTRUCT = Task(SquaredError, labels=False)


def task_of(model: keras.Model) -> Task:
    """Return what a model is for: one whose answer has the shape of its input reconstructs.

    Example:
    >>> import cnnzoo
    >>> task_of(cnnzoo.lenet()) is CLASSIFY, task_of(cnnzoo.deep_autoencoder()) is RECONSTRUCT
    (True, True)
    """
    return RECONSTRUCT if models.reconstructs(model) else CLASSIFY


KEPT_BYTES = 2**30
ADAPTING_BATCH = 1000

_kept: ContextVar[dict[tuple, data.Source] | None] = ContextVar("kept", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Keep the data sets that were read last, up to 1 GiB of them, so that runs in a row read each once."""
    before = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(before)


def source_of(
    recipe: Recipe, data_dir: str | Path | None, *, with_train: bool = True, with_test: bool = True
) -> data.Source:
    """Return the data set that a recipe names, no more of it than the recipe uses.

    Args:
        recipe: the recipe.
        data_dir: where TFDS keeps its data.
        with_train: whether more than one training image is wanted.
        with_test: whether the test images are.
    """
    examples, test_examples = _examples_used(recipe), recipe.test_examples
    values = (recipe.image_size, recipe.stream, recipe.cache, recipe.on_error)
    kept = _kept.get()
    for count in (examples,) if with_train else (examples, 1):  # all of it, if it is there
        examples, which = count, (recipe.data, data_dir, *values, count, test_examples, with_test)
        if kept is not None and which in kept:
            return kept[which]
    source = data.load(
        recipe.data,
        data_dir=data_dir,
        image_size=recipe.image_size,
        stream=recipe.stream,
        cache=recipe.cache,
        on_error=recipe.on_error,
        train_examples=examples,
        test_examples=test_examples,
        with_test=with_test,
    )
    if kept is not None:
        kept[which] = source
        while len(kept) > 1 and sum(map(_bytes, kept.values())) > KEPT_BYTES:
            del kept[next(iter(kept))]
    return source


def _bytes(source: data.Source) -> int:
    return sum(split.images.nbytes for split in (source.train, source.test) if isinstance(split, data.Split))


def _examples_used(recipe: Recipe) -> int | None:
    """Return how many of the first training images a recipe looks at, or `None` for all."""
    unlabeled = recipe.pretraining.get("train_examples") if recipe.pretraining else recipe.train_examples
    if recipe.validation_split or recipe.train_examples is None or unlabeled is None:
        return None
    return max(recipe.train_examples, unlabeled)


def images_of(
    recipe: Recipe, data_dir: str | Path | None, *, with_test: bool = True
) -> tuple[data.Source, data.AnySplit, data.AnySplit | None]:
    """Return a recipe's data set, its training images, and those to watch by: held out of them, or the set's own."""
    source = source_of(recipe, data_dir, with_test=with_test)
    if not recipe.validation_split:
        return source, source.train, source.validation
    return source, *source.train.held_out(recipe.validation_split, recipe.seed)


def labeled_part(recipe: Recipe, split: data.AnySplit) -> data.AnySplit:
    """Return the training images whose labels a recipe uses, as often as they come in an epoch.

    Raises:
        InputError: images that stay on disk are to be repeated.
    """
    part = split[: recipe.train_examples]
    if recipe.repeat == 1:
        return part
    if isinstance(part, data.StreamedSplit):
        raise InputError(f"repeat={recipe.repeat} is for images in memory; set stream=False, or repeat=1")
    return part.repeated(recipe.repeat)


def compiled(recipe: Recipe, source: data.Source, steps_per_epoch: int, *, steps_per_execution: int = 1) -> keras.Model:
    """Return a recipe's model, compiled for its task with the recipe's optimizer.

    Raises:
        InputError: the model's options do not fit the data.
    """
    takes_classes = models.takes_classes(recipe.model)
    if takes_classes and source.classes < 2:
        raise InputError(
            f"{recipe.data!r} has only one class, {source.class_names[0]!r}; a classifier needs at least two, "
            "in a folder of its own each"
        )
    classes = {"classes": source.classes} if takes_classes else {}
    options = {**classes, **recipe.model_options}
    model = models.create(recipe.model, **options)
    if recipe.whitening:
        whitened = ZCAWhitening(name="whitening")(keras.Input(model.input_shape[1:], name="images"))
        model = models.create(recipe.model, **{**options, "input_tensor": whitened, "input_shape": None})
    if model.input_shape[-1] != source.image_shape[-1]:
        shape = (*model.input_shape[1:3], source.image_shape[-1])
        raise InputError(
            f"the images of {recipe.data!r} have {source.image_shape[-1]} channels, {recipe.model} is built for "
            f"{model.input_shape[-1]}; set model_options.input_shape={','.join(map(str, shape))}"
        )
    names_classes = takes_classes and model.compiled and model.output_shape[-1] == source.classes
    if not names_classes and not (model.compiled and task_of(model) is not CLASSIFY):
        raise InputError(
            f"model_options {dict(recipe.model_options)} make no compiled classifier for the {source.classes} classes "
            f"of {recipe.data!r}; leave out include_top, compile and classes"
            if takes_classes
            else f"model_options {dict(recipe.model_options)} make no compiled autoencoder; leave out compile"
        )
    if recipe.weights is not None:
        models.load_features(recipe.model, model, recipe.weights)
    rate = rate_of(recipe, steps_per_epoch)
    compile_for_its_task(model, optimizer_of(recipe, rate), model.loss, steps_per_execution=steps_per_execution)
    return model


def whiten(recipe: Recipe, model: keras.Model, split: data.AnySplit) -> None:
    """Adapt a model's whitening to the images that it is to be trained on, as they enter it."""
    preprocess = models.preprocessing(recipe.model, model)
    batches = data.eval_pipeline(split, ADAPTING_BATCH, preprocess=preprocess)
    model.get_layer("whitening").adapt(batches.map(lambda images, labels: images))


def optimizer_of(recipe: Recipe, rate: Any) -> keras.optimizers.Optimizer:
    """Return a recipe's optimizer, new, with a rate or a schedule."""
    optimizer = optimizers.make(recipe.optimizer, rate, recipe.optimizer_options)
    return keras.optimizers.LossScaleOptimizer(optimizer) if recipe.precision == "mixed_float16" else optimizer


def compile_for_its_task(model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: Any, **options: Any) -> None:
    """Compile a model with the metric that its task is judged by."""
    # The loss is scaled by the optimizer itself where the precision asks for it, once.
    model.compile(optimizer, loss, metrics=[task_of(model).metric()], auto_scale_loss=False, **options)


def rate_of(recipe: Recipe, steps_per_epoch: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate, or its schedule over the steps of the run, which the optimizer counts from 0."""
    largest, steps = recipe.learning_rate, steps_per_epoch * recipe.epochs
    if recipe.schedule == "constant":
        return largest
    if recipe.schedule == "step":
        last_steps = [epoch * steps_per_epoch - 1 for epoch in recipe.lr_drop_epochs]
        rates = [largest * recipe.lr_drop_factor**drop for drop in range(len(last_steps) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(last_steps, rates)
    rising = round(recipe.warmup * steps)
    if rising == 0:
        return keras.optimizers.schedules.CosineDecay(largest, steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rising), warmup_target=largest, warmup_steps=rising
    )
