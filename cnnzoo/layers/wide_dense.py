"""A dense layer whose activation is in float32, for the output of a model in mixed precision."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnzoo")
class WideDense(keras.layers.Dense):
    """Multiply in the compute dtype, and apply the activation in float32: y = activation(float32(x · W + b)).

    The compute dtype is that of the dtype policy; the activation is in the variable dtype, float32 or wider.
    `Dense(dtype="float32")` as the last layer in mixed precision multiplies in float32, too; for
    the deep autoencoder that is a third of its arithmetic at a fraction of the speed. In float32 this
    layer is bit-equal to `keras.layers.Dense`.

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
