"""Losses of the classic nets that Keras lacks.

Targets that a loss is not made for are refused: an answer that is wrong would look right.
"""

import keras
import numpy as np
from keras import ops

from cnnzoo.checks import integer, number
from cnnzoo.errors import InputError
from cnnzoo.targets import images_like, weights_like, zero_if_labels, zero_if_pixels


class _OfLabels(keras.losses.Loss):
    """Take integer labels, and one row of outputs for each."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = (np.asarray(each) if isinstance(each, list) else each for each in (y_true, y_pred))
        if sample_weight is not None:
            y_pred = ops.convert_to_tensor(y_pred, self.dtype)
            sample_weight = weights_like(sample_weight, y_pred, self.dtype)
        return super().__call__(y_true, y_pred, sample_weight)

    def _of_label(self, y_true, y_pred):
        """Return labels as rows of 0 and a single 1, and 0, or NaN where no error can be raised."""
        if tuple(y_true.shape[1:]) not in ((), (1,)):
            raise InputError(
                f"`y_true` must be integer labels of shape (batch,) or (batch, 1), and not one-hot, for {self.name}. "
                f"Received: shape {tuple(y_true.shape)}"
            )
        if len(y_pred.shape) != 2:
            raise InputError(
                f"`y_pred` must have the shape (batch, classes) for {self.name}. Received: {tuple(y_pred.shape)}"
            )
        if None not in (y_true.shape[0], y_pred.shape[0]) and y_true.shape[0] != y_pred.shape[0]:
            raise InputError(
                f"`y_true` must have a label for each of the {y_pred.shape[0]} outputs for {self.name}. Received: "
                f"{y_true.shape[0]} labels"
            )
        classes = y_pred.shape[-1]
        given = ops.reshape(y_true, ops.shape(y_pred)[:1])
        zero = zero_if_labels(given, classes, self.name)  # before PyTorch counts them in words of its own
        labels = ops.cast(given, "int32")
        return ops.one_hot(labels, classes, dtype=y_pred.dtype), zero


@keras.saving.register_keras_serializable(package="cnnzoo")
class MaximumAPosteriori(_OfLabels):
    """Decrease the penalty of the true class and increase all others, limited by a rubbish class.

    `y_D + log(e^−j + Σ_i e^−y_i)`, where `y_D` is the penalty of the true class. It is the
    cross-entropy of a softmax over −y with one more class, of constant penalty `j`, for
    "none of these": penalties far above `j` are not increased further.

    Args:
        rubbish_penalty: the constant j; ≥ 0.

    Call arguments:
        y_true: integer labels, from 0 to below the number of classes, `(batch,)` or `(batch, 1)`.
        y_pred: *negated* penalties −y, `(batch, classes)`, as `RadialBasis(negate=True)` returns them.
        sample_weight: a number, or one for each image, `(batch,)` or `(batch, 1)`, or `None`.

    Raises:
        InputError: the penalty is not a number of at least 0, or an argument of the call is none of these. Labels out
            of range stop a compiled step by TensorFlow's `InvalidArgumentError`; the loss is NaN where none can be
            raised, as under XLA and JAX.

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
        of_label, zero = self._of_label(y_true, y_pred)
        rubbish = ops.full_like(y_pred[:, :1], -self.rubbish_penalty)
        values = ops.logsumexp(ops.concatenate([y_pred, rubbish], axis=-1), axis=-1)
        return values - ops.sum(y_pred * of_label, axis=-1) + zero

    def get_config(self):
        return {**super().get_config(), "rubbish_penalty": self.rubbish_penalty}


@keras.saving.register_keras_serializable(package="cnnzoo")
class SparseMeanSquaredError(_OfLabels):
    """Average the squared distance of the outputs from +1 for the true class and −1 for every other one.

    As Keras' losses with `Sparse` in their names it takes integer labels. Its targets are the outputs where
    `cnnzoo.layers.scaled_tanh` bends most. The squared distance to the targets of a class is a constant minus four
    times the output of its unit, so that the largest output is the prediction, and outputs are logits of the classes.

    Call arguments:
        y_true: integer labels, from 0 to below the number of classes, `(batch,)` or `(batch, 1)`.
        y_pred: outputs, `(batch, classes)`.
        sample_weight: a number, or one for each image, `(batch,)` or `(batch, 1)`, or `None`.

    Raises:
        InputError: an argument of the call is none of these. Labels out of range stop a compiled step by TensorFlow's
            `InvalidArgumentError`; the loss is NaN where none can be raised, as under XLA and JAX.

    Source: LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition".

    Example:
    >>> import numpy as np
    >>> float(SparseMeanSquaredError()(np.array([0]), np.array([[1.0, 1.0]], "float32")))  # (0² + 2²) / 2
    2.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="sparse_mean_squared_error", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        of_label, zero = self._of_label(y_true, y_pred)
        return ops.mean(ops.square(y_pred - (2 * of_label - 1)), axis=-1) + zero


@keras.saving.register_keras_serializable(package="cnnzoo")
class PixelCrossentropy(keras.losses.BinaryCrossentropy):
    """Average the binary cross-entropy over pixels and images, with one value per image.

    The values are those of `keras.losses.BinaryCrossentropy`, with its arguments; of the output of a sigmoid Keras
    finds the logits, so that they are exact for pixels near 0 and 1, too. Keras' loss has one value for each row of
    pixels, so that a `sample_weight` for each image does not fit.

    Args:
        kwargs: the arguments of `keras.losses.BinaryCrossentropy`.

    Call arguments:
        y_true: pixels in 0…1, `(batch, height, width, channels)`, or without the axis of a single channel.
        y_pred: their reconstructions, `(batch, height, width, channels)`.
        sample_weight: a number, one for each image, `(batch,)`, or one for each pixel, `(batch, height, width)`, as
            for Keras' losses; `None` for 1.

    Raises:
        InputError: an argument of the call is none of these. Pixels out of range stop a compiled step by TensorFlow's
            `InvalidArgumentError`; the loss is NaN where none can be raised, as under XLA and JAX.

    Example:
    >>> import numpy as np
    >>> loss = PixelCrossentropy()
    >>> float(loss(np.ones((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5))).__round__(3)  # log 2
    0.693
    """

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = (np.asarray(each) if isinstance(each, list) else each for each in (y_true, y_pred))
        if sample_weight is not None:
            y_pred = ops.convert_to_tensor(y_pred, self.dtype)
            sample_weight = weights_like(sample_weight, y_pred, self.dtype)
            if len(sample_weight.shape) > 1:
                return self._weighted_by_row(y_true, y_pred, sample_weight)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        y_true, zero = self._checked(y_true, y_pred)
        return _of_each_image(super().call(y_true, y_pred)) + zero

    def _weighted_by_row(self, y_true, y_pred, sample_weight):
        """Return the loss with weights for each row of pixels, by Keras' own, which has one value for each of them."""
        per_image = self.reduction in (None, "none", "sum")
        config = {**self.get_config(), "axis": -1, "reduction": None if per_image else self.reduction}
        y_true, zero = self._checked(ops.convert_to_tensor(y_true, self.dtype), y_pred)
        values = keras.losses.BinaryCrossentropy(**config, dtype=self.dtype)(y_true, y_pred, sample_weight) + zero
        values = _of_each_image(values) if per_image else values
        return ops.sum(values) if self.reduction == "sum" else values

    def _checked(self, y_true, y_pred):
        """Return the targets in the shape of the outputs, and 0, or NaN where no error can be raised."""
        y_true = images_like(y_true, y_pred, self.name)
        return y_true, zero_if_pixels(y_true, self.name)


def _of_each_image(values):
    return ops.mean(values, axis=tuple(range(1, len(values.shape)))) if len(values.shape) > 1 else values


@keras.saving.register_keras_serializable(package="cnnzoo")
class EvidenceLowerBound(keras.losses.Loss):
    """Say which bound of the log-likelihood a `variational_autoencoder` is trained on, negated, in nats per image.

    With one sample it is `reconstruction + beta · KL`, where the reconstruction is −log p(image | draw of the code) and
    KL is that of the code's distribution from N(0, 1). With k samples it is the importance-weighted bound
    −log (1/k) Σᵢ p(image, codeᵢ) / q(codeᵢ | image). The model computes it, as it needs the code's distribution.

    Args:
        beta: weight of the KL; ≥ 0. Other than 1 it is no bound of the likelihood.
        warmup: epochs over which the weight rises to `beta` from 0, evenly, an epoch at a time; an integer ≥ 0.
        samples: draws of the code for each image; an integer ≥ 1. Above 1 it needs `beta=1` without `warmup`.

    Raises:
        InputError: an argument has a value that is not allowed, or the loss is called without its model.

    Source: Kingma and Welling 2013, eq. 10; Burda et al. 2016, eq. 8 (`samples`); Higgins et al. 2017, eq. 4 (`beta`);
        Sønderby et al. 2016, section 2.2 (`warmup`).

    Example:
    >>> EvidenceLowerBound(samples=50).get_config()["samples"]
    50
    """

    def __init__(
        self,
        beta: float = 1.0,
        warmup: int = 0,
        samples: int = 1,
        reduction="sum_over_batch_size",
        name="evidence_lower_bound",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.beta = number("beta", beta, 0)
        self.warmup = integer("warmup", warmup, 0)
        self.samples = integer("samples", samples)
        if self.samples > 1 and (self.beta != 1 or self.warmup):
            raise InputError(
                "`samples` above 1 needs beta=1 and warmup=0: weighted otherwise, the draws make no bound. Received: "
                f"samples={samples}, beta={beta:g}, warmup={warmup}"
            )

    def call(self, y_true, y_pred):
        raise InputError(
            f"{self.name} is the loss of a variational_autoencoder, which knows the distribution of its code; a "
            "reconstruction alone is not enough"
        )

    def get_config(self):
        return {**super().get_config(), "beta": self.beta, "warmup": self.warmup, "samples": self.samples}
