"""A model's graph as a list of calls, and the parts of it between two tensors."""

import functools
import inspect
from dataclasses import dataclass
from typing import Any

import keras

from cnnzoo.errors import InputError


@dataclass(frozen=True)
class Call:
    """One call of a layer, or of another operation of Keras, inside a model.

    Attributes:
        layer: what is called.
        incoming: the tensors that enter.
        outgoing: the tensors that leave.
    """

    layer: Any
    incoming: tuple[keras.KerasTensor, ...]
    outgoing: tuple[keras.KerasTensor, ...]


def calls(model: keras.Model) -> list[Call]:
    """Return the calls of a functional or Sequential model, each after those that it depends on.

    Raises:
        InputError: the model has no graph, or not exactly one input.
    """
    _check(model)
    seen = {id(tensor) for tensor in model.inputs}
    found: list[Call] = []
    pending = list(reversed(model.outputs))
    while pending:
        operation, index, _ = pending[-1]._keras_history
        node = operation._inbound_nodes[index]
        missing = [tensor for tensor in node.input_tensors if id(tensor) not in seen]
        if id(pending[-1]) in seen:
            pending.pop()
        elif missing:
            pending.extend(reversed(missing))
        else:
            found.append(Call(operation, tuple(node.input_tensors), tuple(node.outputs)))
            seen.update(id(tensor) for tensor in node.outputs)
    return found


def _check(model: keras.Model) -> None:
    if not isinstance(model, keras.Model):
        raise InputError(f"pretraining takes a Keras model, not {model!r}")
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise InputError(
                f"{model.name} is a Sequential model that does not know its input yet: "
                "begin it with keras.Input(shape), or call its build"
            )
    elif not isinstance(model, keras.Function):
        raise InputError(
            f"{model.name} is a subclassed model ({type(model).__name__}), whose layers are known only to its own "
            "call; what can be pretrained are functional and Sequential models"
        )
    if len(model.inputs) != 1:
        names = ", ".join(tensor.name for tensor in model.inputs)
        raise InputError(f"{model.name} has {len(model.inputs)} inputs ({names}); what is pretrained has one")


def following(tensor: keras.KerasTensor, graph: list[Call]) -> list[Call]:
    """Return the calls that follow a tensor one after the other, up to where the graph branches or ends."""
    found: list[Call] = []
    while True:
        users = [call for call in graph if any(each is tensor for each in call.incoming)]
        if len(users) != 1 or len(users[0].outgoing) != 1:
            return found
        found.append(users[0])
        tensor = users[0].outgoing[0]


class Segment:
    """The part of a graph that leads from one tensor to another, run with every layer as at inference.

    It shares the layers' weights, and leaves no trace in the layers or in the model. Given a batch in slices
    (`cnnzoo.distribute.slices`), it returns slices.

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
        # Keras has no public way to tell each layer of a Function that this is no training.
        how = self._silent_in_shards if hasattr(values, "parts") else self._silent
        (end,) = self._function._run_through_graph([values], operation_fn=how)
        return end

    def _silent(self, operation: Any) -> Any:
        if operation is self._linear:
            return functools.partial(_without_activation, operation)
        if isinstance(operation, keras.layers.Layer) and "training" in inspect.signature(operation.call).parameters:
            return functools.partial(operation, training=False)
        return operation

    def _silent_in_shards(self, operation: Any) -> Any:
        from cnnzoo.distribute.slices import side_by_side

        activation = keras.activations.linear if operation is self._linear else None
        return side_by_side(operation, self._silent(operation), activation)


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
