"""A chief is killed while it writes each of its files: the folder stays readable, and the run resumes."""

import os
import signal

import h5py
import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.callbacks import Checkpoint
from cnnzoo.files import PART
from tests import processes
from tests.hold import hold
from tests.integration.distribute.test_training import PLAIN, SAVED, launched, recipe_file, rows

WRITING = PLAIN.replace(epochs=99, train_examples=32, batch_size=32, validation_split=0.0, name="writing")
MOVED = "pathlib:Path.replace"
CHECKPOINT, HISTORY = "checkpoint.weights.h5", "history.csv"
# Where the chief is killed in the second epoch of a process; the rows and epochs that are complete then; and whether a
# partial file is left.
POINTS = [
    ({"function": MOVED, "about": HISTORY, "call": 2}, 1, 1, True),
    ({"function": SAVED, "call": 2}, 2, 1, False),
    ({"function": "h5py:Group.__setitem__", "call": "in the middle"}, 2, 1, True),
    ({"function": MOVED, "about": CHECKPOINT, "call": 2}, 2, 1, True),
    ({"function": MOVED, "about": CHECKPOINT, "call": 2, "after": True}, 2, 2, False),
]


def values_in(file):
    """Return the number of data sets in a checkpoint, which are written one after the other."""
    names = []
    with h5py.File(file) as content:
        content.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return len(names)


@pytest.mark.slow
def test_a_chief_killed_while_it_writes_leaves_a_readable_run(tmp_path):
    file, run = recipe_file(WRITING, tmp_path), cnnzoo.Run(tmp_path / "run")
    epochs = 0
    for point, more_rows, more_epochs, part in POINTS:
        if point["call"] == "in the middle":
            point = {**point, "call": values_in(run.checkpoint_file) * 3 // 2}
        with hold(**point) as held:
            arguments = [file, "--workers", "2", "--workdir", run.folder, "--auto-resume"]
            process = launched(arguments, **held.environment)
            os.kill(held.wait(process), signal.SIGKILL)
            _, errors = processes.ended(process)
        assert "worker 0 was killed by signal 9" in errors
        assert any(run.folder.glob(f"{PART}*")) is part
        assert rows(run.folder) == epochs + more_rows
        model = cnnzoo.create(WRITING.model)
        schedule = keras.optimizers.schedules.CosineDecay(0.1, 1)
        model.compile(keras.optimizers.SGD(schedule, momentum=0.9), model.loss)  # what the recipe compiles with
        before, epochs = epochs, Checkpoint(run.checkpoint_file, model).restore()
        assert epochs == before + more_epochs
        assert run.recipe == WRITING
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
