"""Which workers there are, and which of them this process is, as its environment says."""

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from cnnzoo.errors import InputError

INDEX, HOSTS = "JOB_COMPLETION_INDEX", "CNNZOO_HOSTS"


def resolver() -> tf.distribute.cluster_resolver.ClusterResolver | None:
    """Return the cluster that the environment tells of, or `None`.

    Looked for, in this order: `TF_CONFIG`, which Kubeflow sets, too; Slurm's variables in a step of several tasks;
    `CNNZOO_HOSTS`, the workers' addresses as `host:port,host:port`, with the index that Kubernetes gives the pods of
    an indexed job as `JOB_COMPLETION_INDEX`.

    Raises:
        InputError: the environment names no such cluster, or no such task in it.
    """
    resolvers = tf.distribute.cluster_resolver
    if text := os.environ.get("TF_CONFIG"):
        check_tf_config(text)
        return resolvers.TFConfigClusterResolver()
    if "SLURM_STEP_NODELIST" in os.environ and _slurm_tasks() > 1:
        return _slurm()
    if text := os.environ.get(HOSTS):
        hosts, index = text.split(","), os.environ.get(INDEX, "")
        if not _addresses(hosts):
            raise InputError(f"{HOSTS} must name every worker as host:port,host:port, not {text!r}")
        if not index.isdecimal() or int(index) >= len(hosts):
            raise InputError(f"{INDEX} must be from 0 to {len(hosts) - 1}, one for each of {HOSTS}, not {index!r}")
        return _simple({"worker": hosts}, int(index))
    return None


def _simple(cluster: dict[str, list[str]], index: int) -> tf.distribute.cluster_resolver.ClusterResolver:
    gpus = len(tf.config.list_physical_devices("GPU"))
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(cluster),
        task_type="worker",
        task_id=index,
        num_accelerators={"GPU": gpus} if gpus else {},
        rpc_layer="grpc",
    )


def _slurm() -> tf.distribute.cluster_resolver.ClusterResolver:
    kind = tf.distribute.cluster_resolver.SlurmClusterResolver
    if shutil.which("nvidia-smi"):
        return kind()
    # It knows no machines without GPUs, and divides by their number: names and addresses are right all the same.
    found = kind(gpus_per_node=_slurm_tasks(), gpus_per_task=1, auto_set_gpu=False)
    return _simple(found.cluster_spec().as_dict(), found.get_task_info()[1])


def is_told_of() -> bool:
    """Return whether the environment tells of several workers, without asking whether that can be."""
    several = "SLURM_STEP_NODELIST" in os.environ and _slurm_tasks() > 1
    return several or bool(os.environ.get("TF_CONFIG") or os.environ.get(HOSTS))


def _slurm_tasks() -> int:
    return int(os.environ.get("SLURM_STEP_NUM_TASKS") or os.environ.get("SLURM_NTASKS") or 1)


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
    if "ps" in cluster:
        raise InputError("TF_CONFIG has parameter servers ('ps'), with which Keras 3 does not train; leave them out")
    if set(cluster) - {"worker", "chief"}:
        raise InputError(f"the cluster in TF_CONFIG has {', '.join(cluster)}; Keras 3 trains with workers alone")
    task = config.get("task")
    kind, index = (task.get("type"), task.get("index")) if isinstance(task, Mapping) else (None, None)
    if kind not in cluster or type(index) is not int or not 0 <= index < len(cluster[kind]):
        tasks = ", ".join(f"{name} 0 to {len(hosts) - 1}" for name, hosts in cluster.items())
        raise InputError(f"the task in TF_CONFIG is {kind} {index}; its cluster has {tasks}")


def _addresses(hosts: object) -> bool:
    return (
        isinstance(hosts, list) and bool(hosts) and all(isinstance(host, str) and _is_address(host) for host in hosts)
    )


def _is_address(text: object) -> bool:
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    return bool(host) and port.isdecimal() and 0 < int(port) < 2**16


@dataclasses.dataclass(frozen=True)
class WorkerInfo:
    """A process' place among the workers.

    Attributes:
        index: its number, from 0.
        workers: how many there are.
        replicas: how many replicas of the model train, on all of them.
    """

    index: int
    workers: int
    replicas: int

    @property
    def is_chief(self) -> bool:
        """Whether it writes the files: one does for all."""
        return self.index == 0

    def __str__(self) -> str:
        return f"worker {self.index} of {self.workers}"


def tasks_of(resolver: Any) -> list[tuple[str, int]]:
    """Return kind and index of every worker of a cluster, the chief's first."""
    cluster = resolver.cluster_spec().as_dict() if resolver else {}
    return [(kind, index) for kind in ("chief", "worker") for index in range(len(cluster.get(kind, ())))]


def worker_info(strategy: tf.distribute.Strategy) -> WorkerInfo:
    """Return this process' place in a strategy.

    Example:
    >>> worker_info(tf.distribute.get_strategy())
    WorkerInfo(index=0, workers=1, replicas=1)
    """
    replicas, resolver = strategy.num_replicas_in_sync, strategy.cluster_resolver
    tasks = tasks_of(resolver)
    if len(tasks) < 2:
        return WorkerInfo(0, 1, replicas)
    return WorkerInfo(tasks.index((resolver.task_type, resolver.task_id)), len(tasks), replicas)


def by_chief(strategy: tf.distribute.Strategy, work: Callable[[], Any]) -> Any:
    """Let the chief do something, and return on every worker what came out; the others wait for it.

    Args:
        strategy: the strategy, whose workers all call this.
        work: what only the chief does; returns what JSON can hold.

    Raises:
        InputError: what the chief raised, on every worker.

    Example:
    >>> by_chief(tf.distribute.get_strategy(), lambda: "runs/1")
    'runs/1'
    """
    place = worker_info(strategy)
    if place.workers == 1:
        return work()
    answer: dict[str, Any] = {}
    if place.is_chief:
        try:
            answer = {"value": work()}
        except InputError as error:
            answer = {"error": str(error)}
    answer = json.loads(_told(strategy, place, json.dumps(answer)))
    if "error" in answer:
        raise InputError(answer["error"])
    return answer["value"]


def _told(strategy: tf.distribute.Strategy, place: WorkerInfo, text: str) -> str:
    """Return the chief's text on every worker: a sum to which the others, and further replicas, add zeros."""
    letters = list(text.encode()) if place.is_chief else []
    (length,) = _sum(strategy, place, [len(letters)])
    return bytes(_sum(strategy, place, letters or [0] * length)).decode()


def _sum(strategy: tf.distribute.Strategy, place: WorkerInfo, numbers: list[int]) -> list[int]:
    def own() -> tf.Tensor:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.constant(numbers, "int32") * tf.cast(tf.equal(replica, 0), "int32")

    total = tf.function(lambda: strategy.reduce("SUM", strategy.run(own), axis=None), autograph=False)
    return total.get_concrete_function()().numpy().tolist()


LOST = re.compile(r"(?:Collective ops is aborted by|coordination|Connection reset|remote target)[^\n]*")


class WorkerLostError(InputError):
    """Another worker is gone."""


@contextmanager
def lost_workers_named(place: WorkerInfo) -> Iterator[None]:
    """Say in a sentence that another worker is gone, where TensorFlow says which of its operations failed.

    Raises:
        WorkerLostError: a worker died, or was out of reach, while it was needed in the block.
    """
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(
            r"(Collective ops is aborted by|coordination|Connection reset|remote target)[^\n]*", str(error)
        )
        if place.workers == 1 or not found:
            raise
        raise WorkerLostError(
            f"{place} stops, since another worker is gone ({found[0].rstrip('. ')}); "
            "start all workers again with --resume, and the run goes on after its last whole epoch"
        ) from error
