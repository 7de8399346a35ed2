"""A tuner of keras-tuner whose trials are runs of a recipe."""

import os
import time
import warnings
from collections.abc import Callable
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from cnnzoo.errors import InputError, reason
from cnnzoo.experiments import Recipe
from cnnzoo.tuning.results import TrialResults, formatted_overrides
from cnnzoo.tuning.trial_process import Trainer

PAUSE = 0.1  # seconds between two requests to a chief that has no trial yet
GRACE = 5.0  # seconds for the last response of a chief
EPOCHS = "tuner/epochs"  # hyperband's name for the epochs of a trial


class RecipeTuner(BaseTuner):
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

    def save(self) -> None:
        """Write nothing: the oracle saves itself, and a tuner has no state of its own."""

    def pre_create_trial(self) -> None:
        time.sleep(PAUSE if self._is_worker() else 0)

    def _try_run_and_update_trial(self, trial: Any, *args: Any, **kwargs: Any) -> None:
        """Train a trial, unless its result was written before the search was killed, and report its score.

        It replaces keras-tuner's own method, which prints a traceback for a trial that fails, and treats errors of the
        search itself as failed trials.
        """
        self._results.check_folder()
        result = self._results.read(trial.trial_id) or self._train(trial)
        if result["score"] is None:
            trial.status, trial.message = TrialStatus.FAILED, result["message"]
            return
        self.oracle.update_trial(trial.trial_id, {self._results.objective: result["score"]})
        trial.status = TrialStatus.COMPLETED

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
    with _suppress_deprecation_warnings():
        try:
            tuner.search()
        except grpc.RpcError as error:
            raise InputError(f"the chief at {address()} does not respond ({error.code().name.lower()})") from error


def serve(oracle: Any) -> None:
    """Give the trials of an oracle to workers, until every worker knows that there are no more.

    keras-tuner's own loop polls for that every 20 seconds only.

    Raises:
        InputError: the address is taken, or not one of this machine.
    """
    with _suppress_deprecation_warnings():
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
        servicer = OracleServicer(oracle)
        protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
        oracle.save()
        try:
            if not server.add_insecure_port(address()):
                raise RuntimeError("no port")
        except RuntimeError as error:
            raise InputError(f"the chief cannot listen at {address()}: {reason(error)}") from error
        server.start()
        try:
            while not (servicer.stop_triggered and not oracle.ongoing_trials and not oracle.tuner_ids):
                time.sleep(PAUSE)
        finally:
            server.stop(GRACE).wait()


def address() -> str:
    """Return the address at which the chief listens."""
    return f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}"


@contextmanager
def _suppress_deprecation_warnings():
    """Suppress the warnings about deprecated functions of Python that keras-tuner calls."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"keras_tuner\.")
        yield
