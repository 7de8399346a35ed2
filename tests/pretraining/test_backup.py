"""A run that was stopped goes on with the first layer that is missing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from cnnzoo import InputError
from tests.pretraining.nets import changed, classifier, images, pretrained, values_of
from tests.pretraining.worker import KILLED_OPTIONS

ROOT = Path(__file__).parent.parent.parent


def kill_during_layer_2(folder):
    command = [sys.executable, "-u", "-m", "tests.pretraining.worker", "backup", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch  3/40"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL


def test_killed_in_layer_2_of_3(tmp_path, capsys):
    kill_during_layer_2(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["stage-1-a.npz"]
    written = (tmp_path / "stage-1-a.npz").stat().st_mtime_ns

    undisturbed = classifier()
    expected = pretrained(undisturbed, images(), **KILLED_OPTIONS).history
    resumed = classifier()
    capsys.readouterr()
    found = pretrained(resumed, images(), backup=tmp_path, verbose=2, **KILLED_OPTIONS).history
    shown = capsys.readouterr().out
    assert "1 of 3" not in shown
    assert "2 of 3" in shown
    assert (tmp_path / "stage-1-a.npz").stat().st_mtime_ns == written
    assert {layer: each["loss"] for layer, each in found.items()} == {
        layer: each["loss"] for layer, each in expected.items()
    }
    assert not changed(values_of(undisturbed), values_of(resumed))


def test_everything_earned(tmp_path, capsys):
    options = {"epochs": 1, "backup": tmp_path}
    first = classifier((8, 6))
    history = pretrained(first, images(), **options).history

    loaded = classifier((8, 6))
    assert pretrained(loaded, images(), **options, verbose=2).history == history
    assert not changed(values_of(first), values_of(loaded))
    assert capsys.readouterr().out == ""

    loaded.fit(images(), np.zeros(300), verbose=0)  # restored further on: what is there is newer
    before = values_of(loaded)
    assert pretrained(loaded, images(), **options).history == history
    assert not changed(before, values_of(loaded))

    with pytest.raises(InputError, match=r"was made with epochs=\[1, 1\], not \[2, 2\]"):
        pretrained(classifier((8, 6)), images(), epochs=2, backup=tmp_path)
    with pytest.raises(InputError, match="was made with optimizer"):
        pretrained(classifier((8, 6)), images(), **options, optimizer=keras.optimizers.Adam(0.5))
    (tmp_path / "stage-2-b.npz").write_bytes(b"half of a file")
    with pytest.raises(InputError, match=r"stage-2-b.npz' cannot be read .*; delete it"):
        pretrained(classifier((8, 6)), images(), **options)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_weights_of_half_precision(precision, tmp_path):
    models = [classifier((8, 6), dtype=precision) for _ in range(2)]
    for model in models:
        pretrained(model, images(), epochs=1, backup=tmp_path, optimizer="sgd")
    assert models[1].get_layer("a").kernel.dtype == precision
    assert not changed(values_of(models[0]), values_of(models[1]))


def test_another_number_of_steps_is_another_configuration(tmp_path):
    """23 batches fit no whole executions of up to 4 steps: 21 of them do, in executions of 3."""
    pretrained(classifier((8,)), images(230), epochs=1, batch_size=10, backup=tmp_path)
    together = classifier((8,), steps_per_execution=4)
    with pytest.raises(InputError, match="was made with steps=23, not 21"):
        pretrained(together, images(230), epochs=1, batch_size=10, backup=tmp_path)
