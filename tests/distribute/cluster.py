"""A cluster on this machine, for the tests of several workers."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def tf_configs(workers):
    """Return the `TF_CONFIG` of each worker of a cluster on this machine."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(workers)]}
    return [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}) for index in range(workers)]


def start(command, tf_config=None, **options):
    """Start a Python process, as a worker if it gets a `TF_CONFIG`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **({"TF_CONFIG": tf_config} if tf_config else {})}
    command = [sys.executable, *map(str, command)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **streams, **options)


def started(command, workers):
    """Start the workers of a cluster, all with the same command, or one process alone."""
    return [start(command, config) for config in (tf_configs(workers) if workers > 1 else [None])]


def finished(processes, timeout=240):
    """Return what each process wrote to its streams, and refuse those that failed."""
    written = [process.communicate(timeout=timeout) for process in processes]
    for process, (_, errors) in zip(processes, written, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return written
