"""A CSV file with one row per epoch, for resumed runs, too."""

import csv
import time
from pathlib import Path

import keras

from cnnzoo.errors import InputError
from cnnzoo.files import atomic_write


class HistoryFile(keras.callbacks.Callback):
    """Write metrics, learning rate and seconds of every epoch, counted from 1, to a CSV file.

    Each epoch rewrites the file atomically, so that a killed run never leaves a partial row, and a
    resumed one neither repeats nor skips a row. Place it before `Checkpoint`: then no checkpoint has
    an epoch without a row.

    Args:
        path: the file.
        rows: rows of the epochs that a resumed run has completed.

    Raises:
        InputError: another callback, such as Keras' `BackupAndRestore`, lets the fit begin at another epoch.

    Example:
    >>> import pathlib, tempfile
    >>> history = HistoryFile(pathlib.Path(tempfile.mkdtemp()) / "history.csv", rows=[])
    >>> history.rows
    []
    """

    def __init__(self, path: Path, rows: list[dict[str, float]]):
        super().__init__()
        self.path = path
        self.rows = rows

    def on_epoch_begin(self, epoch, logs=None):
        self._check(epoch)
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **(logs or {})}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["seconds"] = round(time.perf_counter() - self._start, 3)
        self.rows.append(row)
        with atomic_write(self.path) as part, part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            writer.writeheader()
            writer.writerows({**row, "epoch": int(row["epoch"])} for row in self.rows)

    def on_train_end(self, logs=None):
        if not self.model.stop_training:
            self._check(self.params["epochs"])

    def _check(self, epoch: int) -> None:
        if epoch != len(self.rows):
            raise InputError(
                f"the run has completed {len(self.rows)} epochs, and another callback, such as BackupAndRestore, has "
                f"set it to {epoch}; leave that out, or clear its folder: a run resumes by itself, with resume=True"
            )
