"""Finding the layers that a tensor was computed by."""

from typing import Any

import keras


def layers_before(tensor: Any) -> dict[str, Any]:
    """Return the layers that a symbolic tensor was computed by, by their names, in the order of computation.

    Layers within models that were used as layers are among them, under their own names.

    Args:
        tensor: what a layer is called with. Values, which know nothing of their origin, give no layers.

    Example:
    >>> image = keras.Input((4,), name="image")
    >>> list(layers_before(keras.layers.Dense(2, name="code")(image)))
    ['image', 'code']
    """
    if not hasattr(tensor, "_keras_history"):  # values, or a tensor that stands for no place in a graph
        return {}
    graph = keras.Function(keras.utils.get_source_inputs(tensor), tensor)
    found: dict[str, Any] = {}
    for operation in graph.operations:
        found |= _with_inner_layers(operation)
    return found


def _with_inner_layers(operation: Any) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for layer in operation.layers if isinstance(operation, keras.Model) else []:
        inner |= _with_inner_layers(layer)
    return {**inner, operation.name: operation}


def maker(tensor: Any) -> tuple[Any, list]:
    """Return the layer that a symbolic tensor is the output of, and the tensors that the layer was called with.

    Args:
        tensor: a tensor of a graph. Other values have no maker: `None`, and nothing.

    Example:
    >>> image = keras.Input((4,))
    >>> layer, inputs = maker(keras.layers.Dense(2, name="code")(image))
    >>> layer.name, inputs[0] is image
    ('code', True)
    """
    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return None, []
    # Keras has no public way to ask for the inputs of one of several calls of a layer.
    return history.operation, list(history.operation._inbound_nodes[history.node_index].input_tensors)
