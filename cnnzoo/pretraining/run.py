"""One pretraining of one model, stage by stage."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

from cnnzoo.callbacks import DivergedError, Progress, StopOnNaN, style_of
from cnnzoo.errors import InputError
from cnnzoo.pretraining import settings
from cnnzoo.pretraining.activation_cache import Ascent, in_unit_range
from cnnzoo.pretraining.backup import Backup, put_back
from cnnzoo.pretraining.batches import Batches, fit_arguments
from cnnzoo.pretraining.graph import Segment
from cnnzoo.pretraining.inputs import Rows, check_finite, examples
from cnnzoo.pretraining.layer_autoencoder import LayerAutoencoder
from cnnzoo.pretraining.stages import Stage, stages
from cnnzoo.runtime import executions


@contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Draw from `seed` in the block, and put the global random states of Python, NumPy and Keras back after it.

    Keras has no public way to look at its global generator without making one, which would draw a seed.

    Example:
    >>> random.seed(1)
    >>> before = random.getstate()
    >>> with undisturbed(0):
    ...     _ = random.random(), np.random.random(), keras.random.normal(())
    >>> random.getstate() == before
    True
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (what Keras' users seed)
    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    state = None if generator is None else keras.ops.convert_to_numpy(generator.state)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, keras.random.SeedGenerator(seed))
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, generator)
        if generator is not None:
            generator.state.assign(state)


class Workers:
    """The place of this process among those that pretrain a model together.

    Args:
        model: the model; the strategy that it was made under tells.
    """

    def __init__(self, model: keras.Model):
        self.index, self.replicas, self._strategy = 0, 1, None
        if keras.backend.backend() == "tensorflow":  # other backends have no strategies
            from cnnzoo.distribute import worker_info

            self._strategy = model.distribute_strategy
            place = worker_info(self._strategy)
            self.index, self.replicas = place.index, place.replicas

    @property
    def is_chief(self) -> bool:
        """Whether this one writes files, and says what it does."""
        return self.index == 0

    def by_chief(self, work: Callable[[], Any]) -> Any:
        """Return on every worker what came out of the chief's work; see `cnnzoo.distribute.by_chief`."""
        if self._strategy is None:
            return work()
        from cnnzoo.distribute import by_chief

        return by_chief(self._strategy, work)


class Clock(keras.callbacks.Callback):
    """Keep the seconds of each epoch."""

    def on_train_begin(self, logs=None):
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(round(time.perf_counter() - self._began, 3))


class PretrainingRun:
    """One pretraining of one model: what was asked, brought to one value per stage.

    Args:
        asked: the `LayerwisePretraining`, whose arguments say what to do.
        model: the model.
    """

    def __init__(self, asked: Any, model: keras.Model):
        self.asked = asked
        self.model = model
        self.stages = stages(model, asked.layers)
        self.epochs = settings.one_each("epochs", asked.epochs, len(self.stages))
        self.corruption = settings.one_each("corruption", asked.corruption, len(self.stages))
        self.data = examples(asked.data, model)
        self.size = min(asked.batch_size, self.data.count)
        # Keras 3.15 with TensorFlow 2.21 fails on several steps an execution with several replicas.
        self.workers = Workers(model)
        replicas = self.workers.replicas
        if self.size % replicas:
            raise InputError(
                f"a batch of {self.size} cannot be cut evenly among {replicas} replicas; give a batch_size that is a "
                f"multiple of {replicas}, such as {max(1, self.size // replicas) * replicas}"
            )
        limit = int(model.steps_per_execution) if model.compiled and replicas == 1 else 1
        self.steps, self.together = executions(self.data.count // self.size, limit)
        self.slices = _slices_for(self.size) if replicas == 1 else 1
        self.ascent = Ascent(model, self.data, asked.cache, self.slices)
        self.backup: Backup | None = None

    def finish(self, in_fit: bool = False) -> dict[str, dict[str, list[float]]]:
        """Train the stages that are not earned yet, and return the history of all.

        Args:
            in_fit: whether a fit has begun, in which a trained model is to go on as it is.

        Raises:
            InputError: it has not all been earned, and the model of the fit has been trained already.
        """
        with self._scope():
            optimizers = [self.asked.optimizer(max(1, epochs * self.steps)) for epochs in self.epochs]
        if self.asked.backup is not None:
            self.backup = Backup(self.asked.backup, self._fingerprint(optimizers))
        earned = self._completed()
        history = {stage.name: found[1] for stage, found in zip(self.stages, earned, strict=True) if found}
        # By way of NumPy: int() does not take the variable of several replicas.
        steps = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations)) if self.model.compiled else 0
        if all(earned) and steps > 0:
            return history  # a run that was restored further on
        if in_fit and steps > 0:
            raise InputError(
                f"{self.model.name} has been trained for {steps} steps, which pretraining would undo; leave "
                "LayerwisePretraining out, give the backup folder of its run, or call pretrain(model) before the fit"
            )
        last = max((number for number, found in enumerate(earned) if not found and self.epochs[number]), default=-1)
        if last >= 0:
            self.ascent.check_memory(self.stages[: last + 1])
            check_finite(self.data)
        try:
            for number, stage in enumerate(self.stages):
                # Also past earned stages, step by step: then codes are those of the undisturbed run, to the bit.
                below = self.ascent.up_to(stage) if number <= last and self.epochs[number] else None
                if found := earned[number]:
                    put_back(stage, found[0])
                elif below:
                    history[stage.name] = self._train(number, stage, *below)
                else:
                    history[stage.name] = {"loss": [], "seconds": []}
                if self.backup and not found and self.workers.is_chief:
                    self.backup.save(number, stage, history[stage.name])
        finally:
            self.ascent.close()
        return {stage.name: history[stage.name] for stage in self.stages}

    def _completed(self) -> list[Any]:
        """Return for each stage what the backup holds; `None` from the first one on that is missing."""
        found: list[Any] = [self.backup.earned(*each) if self.backup else None for each in enumerate(self.stages)]
        first = found.index(None) if None in found else len(found)
        agreed = self.workers.by_chief(lambda: first)
        if agreed != first:
            raise InputError(
                f"worker {self.workers.index} finds {first} pretrained layers in {str(self.asked.backup)!r}, the chief "
                f"{agreed}; to resume, all workers must see the same folder"
            )
        return found[:first] + [None] * (len(found) - first)

    def _train(self, number: int, stage: Stage, rows: Rows, below: Any) -> dict[str, list[float]]:
        """Train one stage, and return its loss of each epoch."""
        epochs, shape = self.epochs[number], self.ascent.shape_of(stage)
        unit = stage.in_unit
        if unit is None:
            unit = in_unit_range(rows, below or Segment(stage.codes, stage.codes))
        seeds = np.random.default_rng([self.asked.seed, number]).integers(2**31, size=2)
        with self._scope():
            shallow = LayerAutoencoder(
                stage,
                shape,
                below=below,
                corruption=settings.corruption_layer(
                    self.corruption[number], stage.layer.dtype_policy, seed=int(seeds[0])
                ),
                unit=unit,
                own_loss=self.asked.loss is not None,
                tied=self.asked.tied,
                seed=int(seeds[1]),
                slices=self.slices,
            )
            shallow.compile(
                self.asked.optimizer(epochs * self.steps),
                shallow.default_loss() if self.asked.loss is None else self.asked.loss,
                steps_per_execution=self.together,
            )
        progress = self._progress(number, stage, shape)
        batches = Batches(rows, self.size, self.steps, (self.asked.seed, number))
        arguments = fit_arguments(batches, rows.shape, rows.dtype, self.size, epochs)
        clock = Clock()
        callbacks = [*arguments.pop("callbacks"), StopOnNaN(), clock, *progress]
        try:
            history = shallow.fit(**arguments, callbacks=callbacks, verbose=0).history
        except DivergedError as error:
            raise DivergedError(f"pretraining {stage.name!r}: {error}") from error
        finally:
            for each in progress:
                each.close()
        return {"loss": [float(loss) for loss in history["loss"]], "seconds": clock.seconds}

    def _scope(self) -> Any:
        strategy = getattr(self.model, "distribute_strategy", None)
        return strategy.scope() if strategy else nullcontext()

    def _progress(self, number: int, stage: Stage, shape: tuple[int, ...]) -> list[Progress]:
        """Return what shows a stage's epochs; nothing where nothing is shown, which saves its time."""
        if not self.workers.is_chief or style_of(self.asked.verbose) is None:
            return []
        part = f"layer {number + 1} of {len(self.stages)}" if len(self.stages) > 1 else ""
        title = self._headline(number, stage, shape)
        return [Progress(self.asked.verbose, batch_size=self.size, title=title, part=part)]

    def _headline(self, number: int, stage: Stage, shape: tuple[int, ...]) -> str:
        sides = ["×".join(map(str, each)) for each in (shape, stage.hidden.shape[1:])]
        return (
            f"pretraining {number + 1} of {len(self.stages)}: {stage.name}, {sides[0]} → {sides[1]}"
            f"{settings.corruption_text(self.corruption[number])}"
        )

    def _fingerprint(self, optimizers: list[keras.optimizers.Optimizer]) -> dict[str, Any]:
        """Return what decides the result, besides the values of the data and the initial weights."""
        return {
            "layers": [[stage.name, [list(weight.shape) for weight in stage.layer.weights]] for stage in self.stages],
            "epochs": self.epochs,
            "corruption": settings.described(self.corruption),
            "optimizer": settings.described(optimizers),
            "loss": settings.described(self.asked.loss),
            "batch_size": self.asked.batch_size,
            "steps": self.steps,
            "tied": self.asked.tied,
            "seed": self.asked.seed,
            "data": [self.data.count, *self.data.shape],
            "precision": [stage.layer.dtype_policy.name for stage in self.stages],
        }


def _slices_for(batch_size: int) -> int:
    """Return how many slices of a batch go side by side; other libraries spread a step over the cores by themselves."""
    if keras.backend.backend() != "tensorflow":
        return 1
    from cnnzoo.distribute import shards_for

    return shards_for(batch_size)
