"""A model's graph: what computed a tensor, all calls in their order, and the graph run with other operations."""

import contextlib
import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from cnnzoo.errors import InputError, unknown
from cnnzoo.keras_internals import Call, call_of, run_graph


def calls(model: keras.Model) -> list[Call]:
    """Return the calls of a functional or Sequential model, each after those that it depends on.

    Raises:
        InputError: the model has no graph.

    Example:
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="a"), keras.layers.Dense(2, name="b")])
    >>> [call.layer.name for call in calls(model)]
    ['a', 'b']
    """
    return _calls_between(graph_inputs(model), model.outputs)


def _calls_between(starts: list[keras.KerasTensor], ends: list[keras.KerasTensor]) -> list[Call]:
    done = set(map(id, starts))
    ordered: list[Call] = []
    pending = list(reversed(ends))
    while pending:
        call: Any = call_of(pending[-1])
        missing = [tensor for tensor in call.inputs if id(tensor) not in done]
        if id(pending[-1]) in done:
            pending.pop()
        elif not call.inputs:
            raise ValueError(f"{ends[0].name} depends on {call.layer.name}, too")
        elif missing:
            pending.extend(reversed(missing))
        else:
            ordered.append(call)
            done.update(map(id, call.outputs))
    return ordered


class Subgraph:
    """The calls that lead from one tensor to another, run with other values.

    `keras.Function` is that from Keras 3.14 on; before, it holds what comes before the first tensor, too.

    Args:
        start: the tensor that is given.
        end: the tensor that is computed.

    Attributes:
        calls: the calls, each after those that it depends on; none where the end is the start.

    Raises:
        ValueError: `end` depends on something besides `start`.

    Example:
    >>> image = keras.Input((2,))
    >>> half = keras.layers.Rescaling(0.5)(image)
    >>> Subgraph(half, keras.layers.Rescaling(3.0)(half)).run(keras.ops.ones(2)).numpy().tolist()
    [3.0, 3.0]
    """

    def __init__(self, start: keras.KerasTensor, end: keras.KerasTensor):
        self.calls = _calls_between([start], [end])
        self._start, self._end = start, end

    @property
    def operations(self) -> list[Any]:
        """The layers and other operations that are called, each once."""
        return list({id(call.layer): call.layer for call in self.calls}.values())

    def run(self, value: Any, operation_for: Callable[[Any], Callable[..., Any]] = lambda layer: layer) -> Any:
        """Return the value of the end for a value of the start.

        Args:
            value: a tensor, or a symbolic one, for which the layers are called anew.
            operation_for: takes a layer or operation, and returns what is called in its place.
        """
        values = {id(self._start): value}
        for call in self.calls:
            call.repeat(values, operation_for(call.layer))
        return values[id(self._end)]


def output_of(model: keras.Model, name: str) -> keras.KerasTensor:
    """Return the tensor that a layer returns where this model calls it first; other models may have called it before.

    Args:
        model: a functional or Sequential model.
        name: name of one of its layers.
    """
    return next(call.outputs[0] for call in calls(model) if call.layer.name == name)


def following(tensor: keras.KerasTensor, graph: list[Call]) -> list[Call]:
    """Return the calls that follow a tensor one after the other, up to where the graph branches or ends.

    Args:
        tensor: a tensor of the graph.
        graph: the calls of a model; see `calls`.
    """
    chain: list[Call] = []
    while True:
        users = [call for call in graph if any(each is tensor for each in call.inputs)]
        if len(users) != 1 or len(users[0].outputs) != 1:
            return chain
        chain.append(users[0])
        tensor = users[0].outputs[0]


def graph_inputs(model: keras.Model) -> list[keras.KerasTensor]:
    """Return the tensors that a model's graph starts with.

    Raises:
        InputError: the model has no graph, or none yet.
    """
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise InputError(
                f"{model.name} is a Sequential model that does not know its input yet: start it with "
                "keras.Input(shape), such as keras.Input((28, 28, 1)), or call its build"
            )
    elif not isinstance(model, keras.Function):
        raise InputError(
            f"{model.name} is a subclassed model ({type(model).__name__}), whose layers are known only to its own "
            "call; use a functional or Sequential model"
        )
    try:
        return list(model.inputs)
    except AttributeError as error:  # a Sequential model with a layer that Keras could not put into a graph
        raise InputError(f"{model.name} has no graph of layers: {error}") from error


def with_training(operation: Any, training: bool | None) -> Callable[..., Any]:
    """Return an operation that is called with `training`, as Keras calls it within a model.

    Args:
        operation: a layer or another operation of Keras. One whose `call` takes no `training` is returned as it is.
        training: whether the layers train; `None` leaves it to the operation.

    Example:
    >>> with_training(keras.layers.Dropout(0.5), False)(keras.ops.ones(3)).numpy().tolist()
    [1.0, 1.0, 1.0]
    """
    takes = isinstance(operation, keras.Layer) and "training" in inspect.signature(operation.call).parameters
    if training is None or not takes:
        return operation
    # A graph keeps the arguments of its calls, and `training` may be among them.
    return lambda *args, **kwargs: operation(*args, **{**kwargs, "training": training})


# Takes a layer, its name, and the positional and keyword arguments of its call; returns what stands for its output.
Visit = Callable[[Any, str, tuple, dict], Any]


def walk(
    model: keras.Model,
    inputs: list[Any],
    visit: Visit,
    prefix: str = "",
    after_model: Callable[[str, list[Any]], None] | None = None,
) -> list[Any]:
    """Call `visit` for every call of every layer, also inside of models that are used as layers.

    Nothing is added to the model's own graph, and no weights are made.

    Args:
        model: a functional or a built Sequential model.
        inputs: one value for each input, in the order of `model.inputs`.
        visit: see `Visit`; in the arguments, values stand for the tensors.
        prefix: text before the names, such as `"encoder/"`.
        after_model: is called after every call of a model, with its name and the values of its outputs.

    Returns:
        The values of the outputs, in the order of `model.outputs`.

    Example:
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(4, name="b")])
    >>> walk(model, ["image"], lambda layer, name, args, kwargs: f"{name}({args[0]})")
    ['b(a(image))']
    """

    def apply(layer: Any, *args: Any, **kwargs: Any) -> Any:
        name = prefix + layer.name
        if isinstance(layer, keras.Function | keras.Sequential):
            outputs = walk(layer, _inputs_of(layer, args, kwargs), visit, f"{name}/", after_model)
            if after_model is not None:
                after_model(name, outputs)
            return outputs
        return visit(layer, name, args, kwargs)

    graph = keras.Function(model.inputs, model.outputs)
    return run_graph(graph, inputs, lambda layer: functools.partial(apply, layer))


class _AllFoundError(Exception):
    """The rest of a graph need not be computed."""


def outputs_of_layers(
    model: keras.Model,
    inputs: list[Any],
    names: Iterable[str],
    *,
    before_activation: str | None = None,
    operation_for: Callable[[Any], Callable[..., Any]] = lambda layer: with_training(layer, False),
) -> dict[str, Any]:
    """Return the outputs of layers, as at inference; what comes after them is not computed.

    Args:
        model: a functional or a built Sequential model.
        inputs: one tensor for each input, in the order of `model.inputs`.
        names: of layers as `cnnzoo.conv_report` prints them: `"inner/conv1"` inside of a model that is used as a layer,
            `"conv1 (call 2)"` where a layer is called again. The name of a model itself stands for its output.
        before_activation: the name of one of them, the last one in the graph, whose output is taken before the layer's
            own activation is applied; of a layer without one it is the same.
        operation_for: takes a layer or operation, and returns what is called in its place; default itself, as at
            inference.

    Raises:
        InputError: the model has no graph, or no layer of a name.

    Example:
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(4, name="b")])
    >>> outputs_of_layers(model, [keras.ops.ones((1, 2))], ["a"])["a"].shape
    TensorShape([1, 3])
    """
    graph_inputs(model)
    wanted, count = set(names), Counter[str]()
    found: dict[str, Any] = {}
    known = list(_layer_names(model))
    for name in wanted:
        if re.sub(r" \(call \d+\)$", "", name) not in known:
            raise unknown(f"layer of {model.name}", name, known, plural=f"layers of {model.name}")

    def record(name: str, output: Any) -> None:
        count[name] += 1
        called = name if count[name] == 1 else f"{name} (call {count[name]})"
        if called in wanted:
            found[called] = output[0] if isinstance(output, list) and len(output) == 1 else output
        if len(found) == len(wanted):
            raise _AllFoundError

    def visit(layer: Any, name: str, args: tuple, kwargs: dict) -> Any:
        called = f"{name} (call {count[name] + 1})" if count[name] else name
        with activated_by(layer, keras.activations.linear) if called == before_activation else contextlib.nullcontext():
            output = operation_for(layer)(*args, **kwargs)
        record(name, output)
        return output

    with contextlib.suppress(_AllFoundError):
        for tensor, given in zip(model.inputs, inputs, strict=True):
            call: Any = call_of(tensor)
            record(call.layer.name, given)
        walk(model, inputs, visit, after_model=record)
    for name in wanted - found.keys():
        raise unknown(f"layer of {model.name}", name, [*known, *found], plural=f"layers of {model.name}")
    return found


@contextlib.contextmanager
def activated_by(layer: Any, other: Callable[[Any], Any]) -> Iterator[None]:
    """Give a layer another activation for a while, where it has one."""
    activation = getattr(layer, "activation", None)
    if not callable(activation):
        yield
        return
    layer.activation = other
    try:
        yield
    finally:
        layer.activation = activation


def _layer_names(model: keras.Model, prefix: str = "") -> Iterator[str]:
    for layer in model.layers:
        yield f"{prefix}{layer.name}"
        if isinstance(layer, keras.Function | keras.Sequential):
            yield from _layer_names(layer, f"{prefix}{layer.name}/")


def _inputs_of(model: keras.Model, args: tuple, kwargs: dict) -> list[Any]:
    """Return the values for a model that is used as a layer, in the order of its inputs."""
    given = args[0] if args else kwargs.get("inputs")
    if isinstance(given, dict) and set(given) == {tensor.name for tensor in model.inputs}:
        return [given[tensor.name] for tensor in model.inputs]
    return keras.tree.flatten(given)
