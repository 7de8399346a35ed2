"""Where a recipe trains: on one device, on several of one machine, or on several machines."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from cnnzoo.distribute import cluster
from cnnzoo.distribute.cluster import tasks_of, worker_info
from cnnzoo.distribute.rendezvous import PATIENCE, meet
from cnnzoo.errors import InputError, unknown


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """`tf.distribute.MultiWorkerMirroredStrategy`, with a `reduce` that takes what Keras 3 hands it.

    Keras hands it structures, where TensorFlow takes a single value, and asks for the first axis of scalars to
    be reduced, which have none: `fit` fails (keras-team/keras issue 20585).
    `tests/integration/distribute/test_multi_worker.py` fails on the day that it does not any more; then this class
    can go.
    """

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """Reduce every value of a structure over the replicas; scalars over nothing else."""
        if isinstance(value, dict):
            return {name: self.reduce(reduce_op, each, axis) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.reduce(reduce_op, each, axis) for each in value)
        local = tf.convert_to_tensor(self.experimental_local_results(value)[0])
        return super().reduce(reduce_op, value, axis=None if len(local.shape) == 0 else axis)


def among_workers(
    strategy: tf.distribute.Strategy, make: Callable[[int, int], tf.data.Dataset], batch_size: int
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Return what `fit` takes, of which every worker reads and augments its own part of each batch alone.

    Keras would let `tf.distribute` shard the dataset, where every worker makes all batches whole and throws most
    of each away. On one machine the dataset is returned as it is, and Keras cuts its batches among the replicas.

    Args:
        strategy: the strategy to train under.
        make: returns a worker's dataset, from its index and the number of workers; its batches have
            `batch_size // workers` examples.
        batch_size: examples in a global batch, divisible by the number of replicas.
    """
    place = worker_info(strategy)
    if place.workers == 1:
        return make(0, 1)
    own = make(place.index, place.workers)
    each = batch_size // place.replicas
    return strategy.distribute_datasets_from_function(lambda context: own.rebatch(each, drop_remainder=True))


KINDS = ("auto", "default", "mirrored", "multi_worker")


def strategy(
    kind: str | tf.distribute.Strategy = "auto", *, devices: int | None = None, wait: float = PATIENCE
) -> tf.distribute.Strategy:
    """Return the strategy of `tf.distribute` to train under, made anew.

    Make the model and compile it within its `scope()`; batches are the global ones, cut among the replicas.

    Args:
        kind: `"auto"` for several machines where `TF_CONFIG`, Slurm or Kubernetes tell of them (see
            `cluster.resolver`), else for all GPUs where there are several, else for the one device. `"default"`,
            `"mirrored"` or `"multi_worker"` ask for one of them. A strategy is returned as it is.
        devices: number of replicas on this machine for `"mirrored"`, of its GPUs, or of its CPUs where it has no GPU;
            default all.
        wait: seconds to wait for the other workers at most; > 0.

    Raises:
        InputError: no such strategy, fewer devices than asked for, a cluster that cannot be, or a worker that does not
            come.

    Example:
    >>> strategy("default").num_replicas_in_sync
    1
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"strategies are for Keras' TensorFlow backend, not {keras.backend.backend()!r}")
    if isinstance(kind, tf.distribute.Strategy):
        if devices is not None:
            raise InputError(f"a strategy has its devices; leave out devices={devices!r}")
        return kind
    if kind in ("parameter_server", "parameterserver"):
        raise InputError("Keras 3 does not train with parameter servers; use 'multi_worker', or 'auto'")
    if kind not in KINDS:
        raise unknown("strategy", kind, KINDS, plural="strategies")
    if not (isinstance(wait, int | float) and 0 < wait < float("inf")):
        raise InputError(f"wait must be a positive number of seconds, not {wait!r}")
    if kind == "auto":
        kind = _found(devices)
    if kind == "mirrored":
        return tf.distribute.MirroredStrategy(_devices(devices))
    if devices is not None and not (kind == "default" and devices == 1):
        raise InputError(f"devices={devices!r} is for the strategy 'mirrored', not for {kind!r}")
    return _multi_worker(wait) if kind == "multi_worker" else tf.distribute.get_strategy()


def split_cpu(count: int) -> None:
    """Make several devices of the CPU, and hide the GPUs, to try out what several devices do on any machine.

    Args:
        count: number of devices; ≥ 1.

    Raises:
        InputError: no such number, or TensorFlow has started, after which devices stay as they are.
    """
    if type(count) is not int or count < 1:
        raise InputError(f"a CPU is split into at least 1 device, not {count!r}")
    try:
        tf.config.set_visible_devices([], "GPU")
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        raise InputError("the CPU can be split only before TensorFlow's first operation") from error


def _found(devices: int | None) -> str:
    if cluster.is_told_of():
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


def _multi_worker(wait: float) -> tf.distribute.Strategy:
    resolver = cluster.resolver()
    if resolver is None:
        raise InputError(
            "strategy 'multi_worker' needs TF_CONFIG in the environment, a Slurm step of several tasks, or "
            f"{cluster.HOSTS} with {cluster.INDEX}"
        )
    addresses, tasks = resolver.cluster_spec().as_dict(), tasks_of(resolver)
    meet([addresses[kind][index] for kind, index in tasks], tasks.index((resolver.task_type, resolver.task_id)), wait)
    return MultiWorkerStrategy(cluster_resolver=resolver)
