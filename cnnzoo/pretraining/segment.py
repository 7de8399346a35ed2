"""The part of a model between two tensors, as a layer that runs as at inference."""

from collections.abc import Sequence
from typing import Any

import keras

from cnnzoo.layers.contractive_penalty import penalizes_activations
from cnnzoo.layers.graph import Subgraph, with_training


class Segment(keras.layers.Layer):
    """The part of a graph that leads from one tensor to another, run with every layer as at inference.

    It shares the layers' weights, and leaves no trace in the layers or in the model.

    Args:
        start: the tensor that is given.
        end: the tensor that is computed.
        trained: the layers on the way whose weights are this layer's, too; all others are fixed. With none of them, no
            penalty counts either.

    Attributes:
        is_identity: whether the end is the start.
        only_reshapes: whether the end holds the values of the start, in their order and another shape.
        layers: the trained layers, and those that add a penalty on activations to the loss.

    Raises:
        ValueError: `end` depends on something besides `start`.

    Example:
    >>> image = keras.Input((4,))
    >>> code = keras.layers.Dense(2)(keras.layers.Dropout(0.5)(image))
    >>> Segment(image, code)(keras.ops.ones((1, 4))).shape
    TensorShape([1, 2])
    """

    def __init__(self, start: keras.KerasTensor, end: keras.KerasTensor, trained: Sequence[Any] = ()):
        super().__init__(autocast=False)  # each layer casts its own input
        self.is_identity = start is end
        self._graph = Subgraph(start, end)
        operations = self._graph.operations
        self.only_reshapes = bool(operations) and all(map(_only_reshapes, operations))
        self.layers = [*trained, *filter(penalizes_activations, operations)] if trained else []
        self.built = True

    def call(self, values):
        return self._graph.run(values, lambda operation: with_training(operation, training=False))


def _only_reshapes(operation: Any) -> bool:
    if type(operation) not in (keras.layers.Flatten, keras.layers.Reshape):
        return False
    in_order = getattr(operation, "data_format", "channels_last") == "channels_last"
    return in_order and operation.compute_dtype == "float32"  # in mixed precision they round, too
