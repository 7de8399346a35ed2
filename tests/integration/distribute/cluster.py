"""A cluster on this machine, for the tests of several workers."""

import json

from tests.processes import free_ports, start


def tf_configs(workers):
    """Return the `TF_CONFIG` of each worker of a cluster on this machine."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(workers)]}
    return [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}) for index in range(workers)]


def started(command, workers):
    """Start the workers of a cluster, all with the same command, or one process alone."""
    if workers == 1:
        return [start(command)]
    return [start(command, TF_CONFIG=config) for config in tf_configs(workers)]
