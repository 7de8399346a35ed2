"""Adam, with its update in one operation on TensorFlow."""

import keras


@keras.saving.register_keras_serializable(package="cnnzoo")
class Adam(keras.optimizers.Adam):
    """Update weights by Adam; the rule, arguments and state are those of `keras.optimizers.Adam`.

    On TensorFlow each weight is updated by one operation that passes over its memory once. Keras writes
    the rule as about a dozen, each of which reads and writes all of it.

    Args:
        kwargs: the arguments of `keras.optimizers.Adam`, with the same defaults.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.mlp(compile=False)
    >>> model.compile(Adam(0.002), "sparse_categorical_crossentropy")
    >>> round(float(model.optimizer.learning_rate), 6)
    0.002
    """

    def update_step(self, gradient, variable, learning_rate):
        if self.amsgrad or not _fused_update(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)


def _fused_update(adam: Adam, gradient, variable, learning_rate) -> bool:
    """Run the update as a single operation of TensorFlow, and return whether there is one for this variable."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    # Keras passes TensorFlow's own variable, or a replica's part of one, which has no such operation.
    if tf.distribute.has_strategy() or not hasattr(variable, "handle"):
        return False
    index, dtype = adam._get_variable_index(variable), variable.dtype
    step = tf.cast(adam.iterations + 1, dtype)
    beta_1, beta_2 = tf.constant(adam.beta_1, dtype), tf.constant(adam.beta_2, dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=adam._momentums[index].value.handle,
        v=adam._velocities[index].value.handle,
        beta1_power=beta_1**step,
        beta2_power=beta_2**step,
        lr=tf.cast(learning_rate, dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.constant(adam.epsilon, dtype),
        grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
    )
    return True
