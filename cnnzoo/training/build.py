"""From a recipe's values to all that a run needs, derived once: the `TrainingContext`."""

import dataclasses
from collections.abc import Callable
from typing import Any, Self

import keras
import tensorflow as tf

from cnnzoo import data, distribute, models, optimizers
from cnnzoo.checks import refusal
from cnnzoo.data.augmentation import augmentation
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe
from cnnzoo.experiments.run import Run
from cnnzoo.layers import PrincipalComponents, ZCAWhitening
from cnnzoo.metrics import SquaredError
from cnnzoo.models.standardization import Standardization
from cnnzoo.runtime import steps_per_execution_for
from cnnzoo.training.sources import splits_of

ADAPTING_BATCH = 1000


@dataclasses.dataclass(frozen=True)
class Task:
    """What differs between classifiers and autoencoders.

    Attributes:
        metric: makes the metric that a run is evaluated by, beside the loss.
        labels: whether the targets are the labels, or the images themselves.
    """

    metric: Callable[[], keras.metrics.Metric]
    labels: bool

    @property
    def metric_names(self) -> tuple[str, str]:
        """Names of the metrics of an evaluation."""
        return self.metric().name, "loss"


CLASSIFY = Task(lambda: keras.metrics.SparseCategoricalAccuracy(name="accuracy"), labels=True)
RECONSTRUCT = Task(SquaredError, labels=False)


@dataclasses.dataclass(frozen=True)
class Devices:
    """Where a run trains.

    Attributes:
        strategy: the strategy of `tf.distribute`.
        worker: which of its workers this process is.
    """

    strategy: tf.distribute.Strategy
    worker: distribute.WorkerInfo

    @classmethod
    def of(cls, strategy: tf.distribute.Strategy) -> Self:
        """Return a strategy with what it says of this process."""
        return cls(strategy, distribute.worker_info(strategy))

    def by_chief(self, work: Callable[[], Any]) -> Any:
        """Let the chief do something, and return its result on every worker."""
        return distribute.by_chief(self.strategy, work)


@dataclasses.dataclass(frozen=True)
class ModelContext:
    """A recipe's model and what its pipelines need.

    Attributes:
        recipe: the recipe.
        model: the model.
        devices: where it runs.
        task: whether it classifies or reconstructs.
        preprocess: turns pixels into its input.
    """

    recipe: Recipe
    model: keras.Model
    devices: Devices
    task: Task
    preprocess: Callable[[Any], Any]

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        model: keras.Model,
        devices: Devices | None = None,
        standardization: Standardization | None = None,
    ) -> "ModelContext":
        """Derive the context of a model; by default it runs where it was made.

        Args:
            recipe: the recipe.
            model: its model.
            devices: where it runs.
            standardization: of signals or rows of a table; that of a run is `standardization_of(run)`.
        """
        # Models of other backends have no strategy.
        return ModelContext(
            recipe,
            model,
            devices or Devices.of(getattr(model, "distribute_strategy", tf.distribute.get_strategy())),
            RECONSTRUCT if models.reconstructs(recipe.model) else CLASSIFY,
            models.preprocessing(recipe.model, model, standardization),
        )


def standardization_of(run: Run) -> Standardization | None:
    """Return how a run's signals or rows are standardized; `None` for images."""
    values = run.content.get("standardization")
    return Standardization.from_dict(values) if values else None


@dataclasses.dataclass(frozen=True)
class TrainingContext(ModelContext):
    """All that a run is made of. `fit`, `pretrain`, `evaluate` and the run's folder take it and derive nothing again.

    Attributes:
        source: the data set.
        unlabeled: training images for pretraining, whose labels are not used.
        train: training images, as many and as often as an epoch has them.
        validation: images to validate on after each epoch, or `None`.
        class_weight: weight of each class in the loss, by label; empty for 1.
        shards: number of parts in which the model's cores share a batch; see `cnnzoo.distribute.set_batch_shards`.
        steps: batches in an epoch.
        steps_per_execution: steps between two returns to Python.
        run: the run's folder.
    """

    source: data.Source
    unlabeled: data.AnySplit
    train: data.AnySplit
    validation: data.AnySplit | None
    class_weight: tuple[float, ...]
    shards: int
    steps: int
    steps_per_execution: int
    run: Run

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run's files."""
        return self.devices.worker.is_chief

    def compile(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Compile the model for its task."""
        if isinstance(rule := getattr(optimizer, "inner_optimizer", optimizer), optimizers.ClassicSGD):
            rule.check_patterns(self.model.weights)
        self.model.compile(
            optimizer,
            self.model.loss,
            metrics=[self.task.metric()],
            # The loss is scaled by the optimizer itself where the precision asks for it, once.
            auto_scale_loss=False,
            steps_per_execution=self.steps_per_execution,
        )


def build(
    recipe: Recipe, devices: Devices, open_run: Callable[["TrainingContext"], Run], *, with_test: bool = True
) -> TrainingContext:
    """Read a recipe's data, make its model, compile it, and return all that the run needs.

    Args:
        recipe: the recipe.
        devices: where it trains.
        open_run: makes the run's folder, given all but that, or opens that of the run to resume. It is called last,
            so that input that is refused leaves no folder behind.
        with_test: whether the test images are read.

    Raises:
        InputError: the recipe's values do not fit its data or its model.
    """
    source, unlabeled, train, validation = splits_of(recipe, with_test=with_test)
    # Made once before the model, too: Keras seeds layers in the order of their making, and so the published figures
    # with distortions were measured; of affine ones there were four layers then, which are one now.
    changes = augmentation(recipe.augment, source.image_shape)
    if source.kind != "images" and (changes.on_pixels or changes.on_inputs):
        allowed = f"'none', 'noise' or 'masking' for {source.kind}, which {recipe.data!r} has"
        raise refusal("augment", allowed, recipe.augment)
    standardization = None
    if source.kind != "images":
        standardization = Standardization.of(unlabeled.images, source.columns)  # type: ignore[union-attr]
    for _ in range(3 if recipe.augment.startswith("affine") else 0):
        keras.random.SeedGenerator()
    batches = data.steps_per_epoch(train, recipe.batch_size)
    steps, together = steps_per_execution_for(batches, recipe.steps_per_execution)
    several = devices.worker.replicas > 1
    with devices.strategy.scope():
        made = ModelContext.of(recipe, _model(recipe, source), devices, standardization)
        _check_model(made, source)
        if recipe.weights is not None:
            models.load_features(recipe.model, made.model, recipe.weights)
        context = TrainingContext(
            **vars(made),
            source=source,
            unlabeled=unlabeled,
            train=train,
            validation=validation,
            class_weight=_class_weight(made, source),
            shards=1 if several else distribute.batch_shards_for(recipe.batch_size),
            steps=steps,
            steps_per_execution=1 if several else together,  # Keras 3.15 fails on more with several replicas
            run=None,  # type: ignore[arg-type]
        )
        context.compile(optimizer_of(recipe, learning_rate_of(recipe, steps)))
        _adapt(context)
    return dataclasses.replace(context, run=open_run(context))


def _model(recipe: Recipe, source: data.Source) -> keras.Model:
    """Return a recipe's model as its function makes it."""
    classifies = not models.reconstructs(recipe.model)
    if classifies and source.kind != "images":
        raise InputError(
            f"{recipe.model} classifies images, and {recipe.data!r} has {source.kind}: take an autoencoder"
        )
    if classifies and source.classes < 2:
        raise InputError(
            f"{recipe.data!r} has only one class, {source.class_names[0]!r}; a classifier needs at least two, "
            "in a folder of its own each"
        )
    given: dict[str, Any] = {"classes": source.classes} if classifies else {}
    if source.kind != "images":
        given["input_shape"] = source.image_shape
    options = {**given, **recipe.model_options}
    model = models.create(recipe.model, **options)
    if recipe.whitening:
        whitened = ZCAWhitening(name="whitening")(keras.Input(model.input_shape[1:], name="images"))
        model = models.create(recipe.model, **{**options, "input_tensor": whitened, "input_shape": None})
    return model


def _check_model(context: ModelContext, source: data.Source) -> None:
    """Refuse a model that does not fit its data, or that is no compiled net."""
    recipe, model = context.recipe, context.model
    if source.kind != "images" and model.input_shape[1:] != source.image_shape:
        raise InputError(
            f"the {source.kind} of {recipe.data!r} have the shape {source.image_shape}, {recipe.model} is built for "
            f"{model.input_shape[1:]}; leave out model_options.input_shape"
        )
    if model.input_shape[-1] != source.image_shape[-1]:
        shape = (*model.input_shape[1:3], source.image_shape[-1])
        raise InputError(
            f"the images of {recipe.data!r} have {source.image_shape[-1]} channels, {recipe.model} is built for "
            f"{model.input_shape[-1]}; set model_options.input_shape={','.join(map(str, shape))}"
        )
    classifies = context.task is CLASSIFY
    fits = model.output_shape[-1] == source.classes if classifies else model.output_shape == model.input_shape
    if not (model.compiled and fits):
        raise InputError(
            f"model_options {dict(recipe.model_options)} make no compiled classifier for the {source.classes} classes "
            f"of {recipe.data!r}; leave out include_top, compile, classes and any classifier_activation but 'softmax'"
            if classifies
            else f"model_options {dict(recipe.model_options)} make no compiled autoencoder; leave out compile"
        )


def _class_weight(context: ModelContext, source: data.Source) -> tuple[float, ...]:
    """Return the weight of each class, or nothing where a recipe gives none."""
    given = context.recipe.class_weight
    if given and context.task is not CLASSIFY:
        raise refusal("class_weight", f"empty for {context.recipe.model}, which reconstructs images", given)
    if unknown := [label for label in given if int(label) >= source.classes]:
        last = source.classes - 1
        raise InputError(
            f"`class_weight` must have labels from 0 to {last} of {context.recipe.data!r}, "
            f"{source.class_names[0]!r} to {source.class_names[last]!r}. Received: {', '.join(unknown)}"
        )
    weights = tuple(float(given.get(str(label), 1)) for label in range(source.classes)) if given else ()
    if weights and not any(weights):
        raise refusal("class_weight", "above 0 for one class at least: nothing would be learned", given)
    return weights


def configure_threads(recipe: Recipe, devices: Devices) -> None:
    """Set TensorFlow's threads as they train a recipe fastest; for a process that does nothing else, before it starts.

    Models that penalize activations do not train in shards, nor do several replicas: then threads stay as they are.
    """
    penalized = any(recipe.model_options.get(option) for option in ("sparsity", "contractive"))
    if devices.worker.replicas == 1 and not penalized:
        distribute.configure_threads(recipe.batch_size)


def _adapt(context: TrainingContext) -> None:
    """Adapt the model's whitening, and a linear code without weights, to the training images, as they enter it."""
    kinds = (ZCAWhitening,) if context.recipe.weights else (ZCAWhitening, PrincipalComponents)
    for layer in context.model.layers:
        if isinstance(layer, kinds):
            batches = data.eval_pipeline(context.unlabeled, ADAPTING_BATCH, preprocess=context.preprocess)
            layer.adapt(batches.map(lambda images, labels: images))


def optimizer_of(recipe: Recipe, learning_rate: Any) -> keras.optimizers.Optimizer:
    """Return a recipe's optimizer, new, with a learning rate or a schedule."""
    optimizer = optimizers.make(recipe.optimizer, learning_rate, recipe.optimizer_options)
    return keras.optimizers.LossScaleOptimizer(optimizer) if recipe.precision == "mixed_float16" else optimizer


def learning_rate_of(recipe: Recipe, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate, or its schedule over the steps of the run, which the optimizer counts from 0.

    Args:
        recipe: the recipe.
        steps: batches in an epoch.
    """
    largest, total = recipe.learning_rate, steps * recipe.epochs
    if recipe.schedule == "constant":
        return largest
    if recipe.schedule == "step":
        last_steps = [epoch * steps - 1 for epoch in recipe.lr_drop_epochs]
        rates = [largest * recipe.lr_drop_factor**drop for drop in range(len(last_steps) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(last_steps, rates)
    rising = round(recipe.warmup * total)
    if rising == 0:
        return keras.optimizers.schedules.CosineDecay(largest, total)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, total - rising), warmup_target=largest, warmup_steps=rising
    )
