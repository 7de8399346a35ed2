"""Say that a net has not begun to learn."""

import math
import sys

import keras

SHARE = 0.005  # a loss this near to guessing is guessing


class DeadStart(keras.callbacks.Callback):
    """Say in a sentence when the loss stands at ln(classes), where guessing leaves it, and has not been below.

    Deep nets with small initial weights can stay there for long, AlexNet above all; nothing is broken,
    but an hour may be lost before one looks. The run goes on: many start late.

    Example:
    >>> DeadStart().on_epoch_end(0, {"loss": 0.5})
    """

    def __init__(self):
        super().__init__()
        self._silent = False

    def on_train_begin(self, logs=None):
        self._silent = False

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss")
        if self._silent or loss is None or self.model is None or not _is_cross_entropy(self.model.loss):
            return
        classes = self.model.output_shape[-1]
        guessing = math.log(classes)
        if loss < (1 - SHARE) * guessing:
            self._silent = True  # learning has begun
        elif loss <= (1 + SHARE) * guessing:
            self._silent = True  # once is enough
            print(
                f"dead start: after epoch {epoch + 1} the loss is {loss:.3f}, and guessing among {classes} classes "
                f"gives ln({classes}) = {guessing:.3f}; the net has learned nothing yet. If it stays there, try "
                "a warm-up (schedule=cosine), a learning_rate ten times smaller or larger, another seed, or a model "
                "option that starts otherwise, such as model_options.initial_bias=0.1 for alexnet",
                file=sys.stderr,
            )


def _is_cross_entropy(loss: object) -> bool:
    return isinstance(
        loss, keras.losses.SparseCategoricalCrossentropy | keras.losses.CategoricalCrossentropy
    ) or loss in (
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
    )
