"""Strategies of `tf.distribute` for one device, several devices of one machine, and several machines."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from cnnzoo.checks import choice, integer, number
from cnnzoo.distribute import cluster
from cnnzoo.distribute.cluster import tasks_of, worker_info
from cnnzoo.distribute.rendezvous import WORKER_TIMEOUT, wait_for_workers
from cnnzoo.errors import InputError
from cnnzoo.runtime import require_tensorflow


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """`tf.distribute.MultiWorkerMirroredStrategy`, with a `reduce` that accepts the values that Keras 3 passes to it.

    Keras passes structures, where TensorFlow accepts a single value, and reduces the first axis of scalars, which have
    none: `fit` fails (keras-team/keras issue 20585). `tests/integration/distribute/test_multi_worker.py` fails once
    Keras does not need this class anymore.
    """

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """Reduce every value of a structure over the replicas; scalars over no axis."""
        if isinstance(value, dict):
            return {name: self.reduce(reduce_op, each, axis) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.reduce(reduce_op, each, axis) for each in value)
        local = tf.convert_to_tensor(self.experimental_local_results(value)[0])
        return super().reduce(reduce_op, value, axis=None if len(local.shape) == 0 else axis)


def among_workers(
    strategy: tf.distribute.Strategy, make: Callable[[int, int], tf.data.Dataset], batch_size: int
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Return a dataset for `fit`, of which every worker reads and augments only its own part of each batch.

    Keras would let `tf.distribute` shard the dataset, where every worker makes complete batches and drops most
    of each. On one machine the dataset is returned as it is, and Keras splits its batches among the replicas.

    Args:
        strategy: the strategy to train under.
        make: returns a worker's dataset, from its index and the number of workers; its batches have
            `batch_size // workers` examples.
        batch_size: examples in a global batch, divisible by the number of replicas.
    """
    worker = worker_info(strategy)
    if worker.workers == 1:
        return make(0, 1)
    dataset = make(worker.index, worker.workers)
    per_replica = batch_size // worker.replicas
    return strategy.distribute_datasets_from_function(lambda _: dataset.rebatch(per_replica, drop_remainder=True))


KINDS = ("auto", "default", "mirrored", "multi_worker")


def strategy(
    kind: str | tf.distribute.Strategy = "auto", *, devices: int | None = None, worker_timeout: float = WORKER_TIMEOUT
) -> tf.distribute.Strategy:
    """Return a new strategy of `tf.distribute` to train under.

    Make the model and compile it within its `scope()`; batches are the global ones, split among the replicas.

    Args:
        kind: `"auto"` for several machines where `TF_CONFIG`, Slurm or Kubernetes configure a cluster (see
            `cluster.resolver`), else for all GPUs where there are several, else for the one device. `"default"`,
            `"mirrored"` and `"multi_worker"` choose one of these. A strategy is returned as it is.
        devices: number of replicas on this machine for `"mirrored"`, on its GPUs, or on its CPUs where it has no GPU;
            default all.
        worker_timeout: seconds to wait for the other workers; > 0.

    Raises:
        InputError: an unknown strategy, more devices than there are, an invalid cluster configuration, or a worker that
            does not start in time.

    Example:
    >>> strategy("default").num_replicas_in_sync
    1
    """
    require_tensorflow("training by recipes and strategies of tf.distribute")
    if isinstance(kind, tf.distribute.Strategy):
        if devices is not None:
            raise InputError(f"a strategy has its devices; leave out devices={devices!r}")
        return kind
    if kind in ("parameter_server", "parameterserver"):
        raise InputError("Keras 3 does not train with parameter servers; use 'multi_worker', or 'auto'")
    choice("strategy", kind, KINDS, plural="strategies")
    number("worker_timeout", worker_timeout, above=0, unit="seconds")
    if kind == "auto":
        kind = _auto_kind(devices)
    if kind == "mirrored":
        return tf.distribute.MirroredStrategy(_devices(devices))
    if devices is not None and not (kind == "default" and devices == 1):
        raise InputError(f"devices={devices!r} is for the strategy 'mirrored', not for {kind!r}")
    return _multi_worker(worker_timeout) if kind == "multi_worker" else tf.distribute.get_strategy()


def split_cpu(logical_cpus: int) -> None:
    """Split the CPU into several logical devices, and hide the GPUs, to try several devices on any machine.

    Args:
        logical_cpus: number of logical devices; ≥ 1.

    Raises:
        InputError: no positive integer, or TensorFlow has started, which fixes the devices.
    """
    integer("logical_cpus", logical_cpus)
    try:
        tf.config.set_visible_devices([], "GPU")
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * logical_cpus)
    except RuntimeError as error:
        raise InputError("the CPU can be split only before TensorFlow's first operation") from error


def _auto_kind(devices: int | None) -> str:
    if cluster.is_configured():
        return "multi_worker"
    several = devices is not None and devices > 1
    # Physical devices: listing logical ones starts TensorFlow, after which its threads cannot be set for shards.
    return "mirrored" if several or len(tf.config.list_physical_devices("GPU")) > 1 else "default"


def _devices(count: int | None) -> list[str]:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    most = len(names)
    return names if count is None else names[: integer("devices", count, most=most, of=f"the {kind}s of this machine")]


def _multi_worker(worker_timeout: float) -> tf.distribute.Strategy:
    resolver = cluster.resolver()
    if resolver is None:
        raise InputError(
            "strategy 'multi_worker' needs TF_CONFIG in the environment, a Slurm step of several tasks, or "
            f"{cluster.HOSTS} with {cluster.INDEX}"
        )
    hosts, tasks = resolver.cluster_spec().as_dict(), tasks_of(resolver)
    addresses = [hosts[kind][index] for kind, index in tasks]
    wait_for_workers(addresses, tasks.index((resolver.task_type, resolver.task_id)), worker_timeout)
    return MultiWorkerStrategy(cluster_resolver=resolver)
