"""The step of contrastive divergence, against enumeration and against the program of 2006 written out in NumPy."""

import keras
import numpy as np
import pytest

from cnnzoo import LayerwisePretraining
from cnnzoo.boltzmann import Draws
from tests import machines
from tests.machines import DATA, HIDDEN_BIAS, KERNEL, VISIBLE_BIAS, sigmoid
from tests.pretraining.nets import images

COPIES = 100_000  # of each of the two rows of data
TOLERANCE = 4 * 0.5 / np.sqrt(2 * COPIES)  # four standard errors of a mean of values of variance 1/4 or less


def tiny_autoencoder(activation="sigmoid"):
    """Return an autoencoder whose first layer and decoder have the weights of the tiny machine."""
    inputs = keras.Input((3,))
    codes = keras.layers.Dense(2, activation, name="code")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, "sigmoid", name="output")(codes))
    model.set_weights([KERNEL, HIDDEN_BIAS, KERNEL.T, VISIBLE_BIAS])
    return model


def change(**options):
    """Return how one step on many copies of the data, at rate 1, changes kernel, visible and hidden bias."""
    model = tiny_autoencoder()
    rows = np.repeat(DATA, COPIES, axis=0)
    LayerwisePretraining(
        rows, method="rbm", epochs=1, batch_size=len(rows), optimizer=keras.optimizers.SGD(1.0), verbose=0, **options
    ).pretrain(model)
    kernel, hidden_bias, decoder_kernel, visible_bias = model.get_weights()
    np.testing.assert_array_equal(decoder_kernel, kernel.T)
    return kernel - KERNEL, visible_bias - VISIBLE_BIAS, hidden_bias - HIDDEN_BIAS


@pytest.mark.parametrize(
    ("sample_visible", "published"),
    [
        (False, [[-0.084569, -0.186500], [-0.252917, -0.032154], [0.119886, 0.236817]]),
        (True, [[-0.124760, -0.140900], [-0.263247, -0.101280], [0.196759, 0.241444]]),
    ],
)
def test_one_step_is_in_the_mean_the_expected_one(sample_visible, published):
    """The expected ones also as computed outside of this project."""
    expected = machines.expected_step(machines.tiny(), DATA, 1, sample_visible)
    np.testing.assert_allclose(expected[0], published, atol=1e-6)
    for found, wanted in zip(change(sample_visible=sample_visible), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=TOLERANCE)


def test_more_steps_approach_the_exact_gradient():
    exact = machines.exact_gradient(machines.tiny(), DATA)
    np.testing.assert_allclose(
        exact[0], [[-0.163341, -0.172748], [-0.327356, -0.141354], [0.225095, 0.286359]], atol=1e-6
    )
    np.testing.assert_allclose(exact[1], [-0.020054, -0.254309, 0.636984], atol=1e-6)
    np.testing.assert_allclose(exact[2], [-0.248672, -0.111909], atol=1e-6)
    distances = []
    for steps in (1, 2, 20):
        changes = change(gibbs_steps=steps, sample_visible=True)
        expected = machines.expected_step(machines.tiny(), DATA, steps, sample_visible=True)
        for found, wanted in zip(changes, expected, strict=True):
            np.testing.assert_allclose(found, wanted, atol=TOLERANCE)
        distances.append(max(np.abs(one - other).max() for one, other in zip(changes, exact, strict=True)))
    assert distances[0] > 3 * distances[1]
    assert distances[2] < TOLERANCE


def test_persistent_chains_reach_the_distribution_of_the_machine():
    """At a rate of 0 the weights stay, and after 40 steps the chains have forgotten their start."""
    model = tiny_autoencoder()
    rows = np.repeat(DATA, COPIES // 5, axis=0)
    rates = keras.optimizers.schedules.PiecewiseConstantDecay([39], [0.0, 1.0])
    options = {"persistent": True, "epochs": 41, "batch_size": len(rows), "optimizer": keras.optimizers.SGD(rates)}
    LayerwisePretraining(rows, method="rbm", verbose=0, **options).pretrain(model)
    exact = machines.exact_gradient(machines.tiny(), DATA)
    np.testing.assert_allclose(model.get_weights()[0] - KERNEL, exact[0], atol=np.sqrt(5) * TOLERANCE)
    np.testing.assert_allclose(model.get_weights()[3] - VISIBLE_BIAS, exact[1], atol=np.sqrt(5) * TOLERANCE)


@pytest.mark.parametrize(("activation", "rate"), [("sigmoid", 0.1), ("linear", 0.001)])
def test_training_is_that_of_the_program_of_2006(activation, rate):
    """Twelve epochs of two batches, with the momentum's change after the fifth, by the same random numbers."""
    data, size, seed = images(40, (3,)), 20, 3
    model = tiny_autoencoder(activation)
    pretraining = LayerwisePretraining(data, method="rbm", epochs=12, batch_size=size, seed=seed, verbose=0)
    pretraining.pretrain(model)

    draws_seed = int(np.random.default_rng([seed, 0]).integers(2**31, size=2)[0])
    weights = [KERNEL.copy(), VISIBLE_BIAS.copy(), HIDDEN_BIAS.copy()]
    velocities = [np.zeros_like(each) for each in weights]
    errors = []
    for epoch in range(12):
        order = np.random.default_rng([seed, 0, epoch]).permutation(40)
        error = 0.0
        for batch in range(2):
            kernel, visible_bias, hidden_bias = weights
            v0 = data[order[batch * size : (batch + 1) * size]].astype("float64")
            numbers = np.arange(size, dtype="int32") + (2 * epoch + batch) * size
            draws = Draws(draws_seed, numbers, size)
            h0 = v0 @ kernel + hidden_bias
            if activation == "sigmoid":
                h0 = sigmoid(h0)
                states = np.asarray(draws.uniform(2)) < h0
            else:
                states = h0 + np.asarray(draws.normal(2))
            v1 = sigmoid(states @ kernel.T + visible_bias)
            h1 = v1 @ kernel + hidden_bias
            h1 = sigmoid(h1) if activation == "sigmoid" else h1
            slopes = [
                (v0.T @ h0 - v1.T @ h1) / size - 2e-4 * kernel,
                (v0 - v1).mean(axis=0),
                (h0 - h1).mean(axis=0),
            ]
            momentum = 0.5 if epoch < 5 else 0.9
            velocities = [momentum * old + rate * new for old, new in zip(velocities, slopes, strict=True)]
            weights = [old + new for old, new in zip(weights, velocities, strict=True)]
            error += ((v0 - v1) ** 2).sum()
        errors.append(error / 40)
    found = model.get_weights()
    np.testing.assert_allclose(found[0], weights[0], atol=2e-5)
    np.testing.assert_allclose(found[3], weights[1], atol=2e-5)
    np.testing.assert_allclose(found[1], weights[2], atol=2e-5)
    np.testing.assert_allclose(pretraining.history["code"]["loss"], errors, rtol=1e-4)


def test_numbers_of_a_row_depend_on_seed_step_and_position_alone():
    numbers = np.arange(16, dtype="int32")
    whole = np.asarray(Draws(1, numbers[8:], 8).uniform(5))
    assert whole.tobytes() == np.asarray(Draws(1, numbers[8:], 8).uniform(5)).tobytes()
    assert whole[3:].tobytes() == np.asarray(Draws(1, numbers[11:], 8).uniform(5)).tobytes()
    draws = Draws(1, numbers[8:], 8)
    others = [
        draws.uniform(5),
        draws.uniform(5),
        Draws(1, numbers[:8], 8).uniform(5),
        Draws(2, numbers[8:], 8).uniform(5),
    ]
    assert len({np.asarray(each).tobytes() for each in others}) == 4
