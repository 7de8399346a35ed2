"""The squashing function of LeNet-5."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cnnzoo")
def scaled_tanh(x):
    """Squash `x` by 1.7159·tanh(2x/3), which maps ±1 to ±1 and bends most there.

    Args:
        x: a float tensor of any shape.

    Returns:
        A tensor of the same shape and dtype, in (−1.7159, 1.7159).

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
    Recognition", 1998, appendix A.

    Example:
    >>> import numpy as np
    >>> np.asarray(scaled_tanh(np.array([-1.0, 0.0, 1.0], "float32"))).round(3).tolist()
    [-1.0, 0.0, 1.0]
    """
    return 1.7159 * ops.tanh(x * (2.0 / 3.0))
