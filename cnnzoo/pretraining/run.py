"""One pretraining of one model, stage by stage."""

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from cnnzoo.callbacks import DivergedError, Progress, StopOnNaN, progress_style
from cnnzoo.errors import InputError
from cnnzoo.pretraining import settings
from cnnzoo.pretraining.activation_cache import ActivationCache, StageInputs
from cnnzoo.pretraining.backup import Backup, restore
from cnnzoo.pretraining.batches import Batches, fit_arguments
from cnnzoo.pretraining.inputs import check_finite, rows_of
from cnnzoo.pretraining.methods import METHODS
from cnnzoo.pretraining.stages import Stage, left_out, stages
from cnnzoo.runtime import steps_per_execution_for

if TYPE_CHECKING:
    from cnnzoo.pretraining.callback import LayerwisePretraining

log = logging.getLogger(__name__)


class Worker:
    """This process among the workers that pretrain a model together; alone on other backends than TensorFlow.

    Args:
        model: the model, made under the strategy that the workers share.
    """

    def __init__(self, model: keras.Model):
        self.index, self.replicas, self._strategy = 0, 1, None
        if keras.backend.backend() == "tensorflow":  # other backends have no strategies
            from cnnzoo.distribute import worker_info

            self._strategy = model.distribute_strategy
            info = worker_info(self._strategy)
            self.index, self.replicas = info.index, info.replicas

    @property
    def is_chief(self) -> bool:
        """Whether this one writes files and shows progress."""
        return self.index == 0

    def by_chief(self, work: Callable[[], Any]) -> Any:
        """Return on every worker the result of the chief's work; see `cnnzoo.distribute.by_chief`."""
        if self._strategy is None:
            return work()
        from cnnzoo.distribute import by_chief

        return by_chief(self._strategy, work)

    def scope(self) -> Any:
        """Return the context in which variables are made."""
        return nullcontext() if self._strategy is None else self._strategy.scope()

    def set_shards(self, model: keras.Model, batch_size: int) -> None:
        """Let a model train as is fastest here; other backends spread a step over the cores themselves."""
        if self._strategy is None or self.replicas > 1:
            return
        from cnnzoo.distribute import batch_shards_for, set_batch_shards

        set_batch_shards(model, batch_shards_for(batch_size))


class Clock(keras.callbacks.Callback):
    """Keep the seconds of each epoch."""

    def on_train_begin(self, logs=None):
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(round(time.perf_counter() - self._start, 3))


class PretrainingRun:
    """One pretraining of one model.

    Args:
        config: the arguments of pretraining.
        model: the model.
    """

    def __init__(self, config: "LayerwisePretraining", model: keras.Model):
        self.config = config
        self.model = model
        self.stages = stages(model, config.layers)
        self.epochs = settings.one_per_layer("epochs", config.epochs, len(self.stages))
        self.method = METHODS[config.method](config, self.stages)
        self.data = rows_of(config.data, model)
        self.batch_size = min(config.batch_size, self.data.count)
        self.worker = Worker(model)
        others = left_out(model) if config.layers is None and self.worker.is_chief else []
        if others:
            log.warning("pretraining leaves out %s: it trains Dense, Conv1D and Conv2D layers", ", ".join(others))
        replicas = self.worker.replicas
        if self.batch_size % replicas:
            raise InputError(
                f"a batch of {self.batch_size} cannot be cut evenly among {replicas} replicas; give a batch_size that "
                f"is a multiple of {replicas}, such as {max(1, self.batch_size // replicas) * replicas}"
            )
        # Keras 3.15 with TensorFlow 2.21 fails on several steps an execution with several replicas.
        limit = int(model.steps_per_execution) if model.compiled and replicas == 1 else 1
        self.steps, self.steps_per_execution = steps_per_execution_for(self.data.count // self.batch_size, limit)
        self.activations = ActivationCache(model, self.data, config.cache)
        self.backup: Backup | None = None

    def train(self, in_fit: bool = False) -> dict[str, dict[str, list[float]]]:
        """Train the stages that are not completed yet, and return the history of all.

        Args:
            in_fit: whether a fit has started, in which a trained model must stay as it is.

        Raises:
            InputError: a stage is not completed, and the model of the fit has been trained already.
        """
        with self.worker.scope():
            optimizers = [self._optimizer(number) for number in range(len(self.stages))]
        if self.config.backup is not None:
            self.backup = Backup(self.config.backup, self._settings(optimizers))
        completed = self._completed()
        history = {stage.name: saved[1] for stage, saved in zip(self.stages, completed, strict=True) if saved}
        # By way of NumPy: int() does not take the variable of several replicas.
        steps = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations)) if self.model.compiled else 0
        if all(completed) and steps > 0:  # the weights are those of a later step
            for number, saved in enumerate(completed):
                self.method.recall(number, saved[0])
            return history
        if in_fit and steps > 0:
            raise InputError(
                f"{self.model.name} has been trained for {steps} steps, which pretraining would undo; leave "
                "LayerwisePretraining out, give the backup folder of its run, or call pretrain(model) before the fit"
            )
        last = max((number for number, saved in enumerate(completed) if not saved and self.epochs[number]), default=-1)
        if last >= 0:
            self.activations.check_memory(self.stages[: last + 1])
            check_finite(self.data)
        try:
            for number, stage in enumerate(self.stages):
                # Also for completed stages, one by one: then activations equal those of an undisturbed run to the bit.
                inputs = self.activations.inputs_of(stage) if number <= last and self.epochs[number] else None
                extra: list[np.ndarray] = []
                if saved := completed[number]:
                    self.method.restore(number, restore(stage, saved[0]))
                elif inputs:
                    history[stage.name], extra = self._train(number, stage, inputs)
                else:
                    history[stage.name] = {name: [] for name in (*self.method.monitors, "seconds")}
                if self.backup and not saved and self.worker.is_chief:
                    self.backup.save(number, stage, history[stage.name], extra)
        finally:
            self.activations.close()
        return {stage.name: history[stage.name] for stage in self.stages}

    def _completed(self) -> list[Any]:
        """Return for each stage its weights and history in the backup; `None` from the first one on that is missing."""
        saved: list[Any] = [self.backup.completed(*each) if self.backup else None for each in enumerate(self.stages)]
        count = saved.index(None) if None in saved else len(saved)
        count_of_chief = self.worker.by_chief(lambda: count)
        if count_of_chief != count:
            raise InputError(
                f"worker {self.worker.index} finds {count} pretrained layers in {str(self.config.backup)!r}, the chief "
                f"{count_of_chief}; to resume, all workers must see the same folder"
            )
        return saved[:count] + [None] * (len(saved) - count)

    def _optimizer(self, number: int) -> keras.optimizers.Optimizer:
        """Return a new optimizer for a stage."""
        return self.method.optimizer(number, max(1, self.epochs[number] * self.steps), self.epochs[number])

    def _train(self, number: int, stage: Stage, inputs: StageInputs) -> tuple[dict[str, list[float]], list[np.ndarray]]:
        """Train one stage, and return its history, and what its backup has beside its weights."""
        epochs = self.epochs[number]
        with self.worker.scope():
            model = self.method.model(number, inputs, self.batch_size)
            self.worker.set_shards(model, self.batch_size)
            model.compile(self._optimizer(number), steps_per_execution=self.steps_per_execution)
        seed = (self.config.seed, number)
        batches = Batches(inputs.rows, self.batch_size, self.steps, seed, numbered=self.method.numbered)
        arguments = fit_arguments(batches, epochs)
        progress, clock = self._progress(number, stage, inputs.shape), Clock()
        monitors = self.method.callbacks(number, inputs, model)
        callbacks = [*arguments.pop("callbacks"), StopOnNaN(), clock, *monitors, *progress]
        try:
            history = model.fit(**arguments, callbacks=callbacks, verbose=0).history
        except DivergedError as error:
            raise DivergedError(f"pretraining {stage.name!r}: {error}") from error
        finally:
            for callback in progress:
                callback.close()
        watched = {name: [float(value) for value in history[name]] for name in self.method.monitors}
        return {**watched, "seconds": clock.seconds}, self.method.complete(number, model)

    def _progress(self, number: int, stage: Stage, shape: tuple[int, ...]) -> list[Progress]:
        """Return the display of a stage's epochs; none where nothing is shown, which saves its time."""
        if not self.worker.is_chief or progress_style(self.config.verbose) is None:
            return []
        part = f"layer {number + 1} of {len(self.stages)}" if len(self.stages) > 1 else ""
        inputs, code = ("×".join(map(str, sides)) for sides in (shape, stage.code.shape[1:]))
        rest = self.method.title(number)
        title = f"pretraining {number + 1} of {len(self.stages)}: {stage.name}, {inputs} → {code}{rest}"
        return [Progress(self.config.verbose, batch_size=self.batch_size, title=title, part=part)]

    def _settings(self, optimizers: list[keras.optimizers.Optimizer]) -> dict[str, Any]:
        """Return the settings that decide the result, besides the values of the data and the initial weights."""
        return {
            "layers": [[stage.name, [list(weight.shape) for weight in stage.layer.weights]] for stage in self.stages],
            "epochs": self.epochs,
            "method": self.config.method,
            **self.method.settings(),
            "optimizer": settings.serializable(optimizers),
            "batch_size": self.config.batch_size,
            "steps": self.steps,
            "seed": self.config.seed,
            "data": [self.data.count, *self.data.shape],
            "precision": [stage.layer.dtype_policy.name for stage in self.stages],
        }
