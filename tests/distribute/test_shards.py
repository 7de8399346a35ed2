import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.distribute import batch_shards
from tests.small_nets import small, targets_for, thin


def trained(model, shards, images, targets, loss, **fit):
    """Return the history of a model that is fitted in shards, and its weights after it."""
    fitted = batch_shards(model, shards)
    fitted.compile(keras.optimizers.SGD(0.1), loss)
    history = fitted.fit(images, targets, verbose=0, shuffle=False, **fit).history
    return history, model.get_weights()


@pytest.mark.parametrize("name", cnnzoo.list_models())
@pytest.mark.parametrize("batch", [3, 5, 8])
def test_a_step_in_shards_is_the_step_of_the_whole_batch(name, batch):
    model = thin(name)
    images = np.random.default_rng(0).uniform(-0.1, 1.2, (batch, *model.input_shape[1:])).astype("float32")
    targets, loss, before = targets_for(model, images), model.loss, model.get_weights()
    for layer in model.layers:  # dropout's noise depends on the shards
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    whole, weights = trained(model, 1, images, targets, loss)
    model.set_weights(before)
    in_shards, weights_in_shards = trained(model, 3, images, targets, loss)
    assert in_shards["loss"] == pytest.approx(whole["loss"], rel=1e-4)
    for one, two in zip(weights, weights_in_shards, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_the_layers_are_the_models_own():
    model = cnnzoo.lenet()
    sharded = batch_shards(model, 2)
    assert sharded.layers == model.layers
    assert sharded.name == model.name
    assert batch_shards(model, 1) is model


def test_sample_weights_and_penalties_on_weights_count_once():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.5))(inputs))
    rng = np.random.default_rng(0)
    images, targets, weights = rng.normal(size=(7, 6)), rng.normal(size=(7, 3)), rng.random(7)
    kernel, bias = map(np.float64, model.get_weights())
    errors = ((images @ kernel + bias - targets) ** 2).mean(axis=1)
    fitted = batch_shards(model, 3)
    fitted.compile(keras.optimizers.SGD(0.0), "mse")
    loss = fitted.evaluate(images, targets, sample_weight=weights, verbose=0)
    assert loss == pytest.approx((errors * weights).mean() + 0.5 * (kernel**2).sum(), rel=1e-5)
    loss = fitted.fit(images, targets, sample_weight=weights, verbose=0).history["loss"]
    assert loss[0] == pytest.approx((errors * weights).mean() + 0.5 * (kernel**2).sum(), rel=1e-5)


@pytest.mark.parametrize("penalty", [{"sparsity": "kl"}, {"sparsity": "l1"}, {"contractive": 0.1}], ids=str)
def test_a_model_with_penalties_on_activations_is_returned_as_it_is(penalty):
    model = small("autoencoder", **penalty)
    assert batch_shards(model, 2) is model


def test_a_model_with_penalties_in_an_inner_model_is_returned_as_it_is():
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, activity_regularizer="l1")])
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
    assert batch_shards(model, 2) is model


def test_losses_near_0_and_1_are_exact_in_shards():
    """A softmax of 1 − 1e-12 and its complement: from probabilities the loss would be cut off at 16."""
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax", kernel_initializer="identity")(inputs))
    fitted = batch_shards(model, 2)
    fitted.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    history = fitted.fit(np.array([[30.0, 0.0], [40.0, 0.0]]), np.array([1, 1]), verbose=0).history
    assert history["loss"][0] == pytest.approx(35.0)


def test_float16_scales_the_loss():
    keras.config.set_dtype_policy("mixed_float16")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1, dtype="float32")(keras.layers.Dense(3)(inputs)))
    keras.config.set_dtype_policy("float32")
    fitted = batch_shards(model, 2)
    fitted.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3)), "mse", auto_scale_loss=False)
    before = model.get_weights()
    ones = np.ones((4, 4), "float32")
    first = fitted.fit(ones, ones[:, :1] * 1e-3, verbose=0).history["loss"][0]
    assert np.isfinite(first)
    assert all(np.abs(new - old).max() < 1 for new, old in zip(model.get_weights(), before, strict=True))


def test_dropout_drops_units_in_training_alone():
    inputs = keras.Input((400,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    fitted, ones = batch_shards(model, 2), np.ones((4, 400), "float32")
    fitted.compile("sgd", "mse")
    assert fitted.evaluate(ones, ones, verbose=0) == 0
    assert 0.8 < fitted.fit(ones, ones, verbose=0).history["loss"][0] < 1.2  # kept units are doubled


def test_branching_and_sequential_models():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    x = keras.layers.Dense(5, "relu")(inputs)
    y = keras.layers.Dense(5)(inputs)
    branching = keras.Model(inputs, keras.layers.Concatenate()([x, keras.ops.tanh(x + y), y]))
    sequential = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3)])
    values = np.random.default_rng(0).normal(size=(7, 6)).astype("float32")
    for model in (branching, sequential):
        targets, before = np.ones((7, model.output_shape[-1])), model.get_weights()
        _, whole = trained(model, 1, values, targets, "mse", epochs=2)
        model.set_weights(before)
        _, in_shards = trained(model, 2, values, targets, "mse", epochs=2)
        for one, two in zip(whole, in_shards, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_saved_model_gives_the_same_outputs(tmp_path):
    model = cnnzoo.mlp()
    sharded = batch_shards(model, 2)
    sharded.compile("sgd", "sparse_categorical_crossentropy", metrics=["sparse_top_k_categorical_accuracy"])
    images = np.random.default_rng(0).random((8, 28, 28, 1)).astype("float32")
    history = sharded.fit(images, np.arange(8), batch_size=4, verbose=0).history
    assert set(history) == {"loss", "sparse_top_k_categorical_accuracy"}
    sharded.save(tmp_path / "sharded.keras")
    loaded = keras.models.load_model(tmp_path / "sharded.keras")
    np.testing.assert_array_equal(loaded(images), model(images))


def test_threads_that_are_set_for_shards_serve_other_batches(processes):
    """In a process of its own, since threads are set before TensorFlow starts."""
    script = """
import os
os.sched_getaffinity = lambda _: range(4)
import tensorflow as tf
from cnnzoo.distribute import batch_shards_for, configure_threads
before = batch_shards_for(100)
configure_threads(100)
tf.zeros(1)
configure_threads(1000)
print(before, *map(batch_shards_for, (100, 500, 64, 10)))
"""
    ((output, _),) = processes.finished([processes.start(["-c", script])])
    assert output.split() == ["1", "3", "3", "2", "1"]
