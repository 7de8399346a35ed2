"""Pretrain and fit a run's model, phase by phase."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from cnnzoo import data, distribute, models, optimizers
from cnnzoo.callbacks import Checkpoint, DeadStart, EpochRandomness, HistoryFile, Progress, StopOnNaN, progress_style
from cnnzoo.data.augmentation import augmentation
from cnnzoo.errors import InputError, unknown
from cnnzoo.pretraining import LayerwisePretraining
from cnnzoo.training.build import TrainingContext, learning_rate_of, optimizer_of
from cnnzoo.training.evaluate import EVALUATION_BATCH, evaluation_batch

if TYPE_CHECKING:
    import tensorflow as tf

# All values of a recipe that decide how its layers are pretrained.
DECISIVE = (
    *("model", "model_options", "weights", "whitening", "data", "image_size", "stream"),
    *("validation_split", "seed", "precision", "pretraining"),
)


def pretrain(context: TrainingContext, shared: str | Path | None, verbose: str | int) -> dict[str, Any]:
    """Pretrain a run's model layer by layer on images without their labels.

    Args:
        context: the run.
        shared: folder in which runs with the same pretraining share its layers; `None` for the run's own folder.
        verbose: what is shown; see `cnnzoo.callbacks.progress_style`.

    Returns:
        The history of each layer.
    """
    recipe = context.recipe
    options = dict(recipe.pretraining)
    name, optimizer_options = options.pop("optimizer", "adam"), options.pop("optimizer_options", {})
    rate, schedule = options.pop("learning_rate", 1e-3), options.pop("schedule", "constant")
    split = context.unlabeled[: options.pop("train_examples", None)]
    batches = data.eval_pipeline(split, EVALUATION_BATCH, preprocess=context.preprocess)

    def optimizer(steps: int) -> keras.optimizers.Optimizer:
        decayed = keras.optimizers.schedules.CosineDecay(rate, steps) if schedule == "cosine" else rate
        return optimizers.make(name, decayed, optimizer_options)

    pretraining = LayerwisePretraining(
        batches.map(lambda images, labels: images),
        **{"batch_size": recipe.batch_size, **options},
        optimizer=optimizer,
        seed=recipe.seed,
        backup=context.run.folder / "pretraining" if shared is None else Path(shared) / _fingerprint(context),
        verbose=verbose,
    )
    pretraining.pretrain(context.model)
    return pretraining.history


def _fingerprint(context: TrainingContext) -> str:
    """Return a name for all that decides how a recipe's layers are pretrained."""
    recipe = context.recipe
    values = {name: value for name, value in recipe.to_dict().items() if name in DECISIVE}
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

    def prepare(self, context: TrainingContext) -> None:
        """Freeze or thaw layers, and compile again: an optimizer knows what it trains from its first step on."""
        if not self.frozen and not self.thawed:
            return  # a run of one phase: it arrives compiled
        for layer in self.frozen + self.thawed:
            layer.trainable = layer not in self.frozen
        context.compile(optimizer_of(context.recipe, self.learning_rate))


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
        Phase(0, frozen_epochs, recipe.frozen.get("learning_rate", recipe.learning_rate), frozen=frozen),
        Phase(frozen_epochs, frozen_epochs + recipe.epochs, rate, thawed=frozen),
    ]


def _features(model: keras.Model, until: str | None) -> tuple[keras.Layer, ...]:
    """Return the layers with weights up to the one of a name, by default all but the head."""
    weighted = [layer for layer in model.layers if layer.trainable_weights]
    if until is None:
        return tuple(layer for layer in weighted if layer is not models.head(model))
    names = [layer.name for layer in model.layers]
    if until not in names:
        raise unknown("layer", until, names)
    last = names.index(until)
    features = tuple(layer for layer in weighted if names.index(layer.name) <= last)
    if not features or len(features) == len(weighted):
        raise InputError(
            f"frozen.until={until!r} freezes {len(features)} of the {len(weighted)} layers with weights; name one in "
            f"between, from {weighted[0].name!r} to {weighted[-2].name!r}"
        )
    return features


def fit(context: TrainingContext, verbose: str | int, callbacks: Sequence[keras.callbacks.Callback] = ()) -> None:
    """Fit a run's model, starting after its last completed epoch.

    Args:
        context: the run.
        verbose: what is shown; see `cnnzoo.callbacks.progress_style`.
        callbacks: callbacks of the user's, which the chief calls after those that write the run's files.

    Raises:
        InputError: the run's files do not belong together, or the loss is not finite.
    """
    checkpoint = Checkpoint(context.run.checkpoint_file, context.model)
    completed = _completed_epochs(context, checkpoint)
    planned = phases(context)
    for phase in planned:
        if completed > phase.stop:
            continue
        with context.devices.strategy.scope():
            phase.prepare(context)
            if completed > phase.start:
                checkpoint.restore()
        first_epoch = max(completed, phase.start)
        progress = _progress(context, phase, planned, verbose)
        try:
            context.fitted_model.fit(
                _training_data(context, first_epoch),
                steps_per_epoch=context.steps,
                epochs=phase.stop,
                initial_epoch=first_epoch,
                validation_data=_validation_data(context),
                shuffle=False,
                verbose=0,
                callbacks=[*_callbacks(context, phase, checkpoint, first_epoch, progress), *_users(context, callbacks)],
            )
        finally:
            for each in progress:
                each.close()
        if context.fitted_model.stop_training:  # by one of the user's callbacks: it means the run, not its phase
            break


def _callbacks(
    context: TrainingContext, phase: Phase, checkpoint: Checkpoint, first_epoch: int, progress: list[Progress]
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a phase; the chief alone writes the run's files."""
    worker, run = context.devices.worker, context.run
    callbacks = [EpochRandomness(worker.index * worker.replicas // worker.workers), StopOnNaN(), *progress]
    if not worker.is_chief:
        return callbacks
    if not phase.frozen:  # on frozen features a loss near to guessing is no dead start: they may be random still
        callbacks.append(DeadStart())
    return [
        *callbacks,
        HistoryFile(run.history_file, rows=run.history_rows[:first_epoch]),
        checkpoint,
        keras.callbacks.TensorBoard(str(run.logs), write_graph=False),
    ]


def _users(context: TrainingContext, callbacks: Sequence[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Return the user's callbacks, which the chief calls, and what stops the other workers with it."""
    together = [_StopTogether(context)] if callbacks and context.devices.worker.workers > 1 else []
    return [*(callbacks if context.is_chief else ()), *together]


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


class _StopTogether(keras.callbacks.Callback):
    """Stop all workers where a callback of the chief's stops its own: the others would wait for it."""

    def __init__(self, context: TrainingContext):
        super().__init__()
        self._devices = context.devices

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = self._devices.by_chief(lambda: bool(self.model.stop_training))


def _training_data(context: TrainingContext, first_epoch: int) -> Any:
    """Return the training dataset, starting at `first_epoch`."""
    recipe = context.recipe

    def make(worker: int, workers: int) -> "tf.data.Dataset":
        return data.train_pipeline(
            context.train,
            recipe.batch_size,
            preprocess=context.preprocess,
            augment=augmentation(recipe.augment, context.model.input_shape[1:]),
            seed=recipe.seed,
            first_epoch=first_epoch,
            steps=context.steps,
            worker=worker,
            workers=workers,
            labels=context.task.labels,
        )

    return distribute.among_workers(context.devices.strategy, make, recipe.batch_size)


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
