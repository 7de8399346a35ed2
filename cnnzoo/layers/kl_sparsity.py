"""The penalties of sparse autoencoders on activations, the same under every version of Keras."""

import keras
from keras import ops

from cnnzoo.checks import number
from cnnzoo.keras_internals import DIVIDES_ACTIVITY_PENALTIES


@keras.saving.register_keras_serializable(package="cnnzoo")
class KLSparsity(keras.regularizers.Regularizer):
    """Keep the mean activation of each logistic unit near a target, by a Kullback-Leibler divergence.

    As the `activity_regularizer` of a layer it adds to the loss
    `weight · Σ_units [ρ ln(ρ/ρ̂) + (1 − ρ) ln((1 − ρ)/(1 − ρ̂))]`, where ρ is the target and ρ̂ a unit's mean over
    the batch (of each replica), and in maps over the positions too. From 3.14 on Keras divides what an activity
    regularizer returns by the size of the batch; this one then returns the sum above *times* that size, so that the sum
    itself is added.

    Args:
        target: mean activation ρ without penalty, between 0 and 1.
        weight: factor of the sum, at least 0.

    Call arguments:
        activations: float tensor `(batch, …, units)`, of values from 0 to 1.

    Returns:
        Scalar, float32 or float64: the sum above, times the size of the batch where Keras divides by it.

    Raises:
        InputError: `target` or `weight` is out of its range.

    Source: Ng, "Sparse autoencoder", CS294A lecture notes, 2011, section 3.

    Example:
    >>> import numpy as np
    >>> layer = keras.layers.Dense(10, "sigmoid", kernel_initializer="zeros", activity_regularizer=KLSparsity(0.25))
    >>> _ = layer(np.zeros((32, 4), "float32"))
    >>> round(float(layer.losses[0]) / 10, 4), round(0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5), 4).item()
    (0.1308, 0.1308)
    """

    def __init__(self, target: float = 0.05, weight: float = 1.0):
        self.target = number("target", target, above=0, below=1)
        self.weight = number("weight", weight, 0)

    def __call__(self, activations):
        dtype = keras.backend.standardize_dtype(activations.dtype)
        # In half precision a mean would round to 0 or 1 long before it is.
        values = ops.cast(activations, "float64" if dtype == "float64" else "float32")
        means = ops.mean(values, axis=tuple(range(len(values.shape) - 1)))
        smallest = keras.config.epsilon()
        means = ops.clip(means, smallest, 1 - smallest)
        rare, often = self.target, 1 - self.target
        divergences = rare * ops.log(rare / means) + often * ops.log(often / (1 - means))
        penalty = self.weight * ops.sum(divergences)
        return penalty * ops.cast(ops.shape(values)[0], values.dtype) if DIVIDES_ACTIVITY_PENALTIES else penalty

    def get_config(self):
        return {"target": self.target, "weight": self.weight}


@keras.saving.register_keras_serializable(package="cnnzoo")
class L1Sparsity(keras.regularizers.Regularizer):
    """Keep the activations of units small: add `weight · Σ_units |activation|` to the loss, as a mean over the batch.

    It is `keras.regularizers.L1` as Keras adds it from 3.14 on; before, Keras adds the sum over the batch.

    Args:
        weight: factor of the sum, at least 0.

    Call arguments:
        activations: float tensor `(batch, …)`.

    Returns:
        Scalar: the mean above, or the sum over the batch where Keras divides by its size.

    Raises:
        InputError: `weight` is out of its range.

    Example:
    >>> import numpy as np
    >>> layer = keras.layers.Dense(10, kernel_initializer="ones", activity_regularizer=L1Sparsity(0.5))
    >>> _ = layer(np.ones((32, 4), "float32"))
    >>> float(layer.losses[0])  # 0.5 · 10 units · |4|
    20.0
    """

    def __init__(self, weight: float = 1e-4):
        self.weight = number("weight", weight, 0)

    def __call__(self, activations):
        penalty = self.weight * ops.sum(ops.abs(activations))
        if DIVIDES_ACTIVITY_PENALTIES:
            return penalty
        return penalty / ops.cast(ops.maximum(ops.shape(activations)[0], 1), penalty.dtype)

    def get_config(self):
        return {"weight": self.weight}
