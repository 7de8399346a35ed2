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


def start(command, **variables):
    """Start a Python process with further environment variables, such as the `TF_CONFIG` of a worker."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, *map(str, command)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def started(command, workers):
    """Start the workers of a cluster, all with the same command, or one process alone."""
    if workers == 1:
        return [start(command)]
    return [start(command, TF_CONFIG=config) for config in tf_configs(workers)]


def finished(processes, timeout=240):
    """Return what each process wrote to its streams, and refuse those that failed."""
    written = [process.communicate(timeout=timeout) for process in processes]
    for process, (_, errors) in zip(processes, written, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return written
