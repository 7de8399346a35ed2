"""Adam against its formula in float64 and against Keras' own."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import optimizers
from tests.optimizers.graphs import operations

SHAPES, STEPS = [(7, 5), (5,)], 6


def gradients(step):
    rng = np.random.default_rng(step)
    return [rng.normal(size=shape) for shape in SHAPES]


def stepped(optimizer):
    weights = [keras.Variable(np.ones(shape, "float32")) for shape in SHAPES]
    for step in range(STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in gradients(step)], weights)
    return [keras.ops.convert_to_numpy(weight) for weight in (*weights, *optimizer.variables[2:])]


def formula(rate, beta_1, beta_2, epsilon):
    weights, first, second = ([np.full(shape, start) for shape in SHAPES] for start in (1.0, 0.0, 0.0))
    for step in range(STEPS):
        corrected = rate * np.sqrt(1 - beta_2 ** (step + 1)) / (1 - beta_1 ** (step + 1))
        for n, gradient in enumerate(gradients(step)):
            first[n] = beta_1 * first[n] + (1 - beta_1) * gradient
            second[n] = beta_2 * second[n] + (1 - beta_2) * gradient**2
            weights[n] = weights[n] - corrected * first[n] / (np.sqrt(second[n]) + epsilon)
    return weights


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("numbers", [(0.01, 0.9, 0.999, 1e-7), (0.1, 0.5, 0.9, 1e-2)])
def test_it_follows_the_formula(numbers):
    rate, beta_1, beta_2, epsilon = numbers
    found = stepped(optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon))
    assert_close(found[:2], formula(*numbers))


@pytest.mark.parametrize(
    "options", [{}, {"amsgrad": True}, {"weight_decay": 0.1}, {"clipnorm": 0.5}, {"use_ema": True}], ids=str
)
def test_weights_and_state_equal_those_of_keras(options):
    assert_close(stepped(optimizers.Adam(0.01, **options)), stepped(keras.optimizers.Adam(0.01, **options)))


def fitted(adam, together=1):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(4)])
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
    model.compile(adam(schedule), "mse", steps_per_execution=together)
    images = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    model.fit(images, images, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return model.get_weights()


def test_a_fit_equals_that_of_keras_also_on_two_replicas(two_replicas):
    expected = fitted(keras.optimizers.Adam)
    assert_close(fitted(optimizers.Adam), expected)
    assert_close(fitted(optimizers.Adam, together=4), expected)
    with two_replicas.scope():
        assert_close(fitted(optimizers.Adam), expected)


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"use_ema": True}, {"clipnorm": 0.5}], ids=str)
def test_each_weight_is_updated_by_one_operation(options, two_replicas):
    """If this fails, the faster way is no longer taken."""
    assert operations(optimizers.Adam(0.01, **options), SHAPES)["ResourceApplyAdam"] == len(SHAPES)
    with two_replicas.scope():
        assert operations(optimizers.Adam(0.01, **options), SHAPES)["ResourceApplyAdam"] == 2 * len(SHAPES)


def test_it_can_be_made_by_name():
    made = optimizers.make("adam", 0.02, {"beta_1": 0.5})
    assert type(made) is optimizers.Adam
    assert made.beta_1 == 0.5


def test_a_file_names_keras_adam_and_cnnzoo_makes_its_own_of_it(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(optimizers.Adam(0.02, beta_1=0.5), "mse")
    images = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model.fit(images, images[:, :3], verbose=0)
    assert keras.saving.serialize_keras_object(model.optimizer)["module"] == "keras.optimizers"
    model.save(tmp_path / "model.keras")
    states = [np.array(variable) for variable in model.optimizer.variables]
    for load, kind in ((keras.models.load_model, keras.optimizers.Adam), (cnnzoo.load_model, optimizers.Adam)):
        again = load(tmp_path / "model.keras").optimizer
        assert type(again) is kind
        assert again.get_config() == model.optimizer.get_config()
        for one, other in zip(again.variables, states, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_weights_files_hold_what_keras_adam_holds(amsgrad, tmp_path):
    """Names and order of the state are Keras'; a run may be begun by one and ended by the other."""
    kinds, results = (optimizers.Adam, keras.optimizers.Adam), []
    images = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    for first, second in (kinds, kinds[::-1]):
        models = [keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="code")], name="net") for _ in kinds]
        for model, kind in zip(models, (first, second), strict=True):
            model.compile(kind(0.02, amsgrad=amsgrad, name="adam"), "mse")
            model.optimizer.build(model.trainable_variables)
            model.set_weights([np.full(weight.shape, 0.1) for weight in model.weights])
        models[0].fit(images, images[:, :3], batch_size=4, shuffle=False, verbose=0)
        models[0].save_weights(tmp_path / "begun.weights.h5")
        models[1].load_weights(tmp_path / "begun.weights.h5")
        paths = [[variable.path for variable in model.optimizer.variables] for model in models]
        assert paths[0] == paths[1]
        models[1].fit(images, images[:, :3], batch_size=4, shuffle=False, verbose=0)
        results.append([*models[1].get_weights(), *map(np.array, models[1].optimizer.variables)])
    assert_close(*results)
