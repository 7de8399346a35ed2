"""Where a recipe trains: on one device, on several of one machine, or on several machines."""

import json
import os
from collections.abc import Mapping

import keras
import tensorflow as tf

from cnnzoo.distribute.multi_worker import MultiWorkerStrategy
from cnnzoo.errors import InputError, unknown

KINDS = ("auto", "default", "mirrored", "multi_worker")


def strategy(kind: str = "auto", *, devices: int | None = None) -> tf.distribute.Strategy:
    """Return the strategy of `tf.distribute` to train under, made anew.

    Make the model and compile it within its `scope()`; batches are the global ones, cut among the replicas.

    Args:
        kind: `"auto"` for several machines where `TF_CONFIG` or Slurm tells of them, else for all GPUs where there
            are several, else for the one device. `"default"`, `"mirrored"` or `"multi_worker"` ask for one of them.
        devices: number of replicas on this machine for `"mirrored"`, of its GPUs, or of its CPUs where it has no GPU;
            default all.

    Raises:
        InputError: no such strategy, fewer devices than asked for, or a `TF_CONFIG` that cannot be.

    Example:
    >>> strategy("default").num_replicas_in_sync
    1
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"strategies are for Keras' TensorFlow backend, not {keras.backend.backend()!r}")
    if kind in ("parameter_server", "parameterserver"):
        raise InputError("Keras 3 does not train with parameter servers; use 'multi_worker', or 'auto'")
    if kind not in KINDS:
        raise unknown("strategy", kind, KINDS, plural="strategies")
    if kind == "auto":
        kind = _found(devices)
    if kind == "multi_worker":
        return _multi_worker()
    if kind == "mirrored":
        return tf.distribute.MirroredStrategy(_devices(devices))
    if devices not in (None, 1):
        raise InputError(f"strategy 'default' has one device; devices={devices} is for 'mirrored'")
    return tf.distribute.get_strategy()


def _found(devices: int | None) -> str:
    if os.environ.get("TF_CONFIG") or _slurm_tasks() > 1:
        return "multi_worker"
    several = devices is not None and devices > 1
    # Physical ones: to ask for logical ones starts TensorFlow, and then its threads cannot be set for slices.
    return "mirrored" if several or len(tf.config.list_physical_devices("GPU")) > 1 else "default"


def _devices(count: int | None) -> list[str]:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if count is None:
        return names
    if type(count) is not int or not 1 <= count <= len(names):
        raise InputError(f"devices must be from 1 to the {len(names)} {kind}s of this machine, not {count!r}")
    return names[:count]


def _multi_worker() -> tf.distribute.Strategy:
    if "TF_CONFIG" in os.environ:
        check_tf_config(os.environ["TF_CONFIG"])
        return MultiWorkerStrategy()
    if _slurm_tasks() > 1:
        return MultiWorkerStrategy(cluster_resolver=tf.distribute.cluster_resolver.SlurmClusterResolver())
    raise InputError("strategy 'multi_worker' needs TF_CONFIG in the environment, or a Slurm job of several tasks")


def _slurm_tasks() -> int:
    return int(os.environ.get("SLURM_NTASKS", "1")) if "SLURM_STEP_NODELIST" in os.environ else 1


def check_tf_config(text: str) -> None:
    """Refuse what TensorFlow would fail on, or wait for without end.

    Args:
        text: what `TF_CONFIG` holds, such as
            `{"cluster": {"worker": ["a:1234", "b:1234"]}, "task": {"type": "worker", "index": 0}}`.

    Raises:
        InputError: it is no JSON, or it names no such task.

    Example:
    >>> check_tf_config('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}')
    """
    try:
        config = json.loads(text)
    except ValueError as error:
        raise InputError(f"TF_CONFIG is not JSON ({error}): {text!r}") from error
    cluster = config.get("cluster") if isinstance(config, Mapping) else None
    if not isinstance(cluster, Mapping) or not all(_addresses(hosts) for hosts in cluster.values()) or not cluster:
        raise InputError(
            'TF_CONFIG must name its cluster as {"cluster": {"worker": ["host:port", …]}, "task": {…}}, '
            f"not {text!r}"
        )
    if set(cluster) - {"worker", "chief", "evaluator"}:
        raise InputError(f"the cluster in TF_CONFIG has {', '.join(cluster)}; Keras 3 trains with workers alone")
    task = config.get("task")
    kind, index = (task.get("type"), task.get("index")) if isinstance(task, Mapping) else (None, None)
    if kind not in cluster or type(index) is not int or not 0 <= index < len(cluster[kind]):
        tasks = ", ".join(f"{name} 0 to {len(hosts) - 1}" for name, hosts in cluster.items())
        raise InputError(f"the task in TF_CONFIG is {kind} {index}; its cluster has {tasks}")


def _addresses(hosts: object) -> bool:
    return isinstance(hosts, list) and bool(hosts) and all(isinstance(host, str) and ":" in host for host in hosts)
