"""Random states of dropout and noise layers that depend on seed, epoch and replica alone."""

from typing import Any

import keras

DRAWS_PER_EPOCH = 2**16  # more than any layer draws in an epoch; a layer that draws more repeats some noise
REPLICA_OFFSET = 0x9E3779B1  # between the seeds of two replicas: from the golden ratio, which spreads them


class EpochRandomness(keras.callbacks.Callback):
    """Set the random state of every dropout and noise layer at the beginning of each epoch.

    Keras saves no random states, so that a resumed run would repeat the noise of its first epochs.
    Here epoch n begins with the same state whether the epochs before it ran in this process or not.

    Under a strategy of TensorFlow, Keras gives all replicas the same state: they would drop the same units. Here each
    replica has its own seed; the first has that of a single device.

    Args:
        first_replica: index of this process' first replica among those of all workers.

    Example:
    >>> import cnnzoo
    >>> model = cnnzoo.mlp(dropout=0.5)
    >>> callback = EpochRandomness()
    >>> callback.set_model(model)
    >>> callback.on_epoch_begin(3)
    >>> int(model.get_layer("dropout1").seed_generator.state[1]) // DRAWS_PER_EPOCH
    3
    """

    def __init__(self, first_replica: int = 0):
        super().__init__()
        self._first_replica = first_replica
        self._seeds: dict[str, int] = {}  # the seeds that Keras drew, by the variable's path

    def on_epoch_begin(self, epoch, logs=None):
        for variable in self._states():
            seed = self._seeds.setdefault(variable.path, int(keras.ops.convert_to_numpy(variable)[0]))
            for replica, part in enumerate(self._parts(variable), start=self._first_replica):
                part.assign([(seed + replica * REPLICA_OFFSET) % 2**31 if replica else seed, epoch * DRAWS_PER_EPOCH])

    def on_train_end(self, logs=None):
        for variable in self._states():  # restored for the next training of the model
            for part in self._parts(variable):
                part.assign([self._seeds[variable.path], 0])

    def _states(self) -> list[Any]:
        # By name, and not as `layer.seed_generator`: layers inside of layers, as attention's dropout, draw as well.
        return [variable for variable in self.model.non_trainable_variables if variable.name == "seed_generator_state"]

    def _parts(self, variable: Any) -> tuple[Any, ...]:
        """Return a variable's parts on the replicas of this process, or the variable itself if it has none."""
        strategy = getattr(self.model, "distribute_strategy", None)  # on TensorFlow alone
        return (variable,) if strategy is None else strategy.experimental_local_results(variable.value)
