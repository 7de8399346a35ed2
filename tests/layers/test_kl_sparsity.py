"""The sparsity penalties, and how they are added to the loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.layers import KLSparsity, L1Sparsity
from tests import reference
from tests.layers.checking import random


def sum_of_divergences(values, target):
    means = np.asarray(values, "float64").reshape(-1, values.shape[-1]).mean(axis=0)
    return (target * np.log(target / means) + (1 - target) * np.log((1 - target) / (1 - means))).sum()


def coded(regularizer, **options):
    """Return a logistic layer with random weights that has an activity regularizer."""
    layer = keras.layers.Dense(5, "sigmoid", activity_regularizer=regularizer, **options)
    layer.build((None, 7))
    layer.set_weights([random(7, 5), random(5, seed=1)])
    return layer


def added(regularizer, activations, **options):
    """Return what Keras adds to the loss for the activations of a layer."""
    layer = keras.layers.Activation("linear", activity_regularizer=regularizer, **options)
    layer(activations)
    return layer.losses[0]


@pytest.mark.parametrize("batch", [1, 6, 32])
def test_the_penalty_is_the_weighted_sum_for_every_batch_size(batch):
    images = random(batch, 7, seed=2).astype("float32")
    layer = coded(KLSparsity(0.1, weight=0.3))
    codes = layer(images)
    assert float(layer.losses[0]) == pytest.approx(0.3 * sum_of_divergences(codes.numpy(), 0.1), rel=1e-5)


def test_the_penalty_is_added_to_the_loss():
    images = random(8, 7).astype("float32")
    layer = coded(KLSparsity(0.1, weight=0.3))
    model = keras.Sequential([keras.Input((7,)), layer])
    model.compile("sgd", "mse")
    codes = np.asarray(model(images))
    expected = (codes**2).mean() + 0.3 * sum_of_divergences(codes, 0.1)
    assert model.evaluate(images, np.zeros((8, 5)), batch_size=8, verbose=0) == pytest.approx(expected, rel=1e-5)
    fitted = model.fit(images, np.zeros((8, 5)), batch_size=8, verbose=0).history["loss"]
    assert fitted == pytest.approx([expected], rel=1e-5)


def test_l1_adds_the_mean_over_the_batch_of_the_sum_over_the_units():
    layer = coded(L1Sparsity(0.3))
    codes = layer(random(8, 7).astype("float32")).numpy()
    assert float(layer.losses[0]) == pytest.approx(0.3 * np.abs(codes).sum(axis=1).mean(), rel=1e-5)


def test_with_maps_every_map_counts_as_a_unit():
    maps = np.random.default_rng(0).uniform(0.05, 0.95, (4, 3, 2, 6)).astype("float32")
    assert float(added(KLSparsity(0.2), maps)) == pytest.approx(sum_of_divergences(maps, 0.2), rel=1e-5)


def test_the_gradient_follows_the_formula():
    codes = np.random.default_rng(0).uniform(0.05, 0.95, (4, 6))
    with tf.GradientTape() as tape:
        values = tf.constant(codes)
        tape.watch(values)
        total = added(KLSparsity(0.2), values, dtype="float64")
    slopes = reference.slopes(lambda own: sum_of_divergences(own, 0.2), [codes], 1)
    assert reference.relative(tape.gradient(total, values), slopes[0]) < 1e-6


def test_the_penalty_is_0_at_the_target_and_finite_for_dead_units():
    assert float(KLSparsity(0.25)(np.full((4, 3), 0.25, "float32"))) == pytest.approx(0, abs=1e-6)
    for value in (0, 1):
        assert np.isfinite(float(KLSparsity(0.05)(np.full((4, 3), value, "float32"))))


def test_in_half_precision_the_penalty_is_computed_in_float32():
    layer = coded(KLSparsity(0.05), dtype="mixed_float16")
    codes = layer(random(64, 7).astype("float32"))
    assert codes.dtype == "float16"
    assert layer.losses[0].dtype == "float32"
    assert float(layer.losses[0]) == pytest.approx(sum_of_divergences(codes.numpy(), 0.05), rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "numbers"), [(KLSparsity, {"target": 0.1, "weight": 0.3}), (L1Sparsity, {"weight": 0.3})]
)
def test_a_saved_model_keeps_the_regularizer(kind, numbers, tmp_path):
    model = keras.Sequential([keras.Input((7,)), coded(kind(**numbers))])
    model.save(tmp_path / "model.keras")
    regularizer = keras.models.load_model(tmp_path / "model.keras").layers[0].activity_regularizer
    assert isinstance(regularizer, kind)
    assert regularizer.get_config() == numbers


@pytest.mark.parametrize(
    "arguments", [{"target": 0}, {"target": 1.0}, {"target": "low"}, {"weight": -1}, {"weight": None}]
)
def test_values_out_of_range_raise(arguments):
    (name,) = arguments
    for kind in (KLSparsity, L1Sparsity) if name == "weight" else (KLSparsity,):
        with pytest.raises(InputError, match=f"`{name}` must be a number"):
            kind(**arguments)
