"""Randomness inside the net that depends on seed and epoch alone."""

import keras

DRAWS_AN_EPOCH = 2**16  # more than any layer draws in an epoch; a larger number would only repeat noise


class EpochRandomness(keras.callbacks.Callback):
    """Set the random state of every dropout and noise layer at the beginning of each epoch.

    Keras saves no random states, so that a resumed run would repeat the noise of its first epochs.
    Here epoch n begins with the same state whether the epochs before it ran in this process or not.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.mlp(dropout=0.5)
    >>> callback = EpochRandomness()
    >>> callback.set_model(model)
    >>> callback.on_epoch_begin(3)
    >>> int(model.get_layer("dropout1").seed_generator.state[1]) // DRAWS_AN_EPOCH
    3
    """

    def on_epoch_begin(self, epoch, logs=None):
        for variable in self.model.non_trainable_variables:
            if variable.name == "seed_generator_state":
                seed = int(keras.ops.convert_to_numpy(variable)[0])
                variable.assign([seed, epoch * DRAWS_AN_EPOCH])
