"""Each of Keras' private names that `cnnzoo/keras_internals.py` uses does what is said there.

A failure here after an update of Keras names the entry that broke; look there for what it is needed for, and whether
the public way that it waits for has come.
"""

import random

import keras
import numpy as np
import tensorflow as tf

from cnnzoo.keras_internals import call_of, own_global_generator, run_graph, shape_of_new


def test_call_of_finds_the_call_of_a_layer_that_is_called_twice():
    layer = keras.layers.Dense(4, name="shared")
    image = keras.Input((4,))
    first = layer(image)
    second = layer(first)
    assert [call_of(tensor).layer for tensor in (first, second)] == [layer, layer]
    assert call_of(first).inputs == (image,)
    assert call_of(second).inputs == (first,)
    assert call_of(second).outputs == (second,)
    assert call_of(np.zeros(3)) is None


def test_call_of_has_the_options_of_a_call():
    image = keras.Input((4,))
    assert call_of(keras.layers.Dropout(0.5)(image, training=False)).options == {"training": False}


def test_run_graph_calls_what_it_is_told_in_the_order_of_the_graph():
    image = keras.Input((2,))
    left, right = keras.layers.Rescaling(2.0, name="left")(image), keras.layers.Rescaling(3.0, name="right")(image)
    graph = keras.Function([image], [keras.layers.Add(name="add")([left, right])])
    called = []

    def operation_for(layer):
        def call(values):
            called.append(layer.name)
            return sum(values) if layer.name == "add" else values * layer.scale

        return call

    assert run_graph(graph, [5.0], operation_for) == [25.0]
    assert sorted(called[:2]) == ["left", "right"]
    assert called[2:] == ["add"]


def test_shape_of_new_hears_of_the_variables_of_layers_and_optimizers_before_they_are_made():
    heard = []

    def creator(next_creator, **options):
        heard.append((shape_of_new(options["initial_value"]), options["dtype"]))
        return next_creator(**options)

    with tf.variable_creator_scope(creator):
        tf.Variable(tf.zeros(2), dtype="float32")
        layer = keras.layers.Dense(3, dtype="float16")
        layer.build((None, 5))
        keras.optimizers.SGD(momentum=0.9).build(layer.trainable_variables)
    assert heard[:3] == [(None, "float32"), ((5, 3), "float16"), ((3,), "float16")]
    assert [shape for shape, _ in heard[3:] if shape] == [(5, 3), (3,)]


def draws():
    return [float(keras.random.normal(())) for _ in range(2)]


def test_own_global_generator_is_seeded_by_python_and_leaves_the_global_one_as_it_was():
    keras.utils.set_random_seed(3)
    expected = [*draws(), *draws()]
    keras.utils.set_random_seed(3)
    found = draws()
    inside = []
    for _ in range(2):
        random.seed(7)
        with own_global_generator():
            inside.append(draws())
    assert inside[0] == inside[1] != expected[:2]
    assert found + draws() == expected


def test_own_global_generator_leaves_none_where_there_was_none():
    keras.utils.set_random_seed(3)  # throws the generator away
    state = random.getstate()
    expected = draws()
    keras.utils.set_random_seed(3)
    with own_global_generator():
        draws()
    random.setstate(state)
    assert draws() == expected
