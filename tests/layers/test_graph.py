"""Walks over the graphs of models of every shape, which leave the models unchanged."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from cnnzoo import InputError
from cnnzoo.layers.graph import (
    Subgraph,
    call_of,
    calls,
    following,
    graph_inputs,
    run_graph,
    walk,
    with_training,
)
from tests.layers.checking import graph_nodes


def nested():
    """Return a model that uses a layer twice, and a model as a layer."""
    image = keras.Input((4,), name="image")
    inner = keras.Model(image, layers.Dense(3, name="b")(layers.Dense(3, name="a")(image)), name="inner")
    inputs = keras.Input((4,), name="inputs")
    shared = layers.Dense(4, name="shared")
    return keras.Model(inputs, layers.Dense(2, name="head")(inner(shared(shared(inputs))) * 2))


def visited(model, inputs):
    """Return the names and inputs of all calls, and the outputs; each call's output is its name."""
    visits = []

    def visit(layer, name, args, kwargs):
        visits.append((name, keras.tree.flatten((args, kwargs))))
        return name

    outputs = walk(model, inputs, visit)
    return visits, outputs


def test_a_walk_visits_every_call_also_inside_of_models():
    visits, outputs = visited(nested(), ["image"])
    assert [name for name, _ in visits[:4]] == ["shared", "shared", "inner/a", "inner/b"]
    assert [inputs for _, inputs in visits[:4]] == [["image"], ["shared"], ["shared"], ["inner/a"]]
    assert visits[4][1] == ["inner/b", 2]
    assert visits[5][0] == "head"
    assert outputs == ["head"]


def test_a_walk_passes_inputs_of_an_inner_model_by_name():
    first, second = keras.Input((2,), name="first"), keras.Input((3,), name="second")
    outputs = [layers.Dense(2, name="one")(first), layers.Dense(2, name="two")(second)]
    inner = keras.Model({"first": first, "second": second}, outputs, name="inner")
    two, three = keras.Input((2,)), keras.Input((3,))
    model = keras.Model([three, two], inner({"second": three, "first": two}))
    visits, outputs = visited(model, ["three", "two"])
    assert dict(visits) == {"inner/one": ["two"], "inner/two": ["three"]}
    assert outputs == ["inner/one", "inner/two"]


def test_a_walk_and_another_run_leave_the_model_unchanged():
    model = nested()
    before, weights = graph_nodes(model), len(model.weights)
    visited(model, ["image"])
    run_graph(model, [np.ones((1, 4), "float32")], lambda layer: with_training(layer, False))
    calls(model)
    assert (graph_nodes(model), len(model.weights)) == (before, weights)


def test_the_call_of_a_tensor_is_that_of_several_calls_that_returned_it():
    image = keras.Input((4,))
    shared = layers.Dense(4)
    once = shared(image)
    twice = shared(once)
    assert call_of(twice).layer is call_of(once).layer is shared
    assert call_of(once).inputs[0] is image
    assert call_of(twice).inputs[0] is once
    assert call_of(twice).outputs[0] is twice
    assert call_of(image).inputs == ()
    assert call_of(np.ones(3)) is None


def test_calls_come_after_those_that_they_depend_on():
    inputs = keras.Input((4,))
    left = layers.Dense(4, name="left")(inputs)
    right = layers.Dense(4, name="right")(left)
    model = keras.Model(inputs, layers.Add(name="sum")([right, left]))
    assert [call.layer.name for call in calls(model)] == ["left", "right", "sum"]
    assert [call.layer.name for call in calls(nested())][:3] == ["shared", "shared", "inner"]


def test_calls_follow_a_tensor_up_to_where_the_graph_branches():
    inputs = keras.Input((4,))
    x = layers.Dense(4, name="a")(inputs)
    x = layers.ReLU(name="b")(x)
    model = keras.Model(inputs, layers.Add()([x, layers.Dense(4)(x)]))
    assert [call.layer.name for call in following(inputs, calls(model))] == ["a", "b"]
    assert following(x, calls(model)) == []


def test_layers_run_in_the_mode_that_is_passed_on():
    inputs = keras.Input((50,))
    model = keras.Model(inputs, layers.Dropout(0.5, seed=1)(inputs, training=True))
    ones = np.ones((1, 50), "float32")
    at_inference = run_graph(model, [ones], lambda layer: with_training(layer, False))
    assert np.all(ops.convert_to_numpy(at_inference) == 1)
    as_called = run_graph(model, [ones], lambda layer: with_training(layer, None))
    assert np.any(ops.convert_to_numpy(as_called) == 0)
    assert with_training(ops.relu, True) is ops.relu


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (keras.Sequential([layers.Dense(3)], name="open"), r"open is a Sequential model .*start it with keras.Input\("),
        (Subclassed(name="own"), r"own is a subclassed model \(Subclassed\)"),
    ],
)
def test_a_model_without_a_graph_is_refused(model, sentence):
    with pytest.raises(InputError, match=sentence):
        graph_inputs(model)


def test_a_part_of_a_graph_is_run_with_the_values_of_its_start_alone():
    image = keras.Input((2,))
    start = keras.layers.Rescaling(100.0)(image)
    double = keras.layers.Rescaling(2.0)
    part = Subgraph(start, keras.layers.Subtract()([double(double(start)), keras.ops.abs(start)]))
    assert [type(operation).__name__ for operation in part.operations] == ["Rescaling", "Absolute", "Subtract"]
    values = np.array([[1.0, -3.0]], "float32")
    np.testing.assert_array_equal(part.run(values), 4 * values - np.abs(values))
    with pytest.raises(ValueError, match="depends on"):
        Subgraph(start, keras.layers.Add()([start, image]))
