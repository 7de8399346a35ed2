"""A checkpoint after every epoch, written atomically."""

import shutil
from pathlib import Path

import h5py
import keras

from cnnzoo.callbacks.hdf5_writer import HDF5Writer
from cnnzoo.errors import InputError, reason
from cnnzoo.files import atomic_write
from cnnzoo.weights.bounds import check_file

# Attributes of the file: complete epochs, and the learning rate if other callbacks have set it after the last of them.
EPOCHS, RATE = "epochs", "learning_rate"


class Checkpoint(keras.callbacks.Callback):
    """Save a model's weights and optimizer after every epoch, in one file that is written atomically.

    Keras' `BackupAndRestore` writes weights and epoch to two files, in place: if the process is killed in
    between, they disagree. Here the number of epochs is an attribute of the one file.

    Args:
        path: a path that ends in `.weights.h5`.
        model: the compiled model to save.

    Example:
    >>> import cnnzoo, pathlib, tempfile
    >>> model = cnnzoo.mlp()
    >>> checkpoint = Checkpoint(pathlib.Path(tempfile.mkdtemp()) / "mlp.weights.h5", model)
    >>> checkpoint.restore()  # nothing saved yet
    0
    """

    def __init__(self, path: Path, model: keras.Model):
        super().__init__()
        self.path = path
        self._saved = model

    @property
    def epochs(self) -> int:
        """The number of complete epochs; 0 without a checkpoint.

        Raises:
            InputError: the file is damaged.
        """
        if not self.path.is_file():
            return 0
        try:
            with h5py.File(self.path) as file:
                return int(file.attrs[EPOCHS])
        except Exception as error:  # h5py raises many classes
            raise self._unreadable(error) from error

    def restore(self) -> int:
        """Load the checkpoint, if there is one, and return its number of complete epochs.

        Raises:
            InputError: the file is damaged, or belongs to another model.
        """
        epochs = self.epochs
        if epochs:
            try:
                check_file(self.path)
                self._saved.optimizer.build(self._saved.trainable_variables)
                self._saved.load_weights(self.path)
                with h5py.File(self.path) as file:
                    if RATE in file.attrs:
                        self._saved.optimizer.learning_rate = float(file.attrs[RATE])
            except Exception as error:  # h5py and Keras raise many classes
                raise self._unreadable(error) from error
        return epochs

    def _unreadable(self, error: Exception) -> InputError:
        return InputError(
            f"the checkpoint {str(self.path)!r} cannot be read ({reason(error)}); delete it to begin at epoch 1"
        )

    def on_epoch_end(self, epoch, logs=None):
        with atomic_write(self.path) as part, HDF5Writer(part) as target:
            self._saved.save_weights(target)
            target.check()
            with h5py.File(target, "r+") as file:
                file.attrs[EPOCHS] = epoch + 1
        self._rate = self._learning_rate()

    def keep_rate(self) -> None:
        """Add the learning rate to the checkpoint of this epoch, if other callbacks have set it since."""
        if (rate := self._learning_rate()) != self._rate:
            with atomic_write(self.path) as part, HDF5Writer(part) as target:
                with self.path.open("rb") as saved:
                    shutil.copyfileobj(saved, target)
                target.check()
                with h5py.File(target, "r+") as file:
                    file.attrs[RATE] = rate

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self._saved.optimizer.learning_rate))
