"""Who one is among the workers, and how they agree."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from cnnzoo.errors import InputError


@dataclasses.dataclass(frozen=True)
class Place:
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


def place_in(strategy: tf.distribute.Strategy) -> Place:
    """Return this process' place in a strategy.

    Example:
    >>> place_in(tf.distribute.get_strategy())
    Place(index=0, workers=1, replicas=1)
    """
    replicas, resolver = strategy.num_replicas_in_sync, strategy.cluster_resolver
    tasks = tasks_of(resolver)
    if len(tasks) < 2:
        return Place(0, 1, replicas)
    return Place(tasks.index((resolver.task_type, resolver.task_id)), len(tasks), replicas)


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
    place = place_in(strategy)
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


def _told(strategy: tf.distribute.Strategy, place: Place, text: str) -> str:
    """Return the chief's text on every worker: a sum to which the others, and further replicas, add zeros."""
    letters = list(text.encode()) if place.is_chief else []
    (length,) = _sum(strategy, place, [len(letters)])
    return bytes(_sum(strategy, place, letters or [0] * length)).decode()


def _sum(strategy: tf.distribute.Strategy, place: Place, numbers: list[int]) -> list[int]:
    def own() -> tf.Tensor:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.constant(numbers, "int32") * tf.cast(tf.equal(replica, 0), "int32")

    total = tf.function(lambda: strategy.reduce("SUM", strategy.run(own), axis=None), autograph=False)
    return total.get_concrete_function()().numpy().tolist()


LOST = re.compile(r"(?:Collective ops is aborted by|coordination|Connection reset|remote target)[^\n]*")


class WorkerLostError(InputError):
    """Another worker is gone."""


@contextmanager
def lost_workers_named(place: Place) -> Iterator[None]:
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
