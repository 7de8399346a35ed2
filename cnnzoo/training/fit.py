"""Pretrain and fit a model by its recipe."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from cnnzoo import data, distribute, models, optimizers
from cnnzoo.callbacks import Checkpoint, DeadStart, EpochRandomness, HistoryFile, Progress, StopOnNaN, style_of
from cnnzoo.data.augmentation import augmentation
from cnnzoo.errors import InputError, unknown
from cnnzoo.experiments import Recipe
from cnnzoo.experiments.run import Run
from cnnzoo.pretraining import LayerwisePretraining
from cnnzoo.training.build import compile_for_its_task, optimizer_of, rate_of, task_of
from cnnzoo.training.evaluate import EVALUATION_BATCH, evaluation_batch

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Phase:
    """Some epochs of a run.

    Attributes:
        start: epochs before it.
        stop: epochs before it and in it.
        rate: the learning rate, or its schedule over the steps of the phase.
        frozen: layers that stay as they are.
        thawed: layers that were frozen in the phase before.
    """

    start: int
    stop: int
    rate: Any
    frozen: tuple[keras.Layer, ...] = ()
    thawed: tuple[keras.Layer, ...] = ()

    def start_training(self, recipe: Recipe, model: keras.Model, fitted: keras.Model) -> None:
        """Freeze or thaw layers, and compile anew: an optimizer knows what it trains from its first step on.

        Args:
            recipe: the recipe.
            model: the model that is kept.
            fitted: the same, or what runs it in slices.
        """
        if not self.frozen and not self.thawed:
            return  # a run of one phase: it arrives compiled
        for layer in self.frozen + self.thawed:
            layer.trainable = layer not in self.frozen
        options = {"steps_per_execution": int(model.steps_per_execution)}
        optimizer = optimizer_of(recipe, self.rate)
        for each in (model,) if fitted is model else (model, fitted):
            compile_for_its_task(each, optimizer, model.loss, **options)


def phases(recipe: Recipe, model: keras.Model, steps_per_epoch: int) -> list[Phase]:
    """Return a recipe's phases in their order.

    Raises:
        InputError: there is no layer of the name that `frozen.until` gives, or nothing is left to train.
    """
    rate, before = rate_of(recipe, steps_per_epoch), recipe.frozen.get("epochs", 0)
    if not before:
        return [Phase(0, recipe.epochs, rate)]
    frozen = _features(model, recipe.frozen.get("until"))
    return [
        Phase(0, before, recipe.frozen.get("learning_rate", recipe.learning_rate), frozen=frozen),
        Phase(before, before + recipe.epochs, rate, thawed=frozen),
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
    found = tuple(layer for layer in weighted if names.index(layer.name) <= last)
    if not found or len(found) == len(weighted):
        raise InputError(
            f"frozen.until={until!r} freezes {len(found)} of the {len(weighted)} layers with weights; name one in "
            f"between, from {weighted[0].name!r} to {weighted[-2].name!r}"
        )
    return found


def pretrain(
    recipe: Recipe, run: Run, model: keras.Model, split: data.AnySplit, shared: str | Path | None, verbose: str | int
) -> dict[str, dict[str, list[float]]]:
    """Pretrain a recipe's model layer by layer on images without their labels.

    What each layer learned is kept in the run's folder, or in the one that is shared.

    Returns:
        The history of each layer.
    """
    options = dict(recipe.pretraining)
    name, settings = options.pop("optimizer", "adam"), options.pop("optimizer_options", {})
    rate, schedule = options.pop("learning_rate", 1e-3), options.pop("schedule", "constant")
    split = split[: options.pop("train_examples", None)]
    preprocess = models.preprocessing(recipe.model, model)
    images = data.eval_pipeline(split, EVALUATION_BATCH, preprocess=preprocess).map(lambda inputs, labels: inputs)

    def optimizer(steps: int) -> keras.optimizers.Optimizer:
        decayed = keras.optimizers.schedules.CosineDecay(rate, steps) if schedule == "cosine" else rate
        return optimizers.make(name, decayed, settings)

    pretraining = LayerwisePretraining(
        images,
        **{"batch_size": recipe.batch_size, **options},
        optimizer=optimizer,
        seed=recipe.seed,
        backup=run.folder / "pretraining" if shared is None else Path(shared) / _fingerprint(recipe, model),
        verbose=verbose,
    )
    pretraining.pretrain(model)
    return pretraining.history


def _fingerprint(recipe: Recipe, model: keras.Model) -> str:
    """Return a name for all that decides how a recipe's layers are pretrained."""
    decisive = (
        "model",
        "model_options",
        "weights",
        "whitening",
        "data",
        "image_size",
        "stream",
        "validation_split",
        "seed",
        "precision",
        "pretraining",
    )
    values = {name: value for name, value in recipe.to_dict().items() if name in decisive}
    values["steps_per_execution"] = int(model.steps_per_execution)  # it may cost an epoch its last steps
    if "batch_size" not in recipe.pretraining:
        values["batch_size"] = recipe.batch_size
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def fit(
    recipe: Recipe,
    run: Run,
    model: keras.Model,
    fitted: keras.Model,
    train_split: data.AnySplit,
    validation_split: data.AnySplit | None,
    steps: int,
    verbose: str | int,
    further: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Fit a compiled model by its recipe, from the last whole epoch of its run on.

    Args:
        recipe: the recipe.
        run: the run's folder.
        model: the model that is kept.
        fitted: the same, or what runs it in slices.
        train_split: images to train on.
        validation_split: images to watch by, or `None`.
        steps: batches in an epoch.
        verbose: what is shown; see `cnnzoo.callbacks.style_of`.
        further: callbacks of the user's, which the chief calls after those that write the run's files.

    Raises:
        InputError: the run's files do not belong together, or the loss is no number any more.
    """
    strategy = model.distribute_strategy
    checkpoint = Checkpoint(run.checkpoint_file, model)
    behind = _epochs_behind(run, checkpoint, strategy)
    place = distribute.worker_info(strategy)
    planned = phases(recipe, model, steps)
    for phase in planned:
        if behind > phase.stop:
            continue
        with strategy.scope():
            phase.start_training(recipe, model, fitted)
            if behind > phase.start:
                checkpoint.restore()
        first_epoch = max(behind, phase.start)
        progress = _progress(recipe, phase, planned, verbose if place.is_chief else 0)
        callbacks = [EpochRandomness(place.index * place.replicas // place.workers), StopOnNaN(), *progress]
        if place.is_chief:
            # On frozen features a loss near to guessing is no dead start: they may be random still.
            watching = [] if phase.frozen else [DeadStart()]
            callbacks += [*watching, *_written_down(run, checkpoint, first_epoch), *further]
        if further and place.workers > 1:
            callbacks.append(_StopTogether(strategy))
        try:
            fitted.fit(
                _batches(recipe, model, train_split, steps, first_epoch),
                steps_per_epoch=steps,
                epochs=phase.stop,
                initial_epoch=first_epoch,
                validation_data=_watched(recipe, model, validation_split),
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
        finally:
            for each in progress:
                each.close()
        if fitted.stop_training:  # by one of the user's callbacks: it means the run, not its phase
            break


def _progress(recipe: Recipe, phase: Phase, planned: Sequence[Phase], verbose: str | int) -> list[Progress]:
    """Return what shows a phase's epochs; nothing where nothing is shown, which saves its time."""
    if style_of(verbose) is None:
        return []
    title, part = None, ""
    if len(planned) > 1:
        learning = f"{len(phase.frozen)} layers frozen" if phase.frozen else "all layers learn"
        title, part = f"epochs {phase.start + 1} to {phase.stop}: {learning}", "this phase"
    later = planned[-1].stop - phase.stop
    return [Progress(verbose, batch_size=recipe.batch_size, title=title, later=later, part=part)]


class _StopTogether(keras.callbacks.Callback):
    """Stop all workers where a callback of the chief's stops its own: the others would wait for it."""

    def __init__(self, strategy: Any):
        super().__init__()
        self._strategy = strategy

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = distribute.by_chief(self._strategy, lambda: bool(self.model.stop_training))


def _batches(recipe: Recipe, model: keras.Model, split: data.AnySplit, steps: int, first_epoch: int) -> Any:
    """Return what `fit` trains on from an epoch on."""

    def made(worker: int, workers: int) -> "tf.data.Dataset":
        return data.train_pipeline(
            split,
            recipe.batch_size,
            preprocess=models.preprocessing(recipe.model, model),
            augment=augmentation(recipe.augment, model.input_shape[1:]),
            seed=recipe.seed,
            first_epoch=first_epoch,
            steps=steps,
            worker=worker,
            workers=workers,
            labels=task_of(model).labels,
        )

    return distribute.among_workers(model.distribute_strategy, made, recipe.batch_size)


def _watched(recipe: Recipe, model: keras.Model, split: data.AnySplit | None) -> "tf.data.Dataset | None":
    """Return the batches that `fit` watches by, or `None`."""
    if split is None:
        return None
    size = evaluation_batch(len(split), distribute.worker_info(model.distribute_strategy).replicas)
    preprocess = models.preprocessing(recipe.model, model)
    return data.eval_pipeline(split, size, preprocess=preprocess, labels=task_of(model).labels)


def _written_down(run: Run, checkpoint: Checkpoint, first_epoch: int) -> list[keras.callbacks.Callback]:
    """Return what the chief alone does: the run's files."""
    return [
        HistoryFile(run.history_file, rows=run.history[:first_epoch]),
        checkpoint,
        keras.callbacks.TensorBoard(str(run.logs), write_graph=False),
    ]


def _epochs_behind(run: Run, checkpoint: Checkpoint, strategy: Any) -> int:
    """Return the number of whole epochs behind the last checkpoint, on which all workers must agree."""
    epochs = checkpoint.epochs

    def the_chiefs() -> int:
        if len(run.history) < epochs:
            raise InputError(
                f"{str(run.history_file)!r} has {len(run.history)} rows, but the checkpoint stands after {epochs} "
                "epochs; put the file back, or begin another run"
            )
        return epochs

    agreed = distribute.by_chief(strategy, the_chiefs)
    if agreed != epochs:
        raise InputError(
            f"{distribute.worker_info(strategy)} finds {epochs} whole epochs in {str(run.folder)!r}, the chief {agreed}; "
            "to resume, all workers must see the same folder"
        )
    return epochs
