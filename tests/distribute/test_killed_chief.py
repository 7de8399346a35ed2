"""The chief dies while it writes its checkpoint, again and again: the folder stays whole, and the run goes on."""

import os
import signal
import time

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import Recipe
from cnnzoo.callbacks import Checkpoint
from cnnzoo.files import PART
from tests.distribute.test_training import PLAIN, launched, recipe_file, rows, wait_for_rows, workers_of

TIMES = 20
# Epochs of one step each: most of the time goes into writing.
WRITING = PLAIN.replace(epochs=100_000, examples=32, batch_size=32, validation=0.0, name="writing")


@pytest.mark.slow
def test_a_chief_killed_at_any_moment_leaves_a_readable_run(tmp_path):
    rng = np.random.default_rng(0)
    file, folder = recipe_file(WRITING, tmp_path), tmp_path / "run"
    epochs, in_the_midst = 0, 0
    for _ in range(TIMES):
        process = launched([file, "--workers", "2", "--workdir", folder, "--resume-or-begin"])
        wait_for_rows(folder, epochs + 2, process)
        time.sleep(rng.uniform(0, 0.3))
        os.kill(workers_of(process)[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert "worker 0 was killed by signal 9" in errors
        in_the_midst += any(folder.glob(f"{PART}*"))
        model = cnnzoo.create(WRITING.model)
        schedule = keras.optimizers.schedules.CosineDecay(0.1, 1)
        model.compile(keras.optimizers.SGD(schedule, momentum=0.9), model.loss)  # what the recipe compiles with
        checkpoint = Checkpoint(cnnzoo.Run(folder).checkpoint_file, model)
        before, epochs = epochs, checkpoint.restore()
        assert before < epochs <= rows(folder) <= epochs + 1
        assert Recipe.from_dict(cnnzoo.Run(folder).recipe) == WRITING
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert in_the_midst > 0  # else this has tried nothing
