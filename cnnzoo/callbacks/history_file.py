"""One CSV row for every epoch, also across resumed runs."""

import csv
import time
from pathlib import Path

import keras

from cnnzoo.files import atomic_write


class HistoryFile(keras.callbacks.Callback):
    """Write metrics, learning rate and seconds of every epoch to a CSV file, counted from 1.

    The file is rewritten whole at each epoch, so a killed run never leaves half a row, and a
    resumed one neither repeats nor skips a row. Place it before `Checkpoint`: then no checkpoint is
    ever ahead of its row.

    Args:
        path: the file.
        rows: rows of the epochs that a resumed run has behind it.

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
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **(logs or {})}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["seconds"] = round(time.perf_counter() - self._began, 3)
        self.rows.append(row)
        with atomic_write(self.path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            writer.writeheader()
            writer.writerows({**row, "epoch": int(row["epoch"])} for row in self.rows)
