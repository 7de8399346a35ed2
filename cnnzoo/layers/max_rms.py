"""ZFNet's bound on the weights of each filter."""

import keras
from keras import ops

from cnnzoo.checks import number


@keras.saving.register_keras_serializable(package="cnnzoo")
class MaxRMS(keras.constraints.Constraint):
    """Scale each filter whose root mean square exceeds a bound back to the bound; leave all others as they are.

    As the `kernel_constraint` of a convolution or a dense layer it is applied after every step of the optimizer. A
    filter is all weights of one map, or of one unit. Without it some filters of a first layer come to dominate, whose
    inputs range from −128 to 128. `keras.constraints.MaxNorm` bounds the norm instead, which for the same root mean
    square grows with the size of the filter.

    Args:
        max_value: the bound, > 0.

    Call arguments:
        kernel: float tensor `(…, maps)`, such as `(height, width, channels, maps)`.

    Returns:
        Float tensor of the same shape.

    Raises:
        InputError: `max_value` is not a positive number.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013, section 3, with 0.1.

    Example:
    >>> import numpy as np
    >>> kernel = np.array([[3.0, 0.25], [3.0, 0.25]], "float32")  # root mean squares 3 and 0.25
    >>> np.asarray(MaxRMS(0.5)(kernel)).tolist()
    [[0.5, 0.25], [0.5, 0.25]]
    """

    def __init__(self, max_value: float = 0.1):
        self.max_value = number("max_value", max_value, above=0)

    def __call__(self, kernel):
        axes = tuple(range(len(kernel.shape) - 1))
        rms = ops.sqrt(ops.mean(ops.square(kernel), axis=axes, keepdims=True))
        return kernel * (self.max_value / ops.maximum(rms, self.max_value))

    def get_config(self):
        return {"max_value": self.max_value}
