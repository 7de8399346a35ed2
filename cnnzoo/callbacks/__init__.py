"""Keras callbacks: what a run writes down, and when it stops."""

from cnnzoo.callbacks.checkpoint import Checkpoint
from cnnzoo.callbacks.dead_start import DeadStart
from cnnzoo.callbacks.epoch_randomness import EpochRandomness
from cnnzoo.callbacks.history_file import HistoryFile
from cnnzoo.callbacks.stop_on_nan import DivergedError, StopOnNaN

__all__ = ["Checkpoint", "DeadStart", "DivergedError", "EpochRandomness", "HistoryFile", "StopOnNaN"]
