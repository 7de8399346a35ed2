"""The losses that the classic nets need and Keras lacks."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnzoo")
class MaximumAPosteriori(keras.losses.Loss):
    """Push the right penalty down and all others up, as far as a rubbish class allows.

    `y_D + log(e^−j + Σ_i e^−y_i)`, where `y_D` is the penalty of the right class. It is the
    cross-entropy of a softmax over −y with one more class, of constant penalty `j`, that stands
    for "none of these": penalties far above `j` are not pushed further.

    Args:
        rubbish_penalty: the constant j; ≥ 0.

    Call arguments:
        y_true: integer labels, `(batch,)` or `(batch, 1)`.
        y_pred: *negated* penalties −y, `(batch, classes)`, as `RadialBasis(negate=True)` gives them.

    Raises:
        ValueError: the penalty is negative.

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
        if rubbish_penalty < 0:
            raise ValueError(f"rubbish_penalty must be at least 0. Received: rubbish_penalty={rubbish_penalty}")
        self.rubbish_penalty = rubbish_penalty

    def call(self, y_true, y_pred):
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        right = ops.sum(y_pred * ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype), axis=-1)
        rubbish = ops.full_like(y_pred[:, :1], -self.rubbish_penalty)
        return ops.logsumexp(ops.concatenate([y_pred, rubbish], axis=-1), axis=-1) - right

    def get_config(self):
        return {**super().get_config(), "rubbish_penalty": self.rubbish_penalty}


@keras.saving.register_keras_serializable(package="cnnzoo")
class PixelCrossentropy(keras.losses.BinaryCrossentropy):
    """Average the binary cross-entropy over pixels and images, exact also where a pixel is certain.

    The values are those of `keras.losses.BinaryCrossentropy`, with its arguments. Keras computes it from
    what went into the sigmoid where the loss is handed the sigmoid's own output, and else from clipped
    probabilities, whose gradient is 0 beyond the clip and takes longer. An autoencoder's images are that output
    reshaped; on TensorFlow this loss looks behind the reshaping. Inside a `tf.function`, as in `fit`. Each image has
    one value, so that `sample_weight` can weigh images.

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
        plain = not self.label_smoothing and self.axis == -1 and keras.backend.backend() == "tensorflow"
        if plain and (slices := _slices(y_true, y_pred, self.from_logits)):
            values = [_each_image(_cross_entropy(*each)) for each in slices]
            return values[0] if len(values) == 1 else ops.concatenate(values)
        return _each_image(super().call(y_true, y_pred))


def _each_image(values):
    return ops.mean(values, axis=tuple(range(1, len(values.shape)))) if len(values.shape) > 1 else values


def _slices(y_true, y_pred, from_logits: bool) -> list[tuple]:
    """Return targets, pixels and logits of each slice of a batch, or nothing where the logits are unknown.

    What went through a net in slices, as `cnnzoo.distribute` does it, comes apart again, so that the cores go on
    side by side.
    """
    import tensorflow as tf

    in_graph = tf.is_tensor(y_pred) and not tf.executing_eagerly()
    joined = in_graph and y_pred.op.type == "ConcatV2" and tf.get_static_value(y_pred.op.inputs[-1]) == 0
    slices = list(y_pred.op.inputs[:-1]) if joined else [y_pred]
    targets = tf.split(y_true, [tf.shape(each)[0] for each in slices]) if joined else [y_true]
    if from_logits:
        return [(target, ops.sigmoid(logits), logits) for target, logits in zip(targets, slices, strict=True)]
    logits = [_before_sigmoid(pixels) if in_graph else None for pixels in slices]
    if any(each is None for each in logits):
        return []
    return list(zip(targets, slices, logits, strict=True))


def _before_sigmoid(pixels):
    """Return what a sigmoid was taken of to give these pixels, in their shape, or `None` if that is unknown."""
    import tensorflow as tf

    made_by = pixels.op
    while made_by.type in ("Reshape", "Identity"):
        made_by = made_by.inputs[0].op
    return tf.reshape(made_by.inputs[0], tf.shape(pixels)) if made_by.type == "Sigmoid" else None


def _cross_entropy(y_true, y_pred, logits):
    """Return the cross-entropy of each pixel, with its gradient as one difference, sigmoid(logits) − y_true.

    What TensorFlow derives from the formula is a dozen operations, each over all pixels of the batch.
    """
    import tensorflow as tf

    y_true = tf.cast(y_true, logits.dtype)

    @tf.custom_gradient
    def from_logits(logits):
        values = tf.nn.relu(logits) - logits * y_true + tf.math.log1p(tf.exp(-tf.abs(logits)))
        return values, lambda upstream: upstream * (y_pred - y_true)

    return from_logits(logits)
