"""Two processes train as one, through the strategy that stands in until Keras can do it by itself."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

WORKER = Path(__file__).parent / "worker.py"
ROOT = WORKER.parent.parent.parent


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def started(folder, kind, workers):
    """Start the workers of a cluster on this machine, each on one core."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(workers)]}
    processes = []
    for index in range(workers):
        config = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **(config if workers > 1 else {})}
        command = [sys.executable, str(WORKER), str(folder), kind]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    return processes


def test_two_workers_equal_one_process_with_a_partial_last_batch_too(tmp_path):
    processes = [*started(tmp_path, "auto", 2), *started(tmp_path, "auto", 1)]
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors[-2000:]
    one, two, alone = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("0", "1", "alone"))
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name])
        np.testing.assert_allclose(value, alone[name], atol=1e-5)


def test_keras_cannot_do_it_by_itself_yet(tmp_path):
    """The day that this fails, `MultiWorkerStrategy` can go."""
    processes = started(tmp_path, "plain", 2)
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert all(process.returncode != 0 for process in processes)
    assert any("PerReplica" in error for error in errors)  # which `reduce` is handed
