"""Machines that are killed and resumed, and trained by two workers."""

import os
import signal
from pathlib import Path

import numpy as np

from tests import processes
from tests.hold import hold
from tests.integration.distribute.cluster import started
from tests.integration.pretraining.worker import KILLED_MACHINES
from tests.pretraining.nets import changed, classifier, images, pretrained, values_of

WORKER = Path(__file__).parent / "worker.py"


def test_a_run_killed_in_layer_2_of_3_resumes_to_bit_equal_machines(tmp_path):
    with hold("cnnzoo.pretraining.run:Clock.on_epoch_end", call=4) as held:  # 2 of the first layer, 2 of the second
        command = ["-m", "tests.integration.pretraining.worker", "machines", tmp_path]
        process = processes.start(command, **held.environment)
        os.kill(held.wait(process), signal.SIGKILL)
        processes.ended(process)
    assert [path.name for path in tmp_path.iterdir()] == ["stage-1-a.npz"]
    undisturbed, resumed = classifier(), classifier()
    expected = pretrained(undisturbed, images(), **KILLED_MACHINES)
    found = pretrained(resumed, images(), backup=tmp_path, **KILLED_MACHINES)
    assert not changed(values_of(undisturbed), values_of(resumed))
    for name, machine in expected.machines.items():
        assert machine.visible_bias.tobytes() == found.machines[name].visible_bias.tobytes()
        for monitor in ("loss", "pseudo_likelihood"):
            assert expected.history[name][monitor] == found.history[name][monitor]


def test_two_workers_equal_one_process(tmp_path):
    command = [WORKER, "workers", tmp_path]
    processes.finished([*started(command, 2), *started(command, 1)])
    one, two, alone = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("0", "1", "alone"))
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name])
        np.testing.assert_allclose(value, alone[name], atol=1e-4)
