"""What keras-tuner has no public way for: the only module that touches what it does not export.

Each entry says why it is needed. Tried on keras-tuner 1.4.8; `tests/tuning/test_oracles.py` fails where one breaks.
"""

import json
import os
import time
import warnings
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial

from cnnzoo.errors import InputError, reason
from cnnzoo.files import write_json

PAUSE = 0.1  # seconds between two looks at whether there is a trial, or none anymore
GRACE = 5.0  # seconds for the last response of a chief


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
        """Write nothing: `save` writes all trials with the state. Keras-tuner would write a file for each trial."""

    def reload(self) -> None:
        """Load the state; trials that were running are given out again, with the same values.

        Raises:
            InputError: the file is damaged.
        """
        oracle: Any = self
        try:
            state = json.loads(self.file.read_text(encoding="utf-8"))
            oracle.trials = {trial["trial_id"]: Trial.from_state(trial) for trial in state["trials"]}
            running = [number for number in oracle.trials if number not in state["end_order"]]
            for number in running:  # without metrics that were reported before the end
                oracle.trials[number] = Trial(oracle.trials[number].hyperparameters, number)
            oracle.set_state({**state, "ongoing_trials": {}, "retry_queue": running[::-1]})  # its last one is the next
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{str(self.file)!r} is damaged: {reason(error)}") from error

    @keras_tuner.synchronized
    def end_trial(self, trial: Any) -> None:
        oracle: Any = self
        if trial.trial_id in oracle.end_order:  # by a worker that outlived its chief, and by the one that repeated it
            return
        state = oracle.get_state()
        if trial.trial_id in state["retry_queue"]:  # the worker has outlived the chief that gave it the trial
            others = [number for number in state["retry_queue"] if number != trial.trial_id]
            oracle.set_state({**state, "retry_queue": others})
        super().end_trial(trial)  # type: ignore[misc]


def reseed(oracle: Any, seed: list[int]) -> None:
    """Seed the generator of a `BayesianOptimizationOracle`, whose state keras-tuner does not save."""
    oracle._random_state = np.random.RandomState(seed)


def serve(oracle: Any) -> None:
    """Give the trials of an oracle to workers, until every worker knows that there are no more.

    keras-tuner's own chief, `BaseTuner.search`, looks for that every 20 seconds only, shares its port with another
    chief, and may end before its last response has left. So its service runs in a server of our own.

    Raises:
        InputError: the address is taken, or not one of this machine.
    """
    import grpc
    from keras_tuner.src.distribute import oracle_chief

    with suppress_deprecation_warnings():
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
        servicer = oracle_chief.OracleServicer(oracle)
        oracle_chief.protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
        try:
            server.add_insecure_port(address())
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
def suppress_deprecation_warnings() -> Iterator[None]:
    """Suppress the warnings about deprecated functions of Python that keras-tuner calls."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"keras_tuner\.")
        yield
