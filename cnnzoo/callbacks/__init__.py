"""Keras callbacks: progress, history and checkpoints of a run, its random state, and checks that warn or stop."""

from cnnzoo.callbacks.checkpoint import Checkpoint
from cnnzoo.callbacks.dead_start import DeadStart
from cnnzoo.callbacks.epoch_randomness import EpochRandomness
from cnnzoo.callbacks.history_file import HistoryFile
from cnnzoo.callbacks.kept_epochs import KeptEpochs
from cnnzoo.callbacks.progress import Progress, progress_style
from cnnzoo.callbacks.stop_on_nan import DivergedError, StopOnNaN

__all__ = [
    "Checkpoint",
    "DeadStart",
    "DivergedError",
    "EpochRandomness",
    "HistoryFile",
    "KeptEpochs",
    "Progress",
    "StopOnNaN",
    "progress_style",
]
