"""What Keras has no public way for yet: the only module that touches its private names.

Each entry says why it is needed, and the public way that would replace it. All were tried on Keras 3.13.0 to 3.15.1;
`tests/test_keras_internals.py` says which one broke when Keras changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR


@dataclass(frozen=True)
class Call:
    """One call of a layer, or of another operation of Keras, in a graph.

    Attributes:
        layer: the layer or operation that is called.
        inputs: the tensors that it is called with.
        outputs: the tensors that it returns.
        options: its keyword arguments, such as `reverse`.
        arguments: all of its arguments, as Keras keeps them.
    """

    layer: Any
    inputs: tuple[keras.KerasTensor, ...]
    outputs: tuple[keras.KerasTensor, ...]
    options: dict[str, Any]
    arguments: Any = field(repr=False, compare=False)

    def repeat(self, values: dict[int, Any], operation: Callable[..., Any]) -> None:
        """Call an operation with other values in the place of the tensors, and add what it returns to the values.

        Args:
            values: the value of each tensor, by its `id`.
            operation: what is called in the place of the layer.
        """
        positional, keywords = self.arguments.fill_in(values)
        returned = keras.tree.flatten(operation(*positional, **keywords))
        values.update(zip(map(id, self.outputs), returned, strict=True))


# Whether Keras divides what an activity regularizer returns by the size of the batch, before it adds it to the loss.
# No name says so; `tests/layers/test_kl_sparsity.py` has the sum of either way.
DIVIDES_ACTIVITY_PENALTIES = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 14)


def call_of(tensor: Any) -> Call | None:
    """Return the call that a symbolic tensor is an output of.

    Waits for a public way to ask a tensor, or a layer for a call other than its first: `layer.input` and
    `layer.output` are those of the first one.

    Args:
        tensor: a tensor of a graph. Other values are no call's output: `None`.

    Example:
    >>> image = keras.Input((4,))
    >>> call = call_of(keras.layers.Dense(2, name="code")(image))
    >>> call.layer.name, call.inputs[0] is image
    ('code', True)
    """
    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return None
    node = history.operation._inbound_nodes[history.node_index]
    options = dict(node.arguments.kwargs)
    return Call(history.operation, tuple(node.input_tensors), tuple(node.outputs), options, node.arguments)


def run_graph(graph: keras.Function, inputs: list[Any], operation_for: Callable[[Any], Callable[..., Any]]) -> Any:
    """Run a graph with another operation in the place of each of its own, in the order of computation.

    Nothing is added to the graph. The inputs and what the operations return need not be tensors. This is how
    `keras.Function` itself computes outputs and shapes. Waits for a public way: `keras.models.clone_model` takes a
    `call_function`, but makes a new graph of tensors.

    Args:
        graph: a functional model, or another `keras.Function`.
        inputs: one value for each input of the graph.
        operation_for: takes a layer or operation of the graph, and returns what is called in its place.

    Returns:
        The outputs, in the graph's own structure.

    Example:
    >>> image = keras.Input((2,))
    >>> graph = keras.Function([image], [keras.layers.Rescaling(2.0)(image)])
    >>> run_graph(graph, ["image"], lambda layer: lambda value: f"{type(layer).__name__} of {value}")
    ['Rescaling of image']
    """
    return graph._run_through_graph(inputs, operation_fn=operation_for)


def shape_of_new(initial_value: Any) -> tuple[int, ...] | None:
    """Return the shape of a variable of Keras that TensorFlow is about to make, or `None` for another variable.

    Keras hands TensorFlow a function that makes the value, and that knows the variable. Waits for a public way to
    build a model without its weights; to call the function in a graph would end the process where the shape overflows.

    Args:
        initial_value: what `tf.Variable` is given, as a `tf.variable_creator_scope` hears of it.

    Example:
    >>> heard = []
    >>> def creator(next_creator, **options):
    ...     heard.append(shape_of_new(options["initial_value"]))
    ...     return next_creator(**options)
    >>> import tensorflow as tf
    >>> with tf.variable_creator_scope(creator):
    ...     _ = keras.Variable("zeros", shape=(3, 5), dtype="float16")
    >>> heard
    [(3, 5)]
    """
    for cell in getattr(initial_value, "__closure__", None) or ():
        if isinstance(variable := cell.cell_contents, keras.Variable):
            return tuple(variable.shape)
    return None


@contextmanager
def own_global_generator() -> Iterator[None]:
    """Let Keras make a new global random generator in the block, and put back the one of before after it.

    The new one is seeded by Python's `random`. Waits for a public way to read the global generator:
    `keras.utils.set_random_seed` only throws it away.

    Example:
    >>> keras.utils.set_random_seed(1)
    >>> _ = keras.random.normal(())
    >>> with own_global_generator():
    ...     _ = keras.random.normal(())
    >>> second = float(keras.random.normal(()))
    >>> keras.utils.set_random_seed(1)
    >>> _ = keras.random.normal(())
    >>> float(keras.random.normal(())) == second
    True
    """
    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    state = None if generator is None else keras.ops.convert_to_numpy(generator.state)
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)
    try:
        yield
    finally:
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, generator)
        if generator is not None:
            generator.state.assign(state)
