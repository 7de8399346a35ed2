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
    """Average the binary cross-entropy over pixels and images, exact also for pixels near 0 and 1.

    The values are those of `keras.losses.BinaryCrossentropy`, with its arguments. Keras computes it from
    the logits if `y_pred` is directly the output of a sigmoid, and else from clipped
    probabilities, whose gradient is 0 beyond the clip and takes longer. An autoencoder's images are that output
    reshaped; on TensorFlow, in a `tf.function` such as that of `fit`, this loss finds the logits before the reshaping,
    too. There is one value per image, so that `sample_weight` can weight images.

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
        supported = not self.label_smoothing and self.axis == -1 and keras.backend.backend() == "tensorflow"
        if supported and (shards := _shards(y_true, y_pred, self.from_logits)):
            values = [_mean_per_image(_cross_entropy(*shard)) for shard in shards]
            return values[0] if len(values) == 1 else ops.concatenate(values)
        return _mean_per_image(super().call(y_true, y_pred))


def _mean_per_image(values):
    return ops.mean(values, axis=tuple(range(1, len(values.shape)))) if len(values.shape) > 1 else values


def _shards(y_true, y_pred, from_logits: bool) -> list[tuple]:
    """Return targets, pixels and logits of each shard of a batch, or nothing where the logits are unknown.

    A batch that `cnnzoo.distribute.batch_shards` computed in shards is split into them again, so that the cores
    continue in parallel.
    """
    import tensorflow as tf

    in_graph = tf.is_tensor(y_pred) and not tf.executing_eagerly()
    concatenated = in_graph and y_pred.op.type == "ConcatV2" and tf.get_static_value(y_pred.op.inputs[-1]) == 0
    outputs = list(y_pred.op.inputs[:-1]) if concatenated else [y_pred]
    targets = tf.split(y_true, [tf.shape(shard)[0] for shard in outputs]) if concatenated else [y_true]
    if from_logits:
        return [(target, ops.sigmoid(logits), logits) for target, logits in zip(targets, outputs, strict=True)]
    logits = [_logits_of(pixels) if in_graph else None for pixels in outputs]
    if any(shard is None for shard in logits):
        return []
    return list(zip(targets, outputs, logits, strict=True))


def _logits_of(pixels):
    """Return the input of the sigmoid that computed these pixels, in their shape, or `None` if it is unknown."""
    import tensorflow as tf

    operation = pixels.op
    while operation.type in ("Reshape", "Identity"):
        operation = operation.inputs[0].op
    return tf.reshape(operation.inputs[0], tf.shape(pixels)) if operation.type == "Sigmoid" else None


def _cross_entropy(y_true, y_pred, logits):
    """Return the cross-entropy of each pixel, with its gradient as one difference, sigmoid(logits) − y_true.

    TensorFlow's own gradient of the formula is a dozen operations, each over all pixels of the batch.
    """
    import tensorflow as tf

    y_true = tf.cast(y_true, logits.dtype)

    @tf.custom_gradient
    def from_logits(logits):
        values = tf.nn.relu(logits) - logits * y_true + tf.math.log1p(tf.exp(-tf.abs(logits)))
        return values, lambda upstream: upstream * (y_pred - y_true)

    return from_logits(logits)
