import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.distribute import set_batch_shards
from tests.small_nets import by_function, small, targets_for, thin, without_draws

EVERY_MODEL = [name if hasattr(name, "marks") else pytest.param(name) for name in by_function(cnnzoo.list_models())]


def trained(model, shards, images, targets, loss, **fit):
    """Return the history of a model that is fitted in shards, and its weights after it."""
    set_batch_shards(model, shards)
    model.compile(keras.optimizers.SGD(0.1), loss)
    batches = tf.data.Dataset.from_tensors((images, targets))
    history = model.fit(batches, verbose=0, shuffle=False, **fit).history
    return history, model.get_weights()


@pytest.mark.parametrize(
    ("name", "batch"), [*(pytest.param(*name.values, 8, marks=name.marks) for name in EVERY_MODEL), ("lenet", 3)]
)
def test_a_step_in_shards_is_the_step_of_the_whole_batch(name, batch):
    model = without_draws(thin(name))
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


def test_the_model_keeps_its_class_its_layers_and_its_steps_of_whole_batches():
    model = cnnzoo.lenet()
    layers, train_step, test_step = list(model.layers), model.train_step, model.test_step
    set_batch_shards(model, 2)
    assert model.train_step != train_step
    assert model.layers == layers
    assert type(model) is keras.Model(model.inputs, model.outputs).__class__
    set_batch_shards(model, 1)
    assert (model.train_step, model.test_step) == (train_step, test_step)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_fewer_images_than_shards_are_right_in_training_evaluation_and_prediction(count):
    """In a callback, that is: there `self.model` evaluates one image."""
    keras.utils.set_random_seed(0)
    model = small("lenet")
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = np.random.default_rng(0).random((count, 32, 32, 1), "float32"), np.arange(count)
    start = model.get_weights()
    results = []
    for shards in (1, 3):
        set_batch_shards(model, shards)
        model.set_weights(start)
        results.append(
            [
                *model.evaluate(images, labels, verbose=0),
                model.predict(images, verbose=0),
                model.train_on_batch(images, labels)[0],
                *model.get_weights(),
            ]
        )
    for whole, in_shards in zip(*results, strict=True):
        np.testing.assert_allclose(in_shards, whole, rtol=1e-4, atol=1e-6)


def test_a_fit_that_began_with_whole_batches_goes_on_in_shards(capfd):
    """Keras keeps the steps that it has compiled."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(_printed_size), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    for shards in (1, 2, 1):
        set_batch_shards(model, shards)
        model.fit(np.ones((6, 2)), np.ones((6, 1)), batch_size=6, verbose=0)
    assert capfd.readouterr().err.split() == ["6", "3", "3", "6"]


def _printed_size(values):
    tf.print(tf.shape(values)[0])
    return values


def test_sample_weights_and_penalties_on_weights_count_once():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.5))(inputs))
    rng = np.random.default_rng(0)
    images, targets, weights = rng.normal(size=(7, 6)), rng.normal(size=(7, 3)), rng.random(7)
    kernel, bias = map(np.float64, model.get_weights())
    errors = ((images @ kernel + bias - targets) ** 2).mean(axis=1)
    set_batch_shards(model, 3)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    loss = model.evaluate(images, targets, sample_weight=weights, verbose=0)
    assert loss == pytest.approx((errors * weights).mean() + 0.5 * (kernel**2).sum(), rel=1e-5)
    loss = model.fit(images, targets, sample_weight=weights, verbose=0).history["loss"]
    assert loss[0] == pytest.approx((errors * weights).mean() + 0.5 * (kernel**2).sum(), rel=1e-5)


@pytest.mark.parametrize("penalty", [{"sparsity": "kl"}, {"sparsity": "l1"}, {"contractive": 0.1}], ids=str)
def test_a_model_with_penalties_on_activations_trains_on_whole_batches(penalty):
    model = small("autoencoder", **penalty)
    step = model.train_step
    set_batch_shards(model, 2)
    assert model.train_step == step


def test_a_model_with_penalties_in_an_inner_model_trains_on_whole_batches():
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, activity_regularizer="l1")])
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
    step = model.train_step
    set_batch_shards(model, 2)
    assert model.train_step == step


def test_losses_near_0_and_1_are_exact_in_shards():
    """A softmax of 1 − 1e-12 and its complement: from probabilities the loss would be cut off at 16."""
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax", kernel_initializer="identity")(inputs))
    set_batch_shards(model, 2)
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    history = model.fit(np.array([[30.0, 0.0], [40.0, 0.0]]), np.array([1, 1]), verbose=0).history
    assert history["loss"][0] == pytest.approx(35.0)


def test_float16_scales_the_loss():
    keras.config.set_dtype_policy("mixed_float16")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1, dtype="float32")(keras.layers.Dense(3)(inputs)))
    keras.config.set_dtype_policy("float32")
    set_batch_shards(model, 2)
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3)), "mse", auto_scale_loss=False)
    before = model.get_weights()
    ones = np.ones((4, 4), "float32")
    first = model.fit(ones, ones[:, :1] * 1e-3, verbose=0).history["loss"][0]
    assert np.isfinite(first)
    assert all(np.abs(new - old).max() < 1 for new, old in zip(model.get_weights(), before, strict=True))


def test_dropout_drops_units_in_training_alone():
    inputs = keras.Input((400,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    ones = np.ones((4, 400), "float32")
    set_batch_shards(model, 2)
    model.compile("sgd", "mse")
    assert model.evaluate(ones, ones, verbose=0) == 0
    assert 0.8 < model.fit(ones, ones, verbose=0).history["loss"][0] < 1.2  # kept units are doubled


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
    set_batch_shards(model, 2)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["sparse_top_k_categorical_accuracy"])
    images = np.random.default_rng(0).random((8, 28, 28, 1)).astype("float32")
    history = model.fit(images, np.arange(8), batch_size=4, verbose=0).history
    assert set(history) == {"loss", "sparse_top_k_categorical_accuracy"}
    model.save(tmp_path / "sharded.keras")
    loaded = keras.models.load_model(tmp_path / "sharded.keras")
    assert type(loaded) is type(model)
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


class Wrapped(keras.layers.Layer):
    """A layer of a user's own that hands its work on to another one, and may add a loss."""

    def __init__(self, inner, penalty=None):
        super().__init__()
        self.inner, self.penalty = inner, penalty

    def build(self, shape):
        self.inner.build(shape)

    def call(self, inputs):
        outputs = self.inner(inputs)
        if self.penalty:
            self.add_loss(self.penalty(outputs))
        return outputs


@pytest.mark.parametrize(
    "layer",
    [
        lambda: Wrapped(keras.layers.Dense(5, "sigmoid", activity_regularizer=cnnzoo.layers.KLSparsity(0.05, 1.0))),
        lambda: Wrapped(keras.layers.Dense(5), lambda x: 0.1 * keras.ops.square(keras.ops.mean(x))),
        lambda: Wrapped(keras.layers.Dense(5), lambda x: keras.ops.sum(keras.ops.square(x))),
    ],
)
def test_penalties_of_layers_within_layers_are_those_of_the_whole_batch(layer):
    rng = np.random.default_rng(0)
    images = rng.random((16, 64), "float32") * np.linspace(0, 5, 16, dtype="float32")[:, None]
    losses = []
    for shards in (1, 4):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((64,)), layer(), keras.layers.Dense(10, "softmax")])
        history, _ = trained(model, shards, images, np.arange(16) % 10, "sparse_categorical_crossentropy", epochs=2)
        losses.append(history["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_layer_of_a_users_own_without_penalties_trains_in_shards():
    model = keras.Sequential([keras.Input((64,)), Wrapped(keras.layers.Dense(5, kernel_regularizer="l2"))])
    set_batch_shards(model, 2)
    assert "train_step" in vars(model)


def test_a_dense_layer_that_is_called_twice_trains_in_shards():
    losses = []
    for shards in (1, 2):
        keras.utils.set_random_seed(0)
        twice = keras.layers.Dense(64, "relu")
        model = keras.Sequential([keras.Input((64,)), twice, twice, keras.layers.Dense(10, "softmax")])
        images = np.random.default_rng(0).random((8, 64), "float32")
        history, _ = trained(model, shards, images, np.arange(8), "sparse_categorical_crossentropy", epochs=3)
        losses.append(history["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def two_outputs():
    inputs = keras.Input((4,))
    return keras.Model(inputs, [keras.layers.Dense(2)(inputs), keras.layers.Dense(3)(inputs)])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (two_outputs, "has 2 outputs, and shards are for models with one"),
        (
            lambda: keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="norm")]),
            "norm of .* normalizes over the batch, which shards have only parts of",
        ),
        (lambda: 3, "`model` must be a built Keras model, such as .* Received: 3"),
    ],
)
def test_models_that_shards_would_change_are_refused(make, sentence):
    with pytest.raises(cnnzoo.InputError, match=sentence):
        set_batch_shards(make(), 2)


def test_a_loss_that_is_a_sum_is_refused_in_shards():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(cnnzoo.InputError, match=r"a mean over the images\. Received: reduction='sum'"):
        trained(model, 2, np.zeros((4, 4)), np.zeros((4, 3)), keras.losses.MeanSquaredError(reduction="sum"))
