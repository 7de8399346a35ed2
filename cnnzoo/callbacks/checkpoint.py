"""A checkpoint after every epoch, whole or not at all."""

from pathlib import Path

import h5py
import keras

from cnnzoo.errors import InputError, reason
from cnnzoo.files import atomic_write

EPOCHS = "epochs"  # whole epochs behind the checkpoint, an attribute of the file


class Checkpoint(keras.callbacks.Callback):
    """Save a model's weights and optimizer after every epoch, in one file.

    Keras' `BackupAndRestore` writes weights and epoch as two files, in place: killed in between,
    they disagree. Here the number of epochs is an attribute of the one file.

    Args:
        path: a path that ends in `.weights.h5`.
        model: the compiled model to save; the one that is fitted may only wrap it.

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
        """The number of whole epochs behind the checkpoint; 0 where there is none.

        Raises:
            InputError: the file is damaged.
        """
        if not self.path.is_file():
            return 0
        try:
            with h5py.File(self.path) as file:
                return int(file.attrs[EPOCHS])
        except Exception as error:  # h5py has many
            raise self._unreadable(error) from error

    def restore(self) -> int:
        """Load the checkpoint, if there is one, and return the number of whole epochs behind it.

        Raises:
            InputError: the file is damaged, or belongs to another model.
        """
        epochs = self.epochs
        if epochs:
            try:
                self._saved.optimizer.build(self._saved.trainable_variables)
                self._saved.load_weights(self.path)
            except Exception as error:  # h5py and Keras each have their own
                raise self._unreadable(error) from error
        return epochs

    def _unreadable(self, error: Exception) -> InputError:
        return InputError(
            f"the checkpoint {str(self.path)!r} cannot be read ({reason(error)}); delete it to begin at epoch 1"
        )

    def on_epoch_end(self, epoch, logs=None):
        with atomic_write(self.path) as part:
            self._saved.save_weights(part)
            with h5py.File(part, "r+") as file:
                file.attrs[EPOCHS] = epoch + 1
