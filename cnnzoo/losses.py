"""Losses of the classic nets that Keras lacks."""

import keras
from keras import ops

from cnnzoo.checks import number


@keras.saving.register_keras_serializable(package="cnnzoo")
class MaximumAPosteriori(keras.losses.Loss):
    """Decrease the penalty of the true class and increase all others, limited by a rubbish class.

    `y_D + log(e^−j + Σ_i e^−y_i)`, where `y_D` is the penalty of the true class. It is the
    cross-entropy of a softmax over −y with one more class, of constant penalty `j`, for
    "none of these": penalties far above `j` are not increased further.

    Args:
        rubbish_penalty: the constant j; ≥ 0.

    Call arguments:
        y_true: integer labels, `(batch,)` or `(batch, 1)`.
        y_pred: *negated* penalties −y, `(batch, classes)`, as `RadialBasis(negate=True)` returns them.

    Raises:
        InputError: the penalty is not a number of at least 0.

    Source: LeCun et al. 1998, eq. 9.

    Example:
    >>> import numpy as np
    >>> loss = MaximumAPosteriori(rubbish_penalty=0.0)
    >>> float(loss(np.array([0]), np.array([[0.0, -50.0]], "float32"))).__round__(3)  # log 2
    0.693
    """

    def __init__(
        self,
        rubbish_penalty: float = 1.0,
        reduction="sum_over_batch_size",
        name="maximum_a_posteriori",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.rubbish_penalty = number("rubbish_penalty", rubbish_penalty, 0)

    def call(self, y_true, y_pred):
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        of_label = ops.sum(y_pred * ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype), axis=-1)
        rubbish = ops.full_like(y_pred[:, :1], -self.rubbish_penalty)
        return ops.logsumexp(ops.concatenate([y_pred, rubbish], axis=-1), axis=-1) - of_label

    def get_config(self):
        return {**super().get_config(), "rubbish_penalty": self.rubbish_penalty}


@keras.saving.register_keras_serializable(package="cnnzoo")
class PixelCrossentropy(keras.losses.BinaryCrossentropy):
    """Average the binary cross-entropy over pixels and images, with one value per image.

    The values are those of `keras.losses.BinaryCrossentropy`, with its arguments; of the output of a sigmoid Keras
    finds the logits, so that they are exact for pixels near 0 and 1, too. Keras' loss has one value for each row of
    pixels, so that a `sample_weight` for each image does not fit.

    Args:
        kwargs: the arguments of `keras.losses.BinaryCrossentropy`.

    Call arguments:
        y_true: pixels in 0…1, `(batch, height, width, channels)`.
        y_pred: their reconstructions, of the same shape.

    Example:
    >>> import numpy as np
    >>> loss = PixelCrossentropy()
    >>> float(loss(np.ones((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5))).__round__(3)  # log 2
    0.693
    """

    def call(self, y_true, y_pred):
        values = super().call(y_true, y_pred)
        return ops.mean(values, axis=tuple(range(1, len(values.shape)))) if len(values.shape) > 1 else values
