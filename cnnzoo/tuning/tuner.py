"""A tuner of keras-tuner whose trials are runs of a recipe."""

import time
from collections.abc import Callable
from typing import Any

import grpc
import keras_tuner

from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe
from cnnzoo.tuning.results import TrialResults, formatted_overrides
from cnnzoo.tuning.trial_process import FATAL_ERRORS, Trainer
from cnnzoo.tuning.tuner_internals import PAUSE, address, suppress_deprecation_warnings

EPOCHS = "tuner/epochs"  # hyperband's name for the epochs of a trial


class RecipeTuner(keras_tuner.Tuner):
    """A tuner that gets trials from an oracle, its own or the chief's, and has each trained.

    Args:
        oracle: one of `cnnzoo.tuning.oracles`.
        space: the function that returns the overrides of a trial.
        recipe: the recipe that they override.
        trainer: the process that trains; `None` for a chief.
        results: the results of the trials.
        log: called with a line when a trial starts, and when it ends.
    """

    def __init__(
        self,
        oracle: Any,
        space: Callable[[Any], dict[str, Any]],
        *,
        recipe: Recipe,
        trainer: Trainer | None,
        results: TrialResults,
        log: Callable[[str], None],
    ):
        self._recipe, self._trainer, self._results, self._log = recipe, trainer, results, log
        folder = results.folder
        super().__init__(oracle, hypermodel=space, directory=str(folder.parent), project_name=folder.name)

    def search(self) -> None:
        """Run trials until there are no more: train each, unless its result was written before a kill, and report it.

        It replaces keras-tuner's own loop, whose `run_trial` prints a traceback for a trial that fails, and in which
        any other error, of the search itself, is a failed trial, too.
        """
        while (trial := self.oracle.create_trial(self.tuner_id)).status != "STOPPED":
            if trial.status == "IDLE":  # what comes next depends on trials of other workers
                time.sleep(PAUSE)
                continue
            self._results.check_folder()
            result = self._results.read(trial.trial_id) or self._train(trial)
            if result["score"] is None:
                trial.status, trial.message = "FAILED", result["message"]
            else:
                self.oracle.update_trial(trial.trial_id, {self._results.objective: result["score"]})
                trial.status = "COMPLETED"
            self.oracle.end_trial(trial)

    def _train(self, trial: Any) -> dict[str, Any]:
        assert self._trainer is not None  # a chief runs no trials
        start = time.perf_counter()
        overrides: dict[str, Any] = {}
        try:
            overrides = self.hypermodel.build(trial.hyperparameters)
            self._log(f"trial {trial.trial_id}: {formatted_overrides(overrides)}")
            recipe = self._recipe.override(overrides)
            recipe = recipe.replace(epochs=trial.hyperparameters.values.get(EPOCHS, recipe.epochs))
            epochs = recipe.epochs
            metrics = self._trainer.train(recipe, self._results.folder_of(trial.trial_id), self._results.pretrained)
        except FATAL_ERRORS:
            raise
        except InputError as error:
            metrics, epochs = {"failed": str(error)}, None
        result = self._results.record(
            trial.trial_id, overrides=overrides, epochs=epochs, metrics=metrics, seconds=time.perf_counter() - start
        )
        self._log(f"trial {trial.trial_id}: {self._results.formatted(result)}, {result['seconds']:.0f} s")
        return result


def search(tuner: RecipeTuner) -> None:
    """Run the trials of a tuner, its own or those of a chief, until there are no more.

    Raises:
        InputError: the chief does not respond.
    """
    with suppress_deprecation_warnings():
        try:
            tuner.search()
        except grpc.RpcError as error:
            raise InputError(f"the chief at {address()} does not respond ({error.code().name.lower()})") from error
