"""Making use of every core, every accelerator and every machine."""

from cnnzoo.distribute.cluster import Place, WorkerLostError, by_chief, lost_workers_named, place_in
from cnnzoo.distribute.slices import InSlices, in_slices, slices_for
from cnnzoo.distribute.strategies import MultiWorkerStrategy, among_workers, split_cpu, strategy

__all__ = [
    "InSlices",
    "MultiWorkerStrategy",
    "Place",
    "WorkerLostError",
    "among_workers",
    "by_chief",
    "in_slices",
    "lost_workers_named",
    "place_in",
    "slices_for",
    "split_cpu",
    "strategy",
]
