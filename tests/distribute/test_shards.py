import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.distribute import batch_shards
from cnnzoo.layers import WideDense
from tests.small_nets import small, targets_for, thin


@pytest.mark.parametrize("name", cnnzoo.list_models())
@pytest.mark.parametrize("batch", [3, 5, 8])
def test_shards_give_the_outputs_and_gradients_of_the_whole_batch(name, batch):
    model = thin(name)
    sharded = batch_shards(model, 3)
    images = np.random.default_rng(0).uniform(-0.1, 1.2, (batch, *model.input_shape[1:])).astype("float32")
    targets = targets_for(model, images)
    gradients = []
    for each in (model, sharded):
        with tf.GradientTape() as tape:
            loss = model.loss(targets, each(images, training=True))
        gradients.append(tape.gradient(loss, [weight.value for weight in model.trainable_weights]))
    np.testing.assert_allclose(sharded(images), model(images), atol=1e-4)
    for one, two in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_shards_share_the_weights():
    model = cnnzoo.lenet()
    sharded = batch_shards(model, 2)
    assert [id(weight) for weight in sharded.trainable_weights] == [id(weight) for weight in model.trainable_weights]
    assert batch_shards(model, 1) is model


@pytest.mark.parametrize("penalty", [{"sparsity": "kl"}, {"sparsity": "l1"}, {"contractive": 0.1}], ids=str)
def test_penalties_are_added_once(penalty):
    model = small("autoencoder", **penalty)
    images = np.random.default_rng(0).random((6, *model.input_shape[1:])).astype("float32")
    sharded = batch_shards(model, 2)
    model(images)
    added = [float(loss) for loss in model.losses]
    sharded(images)
    assert [float(loss) for loss in sharded.losses] == added


def test_the_gradient_of_a_dense_kernel_is_one_product():
    """The kernel's gradient is that of the whole batch at once, and the kernel is cast once for all shards."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(6, "relu"), WideDense(5)])
    keras.config.set_dtype_policy("float32")
    sharded = batch_shards(keras.Model(model.inputs, model.outputs), 3)

    @tf.function
    def gradients(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(sharded(batch))
        return tape.gradient(loss, [weight.value for weight in sharded.trainable_weights])

    graph = gradients.get_concrete_function(tf.TensorSpec((8, 7))).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    kernels = [node for node in nodes if node.op == "ReadVariableOp"]
    assert len(kernels) == 4  # with the biases: read, and cast, once for all shards
    transposed = [node for node in nodes if node.op == "MatMul" and node.attr["transpose_a"].b]
    assert len(transposed) == 2  # one for each of the layers


def test_outputs_keep_their_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = cnnzoo.deep_autoencoder(units=(20, 12), code=5)
    sharded = batch_shards(model, 2)
    images = np.random.default_rng(0).random((6, 28, 28, 1)).astype("float32")
    keras.config.set_dtype_policy("float32")
    assert sharded(images).dtype == "float32"
    np.testing.assert_allclose(sharded(images), model(images), atol=1e-2)
    assert any(np.float32(value).view(np.uint32) & 0xFFFF for value in np.ravel(sharded(images)))  # more than bfloat16


def test_dropout_drops_units_in_training_alone():
    inputs = keras.Input((400,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    ones, sharded = np.ones((4, 400), "float32"), batch_shards(model, 2)
    np.testing.assert_array_equal(sharded(ones), ones)
    assert 0.4 < np.mean(sharded(ones, training=True) == 0) < 0.6


def test_branching_and_sequential_models_give_the_same_outputs():
    inputs = keras.Input((6,))
    x = keras.layers.Dense(5, "relu")(inputs)
    y = keras.layers.Dense(5)(inputs)
    branching = keras.Model(inputs, keras.layers.Concatenate()([x, keras.ops.tanh(x + y), y]))
    keyword = keras.Model(inputs, keras.layers.Dense(3)(inputs=inputs))
    sequential = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3)])
    values = np.random.default_rng(0).normal(size=(7, 6)).astype("float32")
    for model in (branching, keyword, sequential):
        np.testing.assert_allclose(batch_shards(model, 2)(values), model(values), atol=1e-6)


def test_the_sharded_model_has_its_own_metrics(tmp_path):
    model = cnnzoo.mlp()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    sharded = batch_shards(model, 2)
    sharded.compile("sgd", "sparse_categorical_crossentropy", metrics=["sparse_top_k_categorical_accuracy"])
    images = np.random.default_rng(0).random((8, 28, 28, 1)).astype("float32")
    history = sharded.fit(images, np.arange(8), batch_size=4, verbose=0).history
    assert set(history) == {"loss", "sparse_top_k_categorical_accuracy"}
    sharded.save(tmp_path / "sharded.keras")
    loaded = keras.models.load_model(tmp_path / "sharded.keras")
    np.testing.assert_array_equal(loaded(images), sharded(images))


def test_a_model_with_penalties_in_an_inner_model_is_returned_as_it_is():
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, activity_regularizer="l1")])
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
    assert batch_shards(model, 2) is model


def test_threads_that_are_set_for_shards_serve_other_batches(processes):
    """In a process of its own, since threads are set before TensorFlow starts."""
    script = """
import os
os.sched_getaffinity = lambda _: range(4)
import tensorflow as tf
from cnnzoo.distribute import shards_for
first = shards_for(100)
tf.zeros(1)
print(first, shards_for(500), shards_for(64), shards_for(10))
"""
    ((output, _),) = processes.finished([processes.start(["-c", script])])
    assert output.split() == ["3", "3", "2", "1"]
