"""A dense layer whose last step is in float32, for the end of a net in mixed precision."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnzoo")
class WideDense(keras.layers.Dense):
    """Multiply in the precision of the policy, activate in that of the weights: y = activation(float32(x · W + b)).

    `Dense(dtype="float32")` at the end of a net in mixed precision takes the product in float32, too; for
    the deep autoencoder that is a third of the net's arithmetic at a fraction of the speed. In float32 this
    is `keras.layers.Dense`, to the last bit.

    Args:
        args, kwargs: the arguments of `keras.layers.Dense`.

    Call arguments:
        inputs: float tensor `(batch, …, width)`.

    Returns:
        Float tensor `(batch, …, units)`, float32 or wider.

    Example:
    >>> import numpy as np
    >>> WideDense(3, "sigmoid", dtype="mixed_bfloat16")(np.ones((2, 4), "float32")).dtype.name
    'float32'
    """

    def call(self, inputs, training=None):
        sums = ops.matmul(inputs, self.kernel)
        sums = ops.cast(sums if self.bias is None else sums + self.bias, self.variable_dtype)
        return sums if self.activation is None else self.activation(sums)

    def compute_output_spec(self, *args, **kwargs):
        spec = super().compute_output_spec(*args, **kwargs)
        return keras.KerasTensor(spec.shape, dtype=self.variable_dtype)
