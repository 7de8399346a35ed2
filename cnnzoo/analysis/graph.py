"""Walking through a model's graph, call by call, in the order of computation."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from cnnzoo.analysis.arithmetic import Signal
from cnnzoo.analysis.receptive_field import Field
from cnnzoo.errors import InputError

# Takes the layer, its name in the report, and its arguments, in which every tensor is a Signal;
# returns the outgoing Signal.
Visit = Callable[[Any, str, tuple, dict], Signal]

SHAPE = "a tuple of positive integers such as (224, 224, 3): the sides of the image, then its depth"


def image_signals(model: keras.Model, input_shape: Any) -> list[Signal]:
    """Return one signal for each input of a model, with every side known.

    Args:
        model: what `conv_report` was given.
        input_shape: the shape of an image, without the batch, for models that leave sides open; one for
            each input in a list where there are several; or `None`.

    Raises:
        InputError: the model has no graph, the shape is missing, malformed, or not the model's.
    """
    if not isinstance(model, keras.Model):
        raise InputError(
            "conv_report takes a name of cnnzoo.list_models() or a Keras model, "
            f"not {f'the class {model.__name__}' if isinstance(model, type) else f'a {type(model).__name__}'}"
        )
    references = graph_inputs(model)
    if input_shape is None:
        shapes = [tuple(reference.shape[1:]) for reference in references]
    elif len(references) == 1 and not isinstance(input_shape, list):
        shapes = [input_shape]
    else:
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
    if len(shapes) != len(references):
        raise InputError(
            f"{model.name} has {len(references)} inputs: give input_shape as a list of {len(references)} shapes, "
            f"not {input_shape!r}"
        )
    return [
        _image_signal(model, reference, shape, given=input_shape is not None)
        for reference, shape in zip(references, shapes, strict=True)
    ]


def graph_inputs(model: keras.Model) -> list[keras.KerasTensor]:
    """Return the tensors that a model's graph begins with.

    Raises:
        InputError: the model has no graph, or none yet.
    """
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise InputError(
                f"{model.name} is a Sequential model that does not know its input yet: "
                "begin it with keras.Input((height, width, channels)), or call its build"
            )
    elif not isinstance(model, keras.Function):
        raise InputError(
            f"{model.name} is a subclassed model ({type(model).__name__}), whose layers are known only to its own "
            "call; what can be read are functional and Sequential models"
        )
    try:
        return list(model.inputs)
    except AttributeError as error:  # a Sequential model with a layer that Keras could not put into a graph
        raise InputError(f"{model.name} has no graph of layers: {error}") from error


def _image_signal(model: keras.Model, reference: keras.KerasTensor, shape: Any, *, given: bool) -> Signal:
    own = tuple(reference.shape[1:])
    name = _layer_of(model, reference)
    if given and not (isinstance(shape, tuple | list) and all(type(side) is int and side > 0 for side in shape)):
        raise InputError(f"input_shape must be {SHAPE}; not {shape!r}")
    shape = tuple(shape)
    if None in shape:
        raise InputError(f"{model.name} leaves sides of its input {name!r} open, {own}: give input_shape, {SHAPE}")
    fits = len(shape) == len(own) and all(want in (None, side) for want, side in zip(own, shape, strict=True))
    if not fits:
        raise InputError(f"{model.name} was built for the input shape {own}, which input_shape={shape} contradicts")
    tensor = keras.KerasTensor((None, *shape), dtype=reference.dtype, name=name)
    return Signal(tensor, Field.of_image(shape))


def _layer_of(model: keras.Model, reference: keras.KerasTensor) -> str:
    """Return the name of an input's layer; its tensor may have been given one by number."""
    for layer in keras.Function(model.inputs, model.outputs).operations:
        if isinstance(layer, keras.layers.InputLayer) and layer.output is reference:
            return layer.name
    return reference.name


def walk(model: keras.Model, signals: list[Signal], visit: Visit, prefix: str = "") -> list[Signal]:
    """Call `visit` for every call of every layer, also inside of models that are used as layers.

    Nothing is added to the model's own graph, and no weights are made.

    Args:
        model: a functional or a built Sequential model.
        signals: what goes into it, in the order of `model.inputs`.
        visit: see `Visit`.
        prefix: what the names in the report begin with, such as `"encoder/"`.

    Returns:
        What comes out of it, in the order of `model.outputs`.
    """

    def apply(layer: Any, *args: Any, **kwargs: Any) -> Any:
        name = prefix + layer.name
        if isinstance(layer, keras.Function | keras.Sequential):
            return walk(layer, _incoming(layer, args, kwargs), visit, f"{name}/")
        return visit(layer, name, args, kwargs)

    graph = keras.Function(model.inputs, model.outputs)
    # Keras has no public way to pass something else than tensors through the nodes of a graph. This
    # method is how keras.Function itself computes shapes: it hands each node's layer to the function
    # below, in the order of computation, and calls what that returns with the node's arguments.
    return graph._run_through_graph(signals, operation_fn=lambda layer: functools.partial(apply, layer))


def _incoming(model: keras.Model, args: tuple, kwargs: dict) -> list[Signal]:
    """Return the signals for a model that is used as a layer, in the order of its inputs."""
    given = args[0] if args else kwargs.get("inputs")
    if isinstance(given, dict) and set(given) == {tensor.name for tensor in model.inputs}:
        return [given[tensor.name] for tensor in model.inputs]
    return keras.tree.flatten(given)
