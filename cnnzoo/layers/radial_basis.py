"""The output units of LeNet-5."""

import keras
from keras import ops

from cnnzoo.checks import integer


@keras.saving.register_keras_serializable(package="cnnzoo")
class RadialBasis(keras.layers.Layer):
    """Compute the squared Euclidean distance of the input to one center per unit.

    `y_i = Σ_j (x_j − w_ij)²`: a penalty, 0 where the input equals the center.

    Args:
        units: number of centers; an integer ≥ 1.
        centers_initializer: initial centers, shape `(units, features)`.
        adaptive: whether the centers are trained. LeNet-5's stay fixed.
        negate: whether to return −y, so that the nearest center has the largest output, as with
            the logits of any other classifier.

    Call arguments:
        features: float tensor `(batch, features)`.

    Returns:
        Float tensor `(batch, units)`, never negative (never positive with `negate`).

    Raises:
        InputError: `units` is not a positive integer, or the input is not of rank 2.

    Source: LeCun et al. 1998, section II-B, eq. 7.

    Example:
    >>> import numpy as np
    >>> layer = RadialBasis(2, centers_initializer="ones")
    >>> np.asarray(layer(np.array([[1.0, -1.0]], "float32"))).tolist()
    [[4.0, 4.0]]
    """

    def __init__(
        self,
        units: int,
        centers_initializer="glorot_uniform",
        adaptive: bool = False,
        negate: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = integer("units", units)
        self.centers_initializer = keras.initializers.get(centers_initializer)
        self.adaptive = adaptive
        self.negate = negate
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, input_shape):
        self.centers = self.add_weight(
            shape=(self.units, input_shape[-1]),
            initializer=self.centers_initializer,
            trainable=self.adaptive,
            name="centers",
        )

    def call(self, features):
        # |x − w|² = |x|² − 2x·w + |w|²: one matrix product instead of a (batch, units, features) tensor.
        squares = ops.sum(ops.square(features), axis=-1, keepdims=True)
        crossed = ops.matmul(features, ops.transpose(self.centers))
        distances = squares - 2 * crossed + ops.sum(ops.square(self.centers), axis=-1)
        distances = ops.maximum(distances, 0)  # rounding may leave −1e-6 at a center
        return -distances if self.negate else distances

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.units

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "centers_initializer": keras.initializers.serialize(self.centers_initializer),
            "adaptive": self.adaptive,
            "negate": self.negate,
        }
