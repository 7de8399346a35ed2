"""keras-tuner's oracles, with a state that survives a kill at any moment, and the same trials for the same seed."""

import json
import math
import warnings
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as trials
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle
from sklearn.exceptions import ConvergenceWarning

from cnnzoo.errors import InputError, reason
from cnnzoo.files import write_json
from cnnzoo.tuning.space import TUNERS

STATE = "oracle.json"


class AtomicState:
    """A base of all oracles here, which keeps the state in one file that is written atomically.

    keras-tuner writes a trial and the oracle's state one after the other, each in place. Killed between the two it
    loses a trial, or repeats a finished one; killed while it writes, it cannot read its files again.

    Attributes:
        file: the file with the state and all trials.
    """

    file: Path

    def save(self) -> None:
        oracle: Any = self
        state = {**oracle.get_state(), "trials": [trial.get_state() for trial in oracle.trials.values()]}
        write_json(self.file, state)

    def _save_trial(self, trial: Any) -> None:
        """Write nothing: `save` writes all trials together with the state."""

    def reload(self) -> None:
        """Load the state; trials that were running are given out again, with the same values.

        Raises:
            InputError: the file is damaged.
        """
        oracle: Any = self
        try:
            state = json.loads(self.file.read_text(encoding="utf-8"))
            oracle.trials = {trial["trial_id"]: trials.Trial.from_state(trial) for trial in state["trials"]}
            oracle.set_state(state)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{str(self.file)!r} is damaged: {reason(error)}") from error
        oracle.ongoing_trials = {}
        running = [trial for trial in oracle.trials.values() if trial.trial_id not in oracle.end_order]
        for trial in running:
            trial.metrics = type(trial.metrics)()  # else metrics reported before would be counted twice
        oracle._retry_queue = [trial.trial_id for trial in reversed(running)]  # the last one is retried first

    @keras_tuner.synchronized
    def end_trial(self, trial: Any) -> None:
        oracle: Any = self
        if trial.trial_id in oracle._retry_queue:  # its worker has outlived the chief that started it
            oracle._retry_queue.remove(trial.trial_id)
        if trial.trial_id not in oracle.end_order:
            super().end_trial(trial)  # type: ignore[misc]
        self.save()  # once more: keras-tuner saves before it removes the trial from the running ones


class RandomSearch(AtomicState, RandomSearchOracle):
    """Values drawn at random, never the same twice."""


class BayesianOptimization(AtomicState, BayesianOptimizationOracle):
    """Values for which a Gaussian process over the finished trials expects the best score, after some random ones."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        # keras-tuner does not save the state of this generator, so it is seeded anew from what is saved.
        self._random_state = np.random.RandomState([self.seed, len(self.trials)])
        if self.num_initial_points is None:  # type: ignore[has-type]  # keras-tuner's default could be all trials
            dimensions = len(self.hyperparameters.space)
            self.num_initial_points = max(2, min(3 * dimensions, self.max_trials // 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # there are few points
            return super().populate_space(trial_id)


class Hyperband(AtomicState, HyperbandOracle):
    """Many short trials, of which the better ones are trained again for more epochs."""


def make(tuner: str, *, file: Path, objective: str, trials: int, epochs: int, seed: int) -> Any:
    """Return an oracle.

    Args:
        tuner: one of `TUNERS`.
        file: the file for its state.
        objective: `"accuracy"`, which is maximized, or `"squared_error"`, which is minimized.
        trials: most trials.
        epochs: epochs of a trial; with hyperband, of its longest trials.
        seed: decides the values of the trials.

    Raises:
        InputError: there are too few trials or epochs for hyperband.
    """
    common = {
        "objective": keras_tuner.Objective(objective, "max" if objective == "accuracy" else "min"),
        # keras-tuner takes a seed of 0 for none, and counts up from the seed, so that near seeds would share values.
        "seed": int(np.random.SeedSequence(seed).generate_state(1)[0]) or 1,
        "max_consecutive_failed_trials": math.inf,  # the search continues
    }
    oracle: Any
    if tuner == "random":
        oracle = RandomSearch(max_trials=trials, **common)
    elif tuner == "bayesian":
        oracle = BayesianOptimization(max_trials=trials, **common)
    else:
        oracle = _hyperband(trials, epochs, common)
    oracle.file = file
    oracle.verbose = 0
    return oracle


def _hyperband(trials: int, epochs: int, common: dict[str, Any]) -> Hyperband:
    """Return a hyperband of which at least the first bracket is completed within so many trials."""
    if epochs < 2:
        raise InputError(
            f"`epochs` must be at least 2 for the tuner hyperband; use random or bayesian. Received: {epochs}"
        )
    oracle = Hyperband(max_epochs=epochs, factor=min(3, epochs), **common)
    opening = oracle._get_num_brackets() - 1
    while opening > 1 and _trials_of(oracle, opening) > trials:
        opening -= 1
    needed = _trials_of(oracle, opening)
    if needed > trials:
        raise InputError(
            f"`trials` must be at least {needed} for the tuner hyperband and {epochs} epochs: {oracle._get_size(1, 0)} "
            f"trials of {oracle._get_epochs(1, 0)} epochs, and of the best {oracle._get_size(1, 1)} of {epochs}; or "
            f"use random or bayesian. Received: {trials}"
        )
    oracle.min_epochs = (1 - 1e-9) * epochs / oracle.factor**opening  # a little less, against rounding errors
    oracle._current_bracket = opening
    oracle._brackets = []
    oracle._start_new_bracket()
    per_iteration = sum(_trials_of(oracle, bracket) for bracket in range(opening + 1))
    oracle.hyperband_iterations = max(1, trials // per_iteration)
    oracle.max_trials = trials
    return oracle


def _trials_of(oracle: Hyperband, bracket: int) -> int:
    return sum(oracle._get_size(bracket, number) for number in range(oracle._get_num_rounds(bracket)))


assert set(TUNERS) == {"random", "bayesian", "hyperband"}
