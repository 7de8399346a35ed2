"""Pretrain and fit a run's model, phase by phase."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from cnnzoo import data, distribute, models, optimizers
from cnnzoo.callbacks import (
    Checkpoint,
    DeadStart,
    EpochRandomness,
    HistoryFile,
    KeptEpochs,
    Progress,
    StopOnNaN,
    progress_style,
)
from cnnzoo.data.augmentation import augmentation
from cnnzoo.data.binarization import with_draws
from cnnzoo.data.source import take
from cnnzoo.errors import InputError, unknown
from cnnzoo.experiments.machine_file import write_machines
from cnnzoo.pretraining import LayerwisePretraining
from cnnzoo.training.build import TrainingContext, learning_rate_of, optimizer_of
from cnnzoo.training.evaluate import EVALUATION_BATCH, evaluation_batch

if TYPE_CHECKING:
    import tensorflow as tf

# All values of a recipe that decide how its layers are pretrained.
DECISIVE = (
    *("model", "model_options", "weights", "whitening", "data", "image_size", "stream"),
    *("label", "anomalies", "binarize", "validation_split", "seed", "precision", "pretraining"),
)


def pretrain(context: TrainingContext, shared: str | Path | None, verbose: str | int) -> dict[str, Any]:
    """Pretrain a run's model layer by layer on images without their labels.

    Args:
        context: the run.
        shared: folder in which runs with the same pretraining share its layers; `None` for the run's own folder.
        verbose: what is shown; see `cnnzoo.callbacks.progress_style`.

    Returns:
        The history of each layer. The machines of `method="rbm"` are written to the run's folder.
    """
    recipe = context.recipe
    options = dict(recipe.pretraining)
    by_default = options.get("method") == "rbm" and "optimizer" not in options  # then it takes the rates as they are
    name, optimizer_options = options.pop("optimizer", "adam"), options.pop("optimizer_options", {})
    rate = options.get("learning_rate") if by_default else options.pop("learning_rate", 1e-3)
    schedule = options.pop("schedule", "constant")
    split = take(context.unlabeled, options.pop("train_examples", None))
    batches = data.eval_pipeline(split, EVALUATION_BATCH, preprocess=context.preprocess)

    def optimizer(steps: int) -> keras.optimizers.Optimizer:
        decayed = keras.optimizers.schedules.CosineDecay(rate, steps) if schedule == "cosine" else rate
        return optimizers.make(name, decayed, optimizer_options)

    pretraining = LayerwisePretraining(
        batches.map(lambda images, labels: images),
        **{"batch_size": recipe.batch_size, **options},
        optimizer=None if by_default else optimizer,
        seed=recipe.seed,
        backup=context.run.folder / "pretraining" if shared is None else Path(shared) / _fingerprint(context),
        verbose=verbose,
    )
    pretraining.pretrain(context.model)
    if pretraining.machines and context.is_chief:  # the fit changes their weights, and has no visible biases
        write_machines(context.run.machines_file, pretraining.machines)
    return pretraining.history


def _fingerprint(context: TrainingContext) -> str:
    """Return a name for all that decides how a recipe's layers are pretrained."""
    recipe = context.recipe
    values = {name: value for name, value in recipe.to_dict().items() if name in DECISIVE}
    values["images"] = context.unlabeled.digest()
    values["steps_per_execution"] = context.steps_per_execution  # it may cost an epoch its last steps
    if "batch_size" not in recipe.pretraining:
        values["batch_size"] = recipe.batch_size
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Phase:
    """Some epochs of a run.

    Attributes:
        start: epochs before it.
        stop: epochs up to its end.
        learning_rate: the learning rate, or its schedule over the steps of the phase.
        frozen: layers that stay as they are.
        thawed: layers that were frozen in the phase before.
    """

    start: int
    stop: int
    learning_rate: Any
    frozen: tuple[keras.Layer, ...] = ()
    thawed: tuple[keras.Layer, ...] = ()

    def prepare(self, context: TrainingContext, factor: float) -> None:
        """Freeze or thaw layers, and compile again: an optimizer knows what it trains from its first step on.

        Args:
            context: the run.
            factor: by which callbacks have changed the rate of the phase before; a schedule is kept.
        """
        if not self.frozen and not self.thawed:
            return  # a run of one phase: it arrives compiled
        for layer in self.frozen + self.thawed:
            layer.trainable = layer not in self.frozen
        rate = self.learning_rate
        context.compile(optimizer_of(context.recipe, rate * factor if isinstance(rate, float) else rate))

    def factor(self, rate: float) -> float:
        """Return the factor by which callbacks have changed the rate of the recipe; 1 for a schedule."""
        given = self.learning_rate if isinstance(self.learning_rate, float) else rate
        return 1.0 if math.isclose(rate, given, rel_tol=1e-6) else rate / given


def phases(context: TrainingContext) -> list[Phase]:
    """Return a run's phases in their order.

    Raises:
        InputError: there is no layer of the name that `frozen.until` gives, or nothing is left to train.
    """
    recipe = context.recipe
    rate, frozen_epochs = learning_rate_of(recipe, context.steps), recipe.frozen.get("epochs", 0)
    if not frozen_epochs:
        return [Phase(0, recipe.epochs, rate)]
    frozen = _features(context.model, recipe.frozen.get("until"))
    return [
        Phase(0, frozen_epochs, float(recipe.frozen.get("learning_rate", recipe.learning_rate)), frozen=frozen),
        Phase(frozen_epochs, frozen_epochs + recipe.epochs, rate, thawed=frozen),
    ]


def _features(model: keras.Model, until: str | None) -> tuple[keras.Layer, ...]:
    """Return the layers with weights to train up to the one of a name, by default all but the head."""
    trained = [layer for layer in model.layers if layer.trainable_weights]
    names = [layer.name for layer in model.layers]
    if until is not None and until not in names:
        raise unknown("layer", until, names)
    last = names.index(until or models.head(model).name)
    features = tuple(layer for layer in trained if names.index(layer.name) < last + bool(until))
    if features and len(features) < len(trained):
        return features
    what = f"frozen.until={until!r}" if until else f"`frozen`, of all layers but the head {names[last]!r},"
    between = f"; set frozen.until to one from {trained[0].name!r} to {trained[-2].name!r}" if len(trained) > 1 else ""
    raise InputError(f"{what} freezes {len(features)} of the {len(trained)} layers with weights to train{between}")


def fit(
    context: TrainingContext,
    planned: Sequence[Phase],
    verbose: str | int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    *,
    resumed: bool = False,
) -> None:
    """Fit a run's model, starting after its last completed epoch.

    Args:
        context: the run.
        planned: its phases.
        verbose: what is shown; see `cnnzoo.callbacks.progress_style`.
        callbacks: callbacks of the user's, which the chief calls after those that write the run's files.
        resumed: whether the run was begun before, which is said.

    Raises:
        InputError: the run's files do not belong together, or the loss is not finite.
    """
    model = context.model
    checkpoint = Checkpoint(context.run.checkpoint_file, model)
    completed, factor = _completed_epochs(context, checkpoint), 1.0
    if resumed and context.is_chief and progress_style(verbose) is not None:
        after = f"after epoch {completed}" if completed else "before epoch 1"
        print(f"resumes {context.run.folder} {after}", flush=True)
    for phase in planned:
        if completed > phase.stop:
            continue
        with context.devices.strategy.scope():
            phase.prepare(context, factor)
            if completed > phase.start:
                checkpoint.restore()
        first_epoch = max(completed, phase.start)
        progress = _progress(context, phase, planned, verbose)
        distribute.set_batch_shards(model, context.shards)
        try:
            model.fit(
                _training_data(context, first_epoch),
                steps_per_epoch=context.steps,
                epochs=phase.stop,
                initial_epoch=first_epoch,
                validation_data=_validation_data(context),
                shuffle=False,
                verbose=0,
                callbacks=[
                    *_callbacks(context, phase, checkpoint, first_epoch, progress),
                    *_users(context, checkpoint, callbacks),
                ],
            )
        finally:
            for each in progress:
                each.close()
            distribute.set_batch_shards(model, 1)
        if model.stop_training:  # by one of the user's callbacks: it means the run, not its phase
            break
        factor = phase.factor(_learning_rate(model))


def _callbacks(
    context: TrainingContext, phase: Phase, checkpoint: Checkpoint, first_epoch: int, progress: list[Progress]
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a phase; the chief alone writes the run's files."""
    worker, run = context.devices.worker, context.run
    callbacks = [EpochRandomness(worker.index * worker.replicas // worker.workers), StopOnNaN(), *progress]
    if not worker.is_chief:
        return callbacks
    # On frozen features a loss near to guessing is no dead start: they may be random still. Weighted, it is another.
    if not phase.frozen and not context.class_weight:
        callbacks.append(DeadStart())
    return [
        *callbacks,
        HistoryFile(run.history_file, rows=run.history_rows[:first_epoch]),
        # Before the checkpoint: a run that is killed in between does the epoch again.
        KeptEpochs(run.epochs, context.recipe.keep_epochs, context.model),
        checkpoint,
        keras.callbacks.TensorBoard(str(run.logs), write_graph=False),
    ]


def _users(
    context: TrainingContext, checkpoint: Checkpoint, callbacks: Sequence[keras.callbacks.Callback]
) -> list[keras.callbacks.Callback]:
    """Return the user's callbacks, which the chief calls, and what keeps what they have set; nothing without them."""
    return [*(callbacks if context.is_chief else ()), _Kept(context, checkpoint)] if callbacks else []


def _progress(context: TrainingContext, phase: Phase, planned: Sequence[Phase], verbose: str | int) -> list[Progress]:
    """Return the progress display of a phase's epochs; an empty list where nothing is shown, which saves its time."""
    if not context.is_chief or progress_style(verbose) is None:
        return []
    title, part = None, ""
    if len(planned) > 1:
        learning = f"{len(phase.frozen)} layers frozen" if phase.frozen else "all layers learn"
        title, part = f"epochs {phase.start + 1} to {phase.stop}: {learning}", "this phase"
    later = planned[-1].stop - phase.stop
    return [Progress(verbose, batch_size=context.recipe.batch_size, title=title, later=later, part=part)]


class _Kept(keras.callbacks.Callback):
    """Keep what the user's callbacks set: the learning rate for a run that resumes; that and a stop on all workers.

    The other workers would wait for a chief that has stopped, and train other weights than one with another rate.
    """

    def __init__(self, context: TrainingContext, checkpoint: Checkpoint):
        super().__init__()
        self._devices, self._checkpoint = context.devices, checkpoint

    def on_epoch_begin(self, epoch, logs=None):
        self._share()

    def on_epoch_end(self, epoch, logs=None):
        self._share()
        if self._devices.worker.is_chief:
            self._checkpoint.keep_rate()

    def _share(self) -> None:
        if self._devices.worker.workers == 1:
            return
        of_chief = self._devices.by_chief(lambda: [bool(self.model.stop_training), _learning_rate(self.model)])
        self.model.stop_training, rate = of_chief
        if rate != _learning_rate(self.model):
            self.model.optimizer.learning_rate = rate


def _learning_rate(model: keras.Model) -> float:
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def _training_data(context: TrainingContext, first_epoch: int) -> Any:
    """Return the training dataset, starting at `first_epoch`."""
    recipe = context.recipe
    changes = augmentation(recipe.augment, context.model.input_shape[1:])
    if recipe.binarize == "dynamic":
        changes = with_draws(changes)

    def make(worker: int, workers: int) -> "tf.data.Dataset":
        batches = data.train_pipeline(
            context.train,
            recipe.batch_size,
            preprocess=context.preprocess,
            augment=changes,
            seed=recipe.seed,
            first_epoch=first_epoch,
            steps=context.steps,
            worker=worker,
            workers=workers,
            labels=context.task.labels,
        )
        return _weighted(batches, context.class_weight) if context.class_weight else batches

    return distribute.among_workers(context.devices.strategy, make, recipe.batch_size)


def _weighted(batches: "tf.data.Dataset", class_weight: Sequence[float]) -> "tf.data.Dataset":
    """Return batches with the weight of each image's class; Keras' `class_weight` does not take several workers'."""
    import tensorflow as tf

    weights = tf.constant(class_weight, "float32")
    return batches.map(lambda images, labels: (images, labels, tf.gather(weights, labels)))


def _validation_data(context: TrainingContext) -> "tf.data.Dataset | None":
    """Return the batches that `fit` validates on, or `None`."""
    if context.validation is None:
        return None
    size = evaluation_batch(len(context.validation), context.devices.worker.replicas)
    return data.eval_pipeline(context.validation, size, preprocess=context.preprocess, labels=context.task.labels)


def _completed_epochs(context: TrainingContext, checkpoint: Checkpoint) -> int:
    """Return the number of epochs before the last checkpoint, on which all workers must agree."""
    run, epochs = context.run, checkpoint.epochs

    def on_chief() -> int:
        if len(run.history_rows) < epochs:
            raise InputError(
                f"{str(run.history_file)!r} has {len(run.history_rows)} rows, but the checkpoint was written after "
                f"{epochs} epochs; put the file back, or start another run"
            )
        return epochs

    chiefs = context.devices.by_chief(on_chief)
    if chiefs != epochs:
        raise InputError(
            f"{context.devices.worker} finds {epochs} completed epochs in {str(run.folder)!r}, the chief {chiefs}; "
            "to resume, all workers must see the same folder"
        )
    return epochs
