"""Adam, with its update in one operation on TensorFlow."""

import keras
from keras import ops

from cnnzoo.optimizers import fused


class Adam(keras.optimizers.Adam):
    """Update weights by Adam; the rule, arguments and state are those of `keras.optimizers.Adam`.

    On TensorFlow each weight is updated by one operation that passes over its memory once. Keras writes
    the rule as about a dozen, each of which reads and writes all of it.

    Files name Keras' own Adam, so that they can be read without cnnzoo; `cnnzoo.load_model` makes this one of it.

    Args:
        args, kwargs: the arguments of `keras.optimizers.Adam`, with the same defaults.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.mlp(compile=False)
    >>> model.compile(Adam(0.002), "sparse_categorical_crossentropy")
    >>> round(float(model.optimizer.learning_rate), 6)
    0.002
    """

    __module__ = "keras.optimizers"  # what a file says, where Keras finds its own Adam

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        added = super().add_optimizer_variables(trainable_variables, name, initializer)
        if name == ["momentum", "velocity"]:
            self._states = fused.States(trainable_variables, *added)
        return added

    def update_step(self, gradient, variable, learning_rate):
        if self.amsgrad or not fused.is_available():
            super().update_step(gradient, variable, learning_rate)
            return
        momentum, velocity = self._states[variable]
        beta_1, beta_2 = (ops.cast(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        step = ops.cast(self.iterations + 1, variable.dtype)
        fused.update(
            "ResourceApplyAdam",
            variable,
            {"m": momentum, "v": velocity},
            gradient,
            lr=learning_rate,
            beta1=beta_1,
            beta2=beta_2,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            epsilon=self.epsilon,
        )


__test__ = {"Adam": Adam}  # where doctest finds the example of a class that names Keras' module
