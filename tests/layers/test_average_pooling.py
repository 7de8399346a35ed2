"""Average pooling against Keras' own layer: arguments, numbers, gradients, files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.layers import AveragePooling2D

OPTIONS = [
    {"pool_size": 2},
    {"pool_size": (2, 2)},
    {"pool_size": (2, 3)},
    {"pool_size": (3, 2), "strides": (3, 2)},
    {"pool_size": 1},
    {"pool_size": 3, "strides": 2},
    {"pool_size": (3, 2), "strides": (1, 2)},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 2, "padding": "same"},
    {"pool_size": 4, "strides": 1, "padding": "same"},
    {"pool_size": 2, "padding": "SAME"},
    {"pool_size": 2, "data_format": "channels_last", "name": "S2"},
]


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(3, 12, 6, 4), (2, 9, 7, 2)], ids=str)
def test_outputs_and_gradient_equal_those_of_keras_layer(shape, options):
    images = tf.constant(random(*shape))
    outputs, gradients = [], []
    for kind in (AveragePooling2D, keras.layers.AveragePooling2D):
        layer = kind(**options)
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs.append(layer(images))
            total = tf.reduce_sum(tf.sin(outputs[-1]))
        gradients.append(tape.gradient(total, images))
    np.testing.assert_array_equal(*outputs)
    np.testing.assert_allclose(*gradients, atol=1e-7)


def graph_operations(kind, **options):
    """Return the types of the operations of outputs and gradient."""

    @tf.function
    def gradient(images):
        return tf.gradients(kind(**options)(images), images)

    graph = gradient.get_concrete_function(tf.TensorSpec((3, 12, 6, 4))).graph.as_graph_def()
    return {node.op for node in [*graph.node, *(node for each in graph.library.function for node in each.node_def)]}


def test_where_windows_touch_the_gradient_is_written_by_copying():
    """If this fails, the faster way is no longer taken."""
    assert "AvgPoolGrad" in graph_operations(keras.layers.AveragePooling2D, pool_size=2)
    assert "AvgPoolGrad" not in graph_operations(AveragePooling2D, pool_size=2)
    assert "AvgPoolGrad" not in graph_operations(AveragePooling2D, pool_size=(3, 2))


def test_it_is_keras_layer_and_takes_its_arguments():
    layer, theirs = AveragePooling2D(2, 1, "same", "channels_first"), keras.layers.AveragePooling2D
    assert isinstance(layer, theirs)
    assert layer.get_config() == theirs(2, 1, "same", "channels_first", name=layer.name).get_config()
    assert layer(keras.Input((3, 8, 6))).shape == theirs(2, 1, "same", "channels_first")(keras.Input((3, 8, 6))).shape


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        (((2, 3, 4),), None),
        ((0,), None),
        ((2, -1), None),
        ((2, 2, "full"), (4, 4, 1)),
        ((2,), (5, 1)),
    ],
    ids=str,
)
def test_wrong_arguments_and_images_raise_as_with_keras_layer(arguments, shape):
    messages = []
    for kind in (AveragePooling2D, keras.layers.AveragePooling2D):
        with pytest.raises(ValueError, match=r"Received|expected ndim=4") as refused:
            kind(*arguments, name="pool")(keras.Input(shape))
        messages.append(str(refused.value).split("Arguments received")[0])
    assert messages[0] == messages[1]


def test_a_window_that_does_not_fit_is_what_it_is_to_keras_layer():
    """It raises from Keras 3.14 on, and gives an output of no rows before."""
    found = []
    for kind in (AveragePooling2D, keras.layers.AveragePooling2D):
        try:
            found.append(kind(4, name="pool")(keras.Input((3, 5, 1))).shape)
        except ValueError as error:
            found.append(str(error).split("Arguments received")[0])
    assert found[0] == found[1]


@pytest.mark.parametrize("options", [{"pool_size": 3}, {"pool_size": 3, "strides": 2, "padding": "same"}], ids=str)
def test_a_file_names_keras_layer_and_cnnzoo_makes_its_own_of_it(options, tmp_path):
    model = keras.Sequential([keras.Input((9, 9, 2)), AveragePooling2D(**options)])
    written = keras.saving.serialize_keras_object(model.layers[0])
    assert (written["module"], written["class_name"]) == ("keras.layers", "AveragePooling2D")
    model.save(tmp_path / "model.keras")
    images = random(2, 9, 9, 2)
    of_keras = keras.layers.AveragePooling2D
    for load, kind in ((keras.models.load_model, of_keras), (cnnzoo.load_model, AveragePooling2D)):
        again = load(tmp_path / "model.keras")
        assert type(again.layers[0]) is kind
        assert again.layers[0].get_config() == model.layers[0].get_config()
        np.testing.assert_array_equal(model(images), again(images))
    assert type(keras.models.clone_model(model).layers[0]) is AveragePooling2D
    keras.Sequential([keras.Input((9, 9, 2)), of_keras(**options)]).save(tmp_path / "theirs.keras")
    assert type(cnnzoo.load_model(tmp_path / "theirs.keras").layers[0]) is of_keras
