"""keras-tuner's oracles, with a state that survives a kill at any moment, and the same trials for the same seed."""

import math
import warnings
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle
from sklearn.exceptions import ConvergenceWarning

from cnnzoo.errors import InputError
from cnnzoo.tuning.space import TUNERS
from cnnzoo.tuning.tuner_internals import AtomicState, reseed

STATE = "oracle.json"


class RandomSearch(AtomicState, RandomSearchOracle):
    """Values drawn at random, never the same twice."""


class BayesianOptimization(AtomicState, BayesianOptimizationOracle):
    """Values for which a Gaussian process over the finished trials expects the best score, after some random ones."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        reseed(self, [self.seed, len(self.trials)])  # from what is saved, so that a kill changes nothing
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
        objective: `"accuracy"`, which is maximized, or `"squared_error"` or `"loss"`, which are minimized.
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
    factor = min(3, epochs)
    brackets = [rounds_of(0, epochs, factor)]  # the last one comes first
    while factor ** len(brackets) <= epochs:
        brackets.append(rounds_of(len(brackets), epochs, factor))
    while len(brackets) > 2 and _trials_of(brackets[-1]) > trials:
        brackets.pop()
    needed = _trials_of(brackets[-1])
    if needed > trials:
        (first, first_epochs), (best, _) = brackets[-1]
        raise InputError(
            f"`trials` must be at least {needed} for the tuner hyperband and {epochs} epochs: {first} "
            f"trials of {first_epochs} epochs, and of the best {best} of {epochs}; or "
            f"use random or bayesian. Received: {trials}"
        )
    oracle = Hyperband(
        max_epochs=epochs,
        factor=factor,
        hyperband_iterations=max(1, trials // sum(map(_trials_of, brackets))),
        **common,
    )
    oracle.max_trials = trials
    opening = len(brackets) - 1
    state = {
        "min_epochs": (1 - 1e-9) * epochs / factor**opening,  # a little less, against rounding errors
        "current_bracket": opening,
        "brackets": [{"bracket_num": opening, "rounds": [[] for _ in brackets[opening]]}],
    }
    oracle.set_state({**oracle.get_state(), **state})
    return oracle


def rounds_of(bracket: int, epochs: int, factor: int) -> list[tuple[int, int]]:
    """Return the trials of each round of one of hyperband's brackets, and their epochs.

    By keras-tuner's formulas, after Li et al., Hyperband (2018), https://jmlr.org/papers/v18/16-558.html.

    Args:
        bracket: number of the bracket, which has one round more.
        epochs: epochs of the last round.
        factor: how many times as many epochs the next round has, and about how many times fewer trials.

    Example:
    >>> rounds_of(2, epochs=9, factor=3)
    [(9, 1), (3, 3), (1, 9)]
    """
    last = math.ceil(1 + math.log(epochs, factor)) / (bracket + 1)
    return [(math.ceil(last * factor**to_go), math.ceil(epochs / factor**to_go)) for to_go in range(bracket, -1, -1)]


def _trials_of(rounds: list[tuple[int, int]]) -> int:
    return sum(trials for trials, _ in rounds)


assert set(TUNERS) == {"random", "bayesian", "hyperband"}
