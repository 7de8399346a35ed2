"""A run that was killed resumes with the first layer that is missing."""

import os
import signal

from tests import processes
from tests.hold import hold
from tests.integration.pretraining.worker import KILLED_OPTIONS
from tests.pretraining.nets import changed, classifier, images, pretrained, values_of


def test_a_run_killed_in_layer_2_of_3_resumes_to_bit_equal_weights(tmp_path, capsys):
    with hold("cnnzoo.pretraining.run:Clock.on_epoch_end", call=4) as held:  # 2 of the first layer, 2 of the second
        command = ["-m", "tests.integration.pretraining.worker", "backup", tmp_path]
        process = processes.start(command, **held.environment)
        os.kill(held.wait(process), signal.SIGKILL)
        processes.ended(process)
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
