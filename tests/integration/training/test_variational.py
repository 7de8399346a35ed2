"""A variational run that is killed and resumed."""

import os
import signal

import numpy as np
import pytest

from cnnzoo.experiments.run import Run
from tests import processes
from tests.hold import hold

# The second checkpoint is written, and has not yet taken the place of the first.
SAVING = {"function": "pathlib:Path.replace", "about": "checkpoint.weights.h5", "call": 2}


def _train(folder, *arguments, **variables):
    command = ["-m", "cnnzoo", "train", "vae_digits", "--workdir", folder, *arguments, "--no-report"]
    return processes.start(command, **variables)


def _ended(process):
    processes.ended(process)
    return process.returncode


@pytest.mark.parametrize("option", [pytest.param("warmup=3", marks=pytest.mark.slow), "samples=3"])
def test_killed_and_resumed_it_ends_with_the_weights_of_an_undisturbed_run(option, tmp_path):
    """Pixels are drawn anew at each visit, codes in each step, and the divergence's weight rises over epochs."""
    options = ["--epochs", "3", "--set", f"model_options.{option}"]
    undisturbed, run = Run(tmp_path / "undisturbed"), Run(tmp_path / "run")
    assert _ended(_train(undisturbed.folder, *options)) == 0
    with hold(**SAVING) as held:
        process = _train(run.folder, *options, **held.environment)
        os.kill(held.wait(process), signal.SIGKILL)
        assert _ended(process) == -signal.SIGKILL
    assert run.history["epoch"] == [1, 2]
    assert _ended(_train(run.folder, "--resume")) == 0
    for one, two in zip(undisturbed.history_rows, run.history_rows, strict=True):
        assert {**one, "seconds": 0} == {**two, "seconds": 0}
    for one, two in zip(undisturbed.model().get_weights(), run.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert run.metrics["test"] == undisturbed.metrics["test"]
