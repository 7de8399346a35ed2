"""The part of a model between two tensors, run as at inference."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from cnnzoo.layers.graph import run_graph, with_training


class Segment:
    """The part of a graph that leads from one tensor to another, run with every layer as at inference.

    It shares the layers' weights, and leaves no trace in the layers or in the model. Given the shards of a batch
    (`cnnzoo.distribute.shards`), it returns shards.

    Args:
        start: the tensor that is given.
        end: the tensor that is computed.
        linear: a layer to be called without its activation.

    Attributes:
        is_identity: whether the end is the start.
        operations: layers and other operations on the way.
        only_reshapes: whether the end holds the values of the start, in their order and another shape.

    Raises:
        ValueError: `end` depends on something besides `start`.

    Example:
    >>> image = keras.Input((4,))
    >>> code = keras.layers.Dense(2)(keras.layers.Dropout(0.5)(image))
    >>> Segment(image, code)(keras.ops.ones((1, 4))).shape
    TensorShape([1, 2])
    """

    def __init__(self, start: keras.KerasTensor, end: keras.KerasTensor, linear: Any = None):
        self.is_identity = start is end
        self._linear = linear
        self._function = None if self.is_identity else keras.Function([start], [end], name="segment")
        self.operations = self._function.operations if self._function else []
        self.only_reshapes = bool(self.operations) and all(map(_only_reshapes, self.operations))

    def __call__(self, values: Any) -> Any:
        if self._function is None:
            return values
        operation_for = self._on_shards if hasattr(values, "parts") else self._at_inference
        (end,) = run_graph(self._function, [values], operation_for)
        return end

    def _at_inference(self, operation: Any) -> Callable[..., Any]:
        if operation is self._linear:
            return functools.partial(_without_activation, operation)
        return with_training(operation, training=False)

    def _on_shards(self, operation: Any) -> Callable[..., Any]:
        from cnnzoo.distribute.shards import per_shard

        activation = keras.activations.linear if operation is self._linear else None
        return per_shard(operation, self._at_inference(operation), activation)


def _only_reshapes(operation: Any) -> bool:
    if type(operation) not in (keras.layers.InputLayer, keras.layers.Flatten, keras.layers.Reshape):
        return False
    in_order = getattr(operation, "data_format", "channels_last") == "channels_last"
    return in_order and operation.compute_dtype == "float32"  # in mixed precision they round, too


def _without_activation(layer: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a layer whose activation is applied elsewhere: in a loss that is computed from logits."""
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        return layer(*args, **kwargs)
    finally:
        layer.activation = activation
