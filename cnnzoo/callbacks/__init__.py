"""Keras callbacks: what a run shows and writes down, and when it stops."""

from cnnzoo.callbacks.checkpoint import Checkpoint
from cnnzoo.callbacks.dead_start import DeadStart
from cnnzoo.callbacks.epoch_randomness import EpochRandomness
from cnnzoo.callbacks.history_file import HistoryFile
from cnnzoo.callbacks.progress import Progress, style_of
from cnnzoo.callbacks.stop_on_nan import DivergedError, StopOnNaN

__all__ = [
    "Checkpoint",
    "DeadStart",
    "DivergedError",
    "EpochRandomness",
    "HistoryFile",
    "Progress",
    "StopOnNaN",
    "style_of",
]
