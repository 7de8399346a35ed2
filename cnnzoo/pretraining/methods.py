"""How a stage is trained: as an autoencoder, or as a restricted Boltzmann machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from cnnzoo.boltzmann import RestrictedBoltzmannMachine, pseudo_likelihoods
from cnnzoo.errors import InputError
from cnnzoo.optimizers import ClassicSGD
from cnnzoo.pretraining import settings
from cnnzoo.pretraining.activation_cache import StageInputs, compiled
from cnnzoo.pretraining.backup import restore, values_of
from cnnzoo.pretraining.inputs import rows_per_batch
from cnnzoo.pretraining.layer_autoencoder import (
    check_dead_units,
    decoder_and_loss,
    layer_autoencoder,
    layers_on_code,
)
from cnnzoo.pretraining.layer_machine import hidden_units_of, layer_machine, machine_of, unroll
from cnnzoo.pretraining.stages import Stage

if TYPE_CHECKING:
    from cnnzoo.pretraining.callback import LayerwisePretraining

EXAMPLES, BITS = 1000, 10  # of which pseudo-likelihoods are an estimate
SLOW_EPOCHS, MOMENTUM = 5, (0.5, 0.9)  # the momentum of the first epochs, and of the others
WEIGHT_DECAY = 2e-4
LEARNING_RATES = {"binary": 0.1, "linear": 1e-3}


class Autoencoders:
    """Each stage is an autoencoder of one layer.

    Args:
        config: the arguments of pretraining.
        stages: the stages.
    """

    monitors: tuple[str, ...] = ("loss",)
    numbered = False  # whether a batch has the numbers of its rows

    def __init__(self, config: "LayerwisePretraining", stages: list[Stage]):
        self._config, self._stages = config, stages
        self._corruption = settings.one_per_layer("corruption", config.corruption, len(stages))
        for stage in stages:  # refuse what a later layer cannot be before the first is trained
            if config.method == "autoencoder":
                check_dead_units(stage)
            layers_on_code(stage, config, (1,), 0)
        self.machines: dict[str, RestrictedBoltzmannMachine] = {}

    def settings(self) -> dict[str, Any]:
        """Return the settings that decide the result, beside those of both methods."""
        return {
            "corruption": settings.serializable(self._corruption),
            "loss": settings.serializable(self._config.loss),
            "tied": self._config.tied,
            "sparsity": settings.serializable(self._config.sparsity),
            "contractive": self._config.contractive,
            "variational": self._config.variational,
        }

    def title(self, number: int) -> str:
        """Return what the title of a stage ends with."""
        return settings.corruption_text(self._corruption[number])

    def optimizer(self, number: int, steps: int, epochs: int) -> keras.optimizers.Optimizer:
        """Return a new optimizer for a stage of so many steps and epochs."""
        return (self._config.optimizer or settings.optimizer_factory("adam"))(steps)

    def model(self, number: int, inputs: StageInputs, batch_size: int) -> keras.Model:
        """Return the model that trains a stage, which adds its own loss."""
        stage = self._stages[number]
        in_unit_range = inputs.in_unit_range() if stage.in_unit_range is None else stage.in_unit_range
        seeds = self._seeds(number)
        corruption = settings.corruption_layer(self._corruption[number], stage.layer.dtype_policy, seeds[0])
        decoder, loss = decoder_and_loss(stage, inputs.shape, in_unit_range, self._config, seeds[1])
        on_code = layers_on_code(stage, self._config, inputs.shape, seeds[1])
        return layer_autoencoder(stage, inputs, corruption, decoder, loss, on_code)

    def callbacks(self, number: int, inputs: StageInputs, model: keras.Model) -> list[keras.callbacks.Callback]:
        """Return the callbacks of a stage that add to what it is watched by."""
        return []

    def complete(self, number: int, model: keras.Model) -> list[np.ndarray]:
        """Finish a stage, and return what a backup keeps beside the model's own weights."""
        return []

    def restore(self, number: int, extra: list[np.ndarray]) -> None:
        """Take what `complete` returned, for a stage whose weights have been restored."""

    def recall(self, number: int, weights: list[np.ndarray]) -> None:
        """Take what a backup holds of a stage whose layer has learned more since, and leave the layer as it is."""

    def _seeds(self, number: int) -> list[int]:
        return np.random.default_rng([self._config.seed, number]).integers(2**31, size=2).tolist()


class Machines(Autoencoders):
    """Each stage is a restricted Boltzmann machine of one layer.

    Args:
        config: the arguments of pretraining.
        stages: the stages.

    Raises:
        InputError: a layer that cannot be one, or an argument that is for autoencoders alone.
    """

    monitors = ("loss", "pseudo_likelihood")
    numbered = True

    def __init__(self, config: "LayerwisePretraining", stages: list[Stage]):
        super().__init__(config, stages)
        self._units = list(map(hidden_units_of, stages))
        given = settings.one_per_layer("learning_rate", config.learning_rate, len(stages))
        self._rates = [
            LEARNING_RATES[units] if rate is None else rate for units, rate in zip(self._units, given, strict=True)
        ]

    def settings(self) -> dict[str, Any]:
        config = self._config
        return {
            "gibbs_steps": config.gibbs_steps,
            "persistent": config.persistent,
            "sample_visible": config.sample_visible,
        }

    def title(self, number: int) -> str:
        return f", {self._units[number]} hidden units"

    def optimizer(self, number: int, steps: int, epochs: int) -> keras.optimizers.Optimizer:
        if self._config.optimizer is not None:
            return self._config.optimizer(steps)
        last_slow = SLOW_EPOCHS * max(1, steps // max(1, epochs)) - 1
        momentum = keras.optimizers.schedules.PiecewiseConstantDecay([last_slow], list(MOMENTUM))
        return ClassicSGD(self._rates[number], momentum, weight_decay={"*kernel": WEIGHT_DECAY})

    def model(self, number: int, inputs: StageInputs, batch_size: int) -> keras.Model:
        stage = self._stages[number]
        if stage.in_unit_range is None and not inputs.in_unit_range():
            raise InputError(
                f"what enters the layer {stage.name!r} has values outside of [0, 1], as the visible units of "
                "method='rbm' must not; divide pixels by 255"
            )
        return layer_machine(stage, inputs, {**self.settings(), "batch_size": batch_size}, self._seeds(number)[0])

    def callbacks(self, number: int, inputs: StageInputs, model: keras.Model) -> list[keras.callbacks.Callback]:
        visible = np.round(_first_rows(inputs, EXAMPLES))
        bits = np.random.default_rng(self._seeds(number)[1]).integers(visible.shape[1], size=(len(visible), BITS))
        return [PseudoLikelihood(lambda: self._machine(number, model), visible, bits)]

    def complete(self, number: int, model: keras.Model) -> list[np.ndarray]:
        stage, machine = self._stages[number], self._machine(number, model)
        unroll(stage)
        self.machines[stage.name] = machine
        return [machine.visible_bias]

    def restore(self, number: int, extra: list[np.ndarray]) -> None:
        if extra:  # else it had no epochs
            stage = self._stages[number]
            self.machines[stage.name] = machine_of(stage, extra[0])

    def recall(self, number: int, weights: list[np.ndarray]) -> None:
        stage = self._stages[number]
        now = values_of(stage)
        self.restore(number, restore(stage, weights))
        restore(stage, now)

    def _machine(self, number: int, model: keras.Model) -> RestrictedBoltzmannMachine:
        """Return the machine of a stage as it is now."""
        bias = model.layers[-1].visible_bias
        stage = self._stages[number]
        return machine_of(stage, np.zeros(stage.layer.kernel.shape[0]) if bias is None else bias)


class PseudoLikelihood(keras.callbacks.Callback):
    """Add the mean pseudo-likelihood of some examples to the logs of each epoch, estimated from some of their bits.

    Args:
        machine: returns the machine as it is now.
        visible: binary array `(examples, visible)`.
        bits: int array `(examples, count)`, the bits.
    """

    def __init__(self, machine: Callable[[], RestrictedBoltzmannMachine], visible: np.ndarray, bits: np.ndarray):
        super().__init__()
        self._machine, self._visible, self._bits = machine, visible, bits

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            found = pseudo_likelihoods(self._machine(), self._visible, self._bits)
            logs["pseudo_likelihood"] = float(found.mean())


def _first_rows(inputs: StageInputs, count: int) -> np.ndarray:
    """Return the first of what a stage trains on, at most `count` rows."""
    run = compiled(inputs.compute or (lambda batch: batch), inputs.rows)
    found, rows = 0, []
    for batch in inputs.rows.in_order(min(count, rows_per_batch(inputs.rows.shape, inputs.shape))):
        rows.append(keras.ops.convert_to_numpy(run(batch)).astype("float32"))
        found += len(batch)
        if found >= count:
            break
    return np.concatenate(rows)[:count]


METHODS = {"autoencoder": Autoencoders, "rbm": Machines}
