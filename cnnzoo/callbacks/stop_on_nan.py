"""Stop a run whose loss is no number any more, before it overwrites its checkpoint."""

import math

import keras

from cnnzoo.errors import InputError


class DivergedError(InputError):
    """The loss is no finite number any more."""


class StopOnNaN(keras.callbacks.Callback):
    """Raise once the training loss is not finite, naming the epoch and what to try.

    Keras' `TerminateOnNaN` ends the run quietly, after which it looks finished.

    Raises:
        DivergedError: on such a loss.

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
            raise DivergedError(
                f"the loss became {float(loss)} in epoch {self._epoch}; "
                "try a smaller learning_rate, a longer warmup, or precision=float32"
            )
