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
            self._stop(f"the loss became {float(loss)}")

    def on_epoch_end(self, epoch, logs=None):
        # The loss of a step is measured before its update: the epoch's last one shows in the weights only.
        for weight in self.model.trainable_weights:
            if not keras.ops.convert_to_numpy(keras.ops.all(keras.ops.isfinite(weight))):
                self._stop(f"the weights {weight.path} are not finite any more")

    def _stop(self, what: str) -> None:
        raise DivergedError(
            f"{what} in epoch {self._epoch}; try a smaller learning_rate, a longer warmup, or precision=float32"
        )
