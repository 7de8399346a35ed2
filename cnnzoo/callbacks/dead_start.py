"""A warning if the training loss stays at chance level."""

import math
import sys

import keras

TOLERANCE = 0.005  # relative difference to the loss of guessing


class DeadStart(keras.callbacks.Callback):
    """Print a warning, once per fit, if an epoch's cross-entropy is still ln(classes), the loss of guessing.

    Deep nets with small initial weights can stay there for long, AlexNet above all; nothing is broken,
    but an hour may pass before somebody notices. Training continues: many nets start late.

    Example:
    >>> DeadStart().on_epoch_end(0, {"loss": 0.5})
    """

    def __init__(self):
        super().__init__()
        self._done = False

    def on_train_begin(self, logs=None):
        self._done = False

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss")
        if self._done or loss is None or self.model is None or not _is_cross_entropy(self.model.loss):
            return
        classes = self.model.output_shape[-1]
        guessing = math.log(classes)
        if loss < (1 - TOLERANCE) * guessing:
            self._done = True  # the net learns
        elif loss <= (1 + TOLERANCE) * guessing:
            self._done = True  # one warning per fit
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
