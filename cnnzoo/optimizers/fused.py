"""Updates of a weight by one operation of TensorFlow, which passes over the memory of weight and state once.

Written out, each operation of a rule passes over it: a step of `deep_autoencoder` by Adam costs 20 % more processor
time, one of `alexnet_owt` by momentum 3 % (`benchmarks/own_ways.py`, two cores, medians of 5 interleaved turns).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import keras


def is_available() -> bool:
    """Return whether there are such operations: on TensorFlow."""
    return keras.backend.backend() == "tensorflow"


def update(operation: str, variable, states: Mapping[str, Any], gradient, **settings) -> None:
    """Update a weight and its state.

    Args:
        operation: name of the operation in `tf.raw_ops`.
        variable: TensorFlow's own variable, or a replica's part of one, as Keras passes it to `update_step`.
        states: the Keras variables of its state, by the operation's arguments.
        gradient: the gradient of the loss.
        settings: the operation's other arguments, as numbers or tensors.
    """
    import tensorflow as tf

    getattr(tf.raw_ops, operation)(
        var=variable.handle,
        grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
        **{name: state.value.handle for name, state in states.items()},
        **{name: tf.cast(value, variable.dtype) for name, value in settings.items()},
    )


class States:
    """What an optimizer keeps for each of its variables, found by what Keras passes to `update_step`.

    That is a variable of Keras, or on TensorFlow a variable of its own, with a strategy one for each replica.

    Args:
        variables: the variables that the optimizer is built with.
        values: for each kind of state one value for each variable.

    Example:
    >>> weight = keras.Variable([1.0])
    >>> States([weight], [0.9], [0.1])[weight.value]
    (0.9, 0.1)
    """

    def __init__(self, variables: Iterable[Any], *values: Iterable[Any]):
        self._kept = list(zip(variables, zip(*values, strict=True), strict=True))
        self._by_id: dict[int, tuple] = {}

    def __getitem__(self, variable: Any) -> tuple:
        if id(variable) not in self._by_id:  # only now it is certain that the strategy is that of the step
            self._by_id = {id(part): values for each, values in self._kept for part in _parts(each)}
        return self._by_id[id(variable)]


def _parts(variable: keras.Variable) -> tuple:
    if keras.backend.backend() != "tensorflow":
        return (variable,)
    import tensorflow as tf

    return tf.distribute.get_strategy().experimental_local_results(variable.value)
