"""Training on every core, every accelerator and every machine."""

from cnnzoo.distribute.cluster import WorkerInfo, WorkerLostError, by_chief, lost_workers_named, worker_info
from cnnzoo.distribute.shards import batch_shards_for, configure_threads, set_batch_shards
from cnnzoo.distribute.strategies import MultiWorkerStrategy, among_workers, split_cpu, strategy

__all__ = [
    "MultiWorkerStrategy",
    "WorkerInfo",
    "WorkerLostError",
    "among_workers",
    "batch_shards_for",
    "by_chief",
    "configure_threads",
    "lost_workers_named",
    "set_batch_shards",
    "split_cpu",
    "strategy",
    "worker_info",
]
