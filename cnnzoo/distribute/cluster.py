"""The cluster of workers that the environment configures, and this process' part in it."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from cnnzoo.checks import refusal
from cnnzoo.errors import ChangedDataError, InputError, WriteError
from cnnzoo.tensorflow_errors import lost_worker

INDEX, HOSTS = "JOB_COMPLETION_INDEX", "CNNZOO_HOSTS"


def resolver() -> tf.distribute.cluster_resolver.ClusterResolver | None:
    """Return the resolver of the cluster that the environment configures, or `None`.

    The configuration is taken from the first of these that is set: `TF_CONFIG`, which Kubeflow sets, too; Slurm's
    variables in a step of several tasks; `CNNZOO_HOSTS`, the workers' addresses as `host:port,host:port`, with
    `JOB_COMPLETION_INDEX`, the index that Kubernetes gives each pod of an indexed job.

    Raises:
        InputError: the configuration names no valid cluster, or no task of it.
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
            raise refusal(HOSTS, "the address of every worker, as host:port,host:port", text)
        if not index.isdecimal() or int(index) >= len(hosts):
            raise refusal(INDEX, f"an integer from 0 to {len(hosts) - 1}, one for each of {HOSTS}", index)
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
    resolver_class = tf.distribute.cluster_resolver.SlurmClusterResolver
    if shutil.which("nvidia-smi"):
        return resolver_class()
    # It divides by the number of GPUs: with one per task, names and addresses are right on machines without any.
    slurm = resolver_class(gpus_per_node=_slurm_tasks(), gpus_per_task=1, auto_set_gpu=False)
    return _simple(slurm.cluster_spec().as_dict(), slurm.get_task_info()[1])


def is_configured() -> bool:
    """Return whether the environment configures several workers; the configuration may still be invalid."""
    several = "SLURM_STEP_NODELIST" in os.environ and _slurm_tasks() > 1
    return several or bool(os.environ.get("TF_CONFIG") or os.environ.get(HOSTS))


def _slurm_tasks() -> int:
    return int(os.environ.get("SLURM_STEP_NUM_TASKS") or os.environ.get("SLURM_NTASKS") or 1)


def check_tf_config(text: str) -> None:
    """Check a cluster configuration on which TensorFlow would fail, or wait forever.

    Args:
        text: the value of `TF_CONFIG`, such as
            `{"cluster": {"worker": ["a:1234", "b:1234"]}, "task": {"type": "worker", "index": 0}}`.

    Raises:
        InputError: it is not JSON, or names no valid cluster, or no task of it.

    Example:
    >>> check_tf_config('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}')
    """
    try:
        config = json.loads(text)
    except ValueError as error:
        raise InputError(f"TF_CONFIG is not JSON ({error}): {text!r}") from error
    cluster = config.get("cluster") if isinstance(config, Mapping) else None
    if not isinstance(cluster, Mapping) or not all(_addresses(hosts) for hosts in cluster.values()) or not cluster:
        raise refusal("TF_CONFIG", 'of the form {"cluster": {"worker": ["host:port", …]}, "task": {…}}', text)
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
    return isinstance(hosts, list) and bool(hosts) and all(map(_is_address, hosts))


def _is_address(text: object) -> bool:
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    return bool(host) and port.isdecimal() and 0 < int(port) < 2**16


@dataclasses.dataclass(frozen=True)
class WorkerInfo:
    """Which worker of a cluster a process is.

    Attributes:
        index: the index of the worker, from 0.
        workers: number of workers.
        replicas: number of replicas of the model, on all workers.
    """

    index: int
    workers: int
    replicas: int

    @property
    def is_chief(self) -> bool:
        """Whether this worker is the chief, which alone writes files."""
        return self.index == 0

    def __str__(self) -> str:
        return f"worker {self.index} of {self.workers}"


def tasks_of(resolver: Any) -> list[tuple[str, int]]:
    """Return task type and index of every worker of a cluster, the chief first."""
    cluster = resolver.cluster_spec().as_dict() if resolver else {}
    return [(kind, index) for kind in ("chief", "worker") for index in range(len(cluster.get(kind, ())))]


def worker_info(strategy: tf.distribute.Strategy) -> WorkerInfo:
    """Return which worker of a strategy's cluster this process is.

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
    """Call a function on the chief alone, and return its result on every worker; the others wait for it.

    Args:
        strategy: the strategy; all its workers call `by_chief`.
        work: the function; its result must be JSON serializable.

    Raises:
        InputError: the error that the chief raised, on every worker.

    Example:
    >>> by_chief(tf.distribute.get_strategy(), lambda: "runs/1")
    'runs/1'
    """
    worker = worker_info(strategy)
    if worker.workers == 1:
        return work()
    result: dict[str, Any] = {}
    if worker.is_chief:
        try:
            result = {"value": work()}
        except InputError as error:
            result = {"error": str(error), "kind": type(error).__name__}
    result = json.loads(_broadcast(strategy, worker, json.dumps(result)))
    if "error" in result:
        kinds = {kind.__name__: kind for kind in (WriteError, ChangedDataError)}
        raise kinds.get(result["kind"], InputError)(result["error"])
    return result["value"]


def _broadcast(strategy: tf.distribute.Strategy, worker: WorkerInfo, text: str) -> str:
    """Return the chief's text on every worker: a sum to which all other replicas add zeros."""
    letters = list(text.encode()) if worker.is_chief else []
    (length,) = _sum(strategy, [len(letters)])
    return bytes(_sum(strategy, letters or [0] * length)).decode()


def _sum(strategy: tf.distribute.Strategy, numbers: list[int]) -> list[int]:
    def own() -> tf.Tensor:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.constant(numbers, "int32") * tf.cast(tf.equal(replica, 0), "int32")

    total = tf.function(lambda: strategy.reduce("SUM", strategy.run(own), axis=None), autograph=False)
    return total.get_concrete_function()().numpy().tolist()


class WorkerLostError(InputError):
    """Another worker does not run anymore."""

    exit_code = 1


@contextmanager
def lost_workers_named(worker: WorkerInfo) -> Iterator[None]:
    """Raise an error that says that another worker is lost, where TensorFlow names the operation that failed.

    Args:
        worker: which worker this process is.

    Raises:
        WorkerLostError: a worker died, or could not be reached, while the block needed it.
    """
    try:
        yield
    except tf.errors.OpError as error:
        lost = lost_worker(error)
        if worker.workers == 1 or lost is None:
            raise
        raise WorkerLostError(
            f"{worker} stops, since another worker is gone ({lost}); "
            "start all workers again with --resume, and the run resumes after its last complete epoch"
        ) from error
