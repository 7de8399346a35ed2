"""The models of named epochs, kept in files of their own."""

from collections.abc import Collection
from pathlib import Path

import keras

from cnnzoo.files import atomic_write, make_folder


class KeptEpochs(keras.callbacks.Callback):
    """Save the model after each of some epochs, as `EPOCH.keras` in a folder, each file atomically.

    Args:
        folder: the folder, which is made with the first file.
        epochs: the epochs, from 1.
        model: the model to save.

    Example:
    >>> import cnnzoo, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "epochs"
    >>> kept = KeptEpochs(folder, (1, 5), cnnzoo.mlp())
    >>> for epoch in range(2):
    ...     kept.on_epoch_end(epoch)
    >>> [path.name for path in folder.iterdir()]
    ['1.keras']
    """

    def __init__(self, folder: Path, epochs: Collection[int], model: keras.Model):
        super().__init__()
        self.folder, self.epochs = folder, epochs
        self._saved = model

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 in self.epochs:
            make_folder(self.folder)
            with atomic_write(self.folder / f"{epoch + 1}.keras") as part:
                self._saved.save(part)
