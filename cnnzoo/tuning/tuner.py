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
from cnnzoo.tuning.results import Outcomes, in_words
from cnnzoo.tuning.trial_process import Trainer

PAUSE = 0.1  # seconds between two questions to a chief that has nothing to do yet
FAREWELL = 5.0  # seconds for the last answer of a chief
EPOCHS = "tuner/epochs"  # how hyperband calls the epochs of a trial


class RecipeTuner(BaseTuner):
    """Asks the oracle, its own or the chief's, for trials, and has each trained.

    Args:
        oracle: one of `cnnzoo.tuning.oracles`.
        space: what gives the overrides of a trial.
        recipe: what they override.
        trainer: what trains; `None` for a chief.
        outcomes: where what came out is kept.
        say: is told what happens.
    """

    def __init__(
        self,
        oracle: Any,
        space: Callable[[Any], dict[str, Any]],
        *,
        recipe: Recipe,
        trainer: Trainer | None,
        outcomes: Outcomes,
        say: Callable[[str], None],
    ):
        self._recipe, self._trainer, self._outcomes, self._say = recipe, trainer, outcomes, say
        folder = outcomes.folder
        super().__init__(oracle, hypermodel=space, directory=str(folder.parent), project_name=folder.name)

    def save(self) -> None:
        """Write nothing: the oracle saves itself, and a tuner has no state of its own."""

    def pre_create_trial(self) -> None:
        time.sleep(PAUSE if self._is_worker() else 0)

    def _try_run_and_update_trial(self, trial: Any, *args: Any, **kwargs: Any) -> None:
        """Train a trial, unless its end had been written down before the search was killed, and report what came out.

        In place of keras-tuner's own, which prints a traceback for a trial that fails, and takes our mistakes for such.
        """
        self._outcomes.check_seen()
        outcome = self._outcomes.of(trial.trial_id) or self._train(trial)
        if outcome["figure"] is None:
            trial.status, trial.message = TrialStatus.FAILED, outcome["sentence"]
            return
        self.oracle.update_trial(trial.trial_id, {self._outcomes.objective: outcome["figure"]})
        trial.status = TrialStatus.COMPLETED

    def _train(self, trial: Any) -> dict[str, Any]:
        assert self._trainer is not None  # a chief runs no trials
        began = time.perf_counter()
        overrides: dict[str, Any] = {}
        try:
            overrides = self.hypermodel.build(trial.hyperparameters)
            self._say(f"trial {trial.trial_id}: {in_words(overrides)}")
            recipe = self._recipe.override(overrides)
            recipe = recipe.replace(epochs=trial.hyperparameters.values.get(EPOCHS, recipe.epochs))
            epochs = recipe.epochs
            found = self._trainer.train(recipe, self._outcomes.folder_of(trial.trial_id), self._outcomes.pretrained)
        except InputError as error:
            found, epochs = {"failed": str(error)}, None
        outcome = self._outcomes.record(
            trial.trial_id, overrides=overrides, epochs=epochs, found=found, seconds=time.perf_counter() - began
        )
        self._say(f"trial {trial.trial_id}: {self._outcomes.in_words(outcome)}, {outcome['seconds']:.0f} s")
        return outcome


def search(tuner: RecipeTuner) -> None:
    """Run the trials of a tuner, or give those of a chief to its workers, until there are no more.

    Raises:
        InputError: the chief does not answer.
    """
    with _notes_of_its_own():
        try:
            tuner.search()
        except grpc.RpcError as error:
            raise InputError(f"the chief at {address()} does not answer ({error.code().name.lower()})") from error


def serve(oracle: Any) -> None:
    """Give out the trials of an oracle to workers, until all have heard that there are no more.

    keras-tuner's own loop waits in steps of 20 seconds for that.

    Raises:
        InputError: the address is taken, or none of this machine.
    """
    with _notes_of_its_own():
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
            server.stop(FAREWELL).wait()


def address() -> str:
    """Return where the chief listens."""
    return f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}"


@contextmanager
def _notes_of_its_own():
    """Keep keras-tuner's deprecated calls of Python to itself."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"keras_tuner\.")
        yield
