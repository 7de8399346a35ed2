"""Two processes train together under `MultiWorkerStrategy`, which Keras still needs."""

from pathlib import Path

import numpy as np

from tests import processes
from tests.integration.distribute.cluster import started

WORKER = Path(__file__).parent / "worker.py"


def test_two_workers_equal_one_process_with_a_partial_last_batch(tmp_path):
    command = [WORKER, tmp_path, "auto"]
    processes.finished([*started(command, 2), *started(command, 1)])
    one, two, alone = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("0", "1", "alone"))
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name])
        np.testing.assert_allclose(value, alone[name], atol=1e-5)


def test_keras_fails_with_the_strategy_of_tensorflow(tmp_path):
    """Once this test fails, `MultiWorkerStrategy` can go."""
    workers = started([WORKER, tmp_path, "plain"], 2)
    assert processes.until(lambda: any(worker.poll() for worker in workers))
    for worker in workers:  # the other may wait for it forever
        worker.terminate()
    errors = [processes.ended(worker)[1] for worker in workers]
    assert any("PerReplica" in error for error in errors)  # that Keras passes to `reduce`
