"""Adam against its formula in float64 and against Keras' own."""

import keras
import numpy as np
import pytest

from cnnzoo import optimizers

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


def test_it_can_be_made_by_name_and_from_its_config():
    made = optimizers.make("adam", 0.02, {"beta_1": 0.5})
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is optimizers.Adam
    assert again.beta_1 == 0.5
