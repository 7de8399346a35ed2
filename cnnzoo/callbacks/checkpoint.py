"""A checkpoint after every epoch, whole or not at all."""

from pathlib import Path

import keras

from cnnzoo.errors import InputError
from cnnzoo.files import whole_file


class Checkpoint(keras.callbacks.Callback):
    """Save a model's weights and optimizer after every epoch, in one file.

    Keras' `BackupAndRestore` writes weights and epoch as two files, in place: killed in between,
    they disagree. Here the epoch is read off the optimizer's step count, which the file holds.

    Args:
        path: a path that ends in `.weights.h5`.
        model: the compiled model to save; the one that is fitted may only wrap it.

    Example:
    >>> import cnnzoo, pathlib, tempfile
    >>> model = cnnzoo.mlp()
    >>> checkpoint = Checkpoint(pathlib.Path(tempfile.mkdtemp()) / "mlp.weights.h5", model)
    >>> checkpoint.restore(steps_per_epoch=10)  # nothing saved yet
    0
    """

    def __init__(self, path: Path, model: keras.Model):
        super().__init__()
        self.path = path
        self._saved = model

    def restore(self, steps_per_epoch: int) -> int:
        """Load the checkpoint, if there is one, and return the number of whole epochs behind it.

        Raises:
            InputError: the file is damaged, or belongs to another model or batch size.
        """
        if not self.path.is_file():
            return 0
        optimizer = self._saved.optimizer
        optimizer.build(self._saved.trainable_variables)
        try:
            self._saved.load_weights(self.path)
        except Exception as error:  # h5py and Keras each have their own
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise InputError(
                f"the checkpoint {str(self.path)!r} cannot be read ({reason}); delete it to begin at epoch 1"
            ) from error
        epochs, rest = divmod(int(optimizer.iterations), steps_per_epoch)
        if rest:
            raise InputError(
                f"the checkpoint {str(self.path)!r} stands at step {int(optimizer.iterations)}, "
                f"which is no whole number of epochs of {steps_per_epoch} steps: it is of another batch size or data"
            )
        return epochs

    def on_epoch_end(self, epoch, logs=None):
        with whole_file(self.path) as part:
            self._saved.save_weights(part)
