"""An error if the loss or a weight is not finite, before the checkpoint is overwritten."""

import math

import keras

from cnnzoo.errors import InputError


class DivergedError(InputError):
    """The loss or a weight is not finite."""


class StopOnNaN(keras.callbacks.Callback):
    """Raise an error if the training loss or a weight is not finite; it names the epoch and what to try.

    Keras' `TerminateOnNaN` stops the training without an error, and the run looks finished.

    Raises:
        DivergedError: the loss of a step or, at the end of an epoch, a weight is NaN or infinite.

    Example:
    >>> StopOnNaN().on_train_batch_end(0, {"loss": 0.5})
    """

    def __init__(self):
        super().__init__()
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            self._stop(f"the loss became {float(loss)}")

    def on_epoch_end(self, epoch, logs=None):
        # The loss of a step is computed before its update: only the weights show whether the last update diverged.
        for weight in self.model.trainable_weights:
            if not keras.ops.convert_to_numpy(keras.ops.all(keras.ops.isfinite(weight))):
                self._stop(f"the weights {weight.path} are not finite any more")

    def _stop(self, what: str) -> None:
        raise DivergedError(
            f"{what} in epoch {self._epoch}; try a smaller learning_rate, a longer warmup, or precision=float32"
        )
