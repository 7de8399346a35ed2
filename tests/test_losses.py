"""The losses against their formulas and Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.losses import MaximumAPosteriori, PixelCrossentropy
from tests import reference

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("rubbish", [0.0, 1.0, 10.0])
def test_the_loss_follows_the_papers_equation(rubbish):
    penalties, labels = RNG.uniform(0, 20, (16, 10)), RNG.integers(0, 10, 16)
    loss = MaximumAPosteriori(rubbish)(labels, -penalties.astype("float32"))
    assert float(loss) == pytest.approx(reference.maximum_a_posteriori(labels, penalties, rubbish), rel=1e-5)


def test_without_rubbish_class_it_equals_the_cross_entropy():
    penalties, labels = RNG.uniform(0, 20, (16, 10)).astype("float32"), RNG.integers(0, 10, 16)
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, -penalties)
    assert float(MaximumAPosteriori(1e4)(labels, -penalties)) == pytest.approx(float(expected), rel=1e-5)


def test_large_penalties_do_not_overflow():
    loss = MaximumAPosteriori(1.0)(np.array([0]), np.array([[-500.0, -900.0]], "float32"))
    assert float(loss) == pytest.approx(499, abs=1e-3)  # 500 + log(e^−1 + …)


def test_a_negative_penalty_raises():
    with pytest.raises(cnnzoo.InputError, match=r"`rubbish_penalty` must be a number of at least 0\. Received: -1"):
        MaximumAPosteriori(-1)


def _trained(loss, build, activation="sigmoid"):
    """Return the loss, and the gradient of the first weights, of a net whose pixels are near 0 or 1."""
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(6, activation, kernel_initializer="ones", name="output")(inputs)
    model = keras.Model(inputs, build(outputs))
    images = np.array([[9, 8, 7, 6], [0.1, 0, 0, 0.2]], "float32")
    model.compile(keras.optimizers.SGD(1.0), loss)
    before = model.get_weights()[0]
    value = model.train_on_batch(images, np.zeros((2, *model.output_shape[1:]), "float32"))
    return float(value), before - model.get_weights()[0]


@pytest.mark.parametrize("in_graph", [False, True])
def test_cross_entropy_of_a_last_sigmoid_is_exact_near_0_and_1_in_eager_and_graph_mode(in_graph):
    """Keras computes clipped probabilities to 16 at most, with a gradient of 0 beyond."""
    logits = np.array([[-60.0, -20, -1e-3, 0], [1e-3, 20, 60, 88]], "float32")
    targets = np.array([[1.0, 0, 0.5, 1], [0, 1, 0, 0]], "float32")

    def trained(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = PixelCrossentropy()(targets, keras.activations.sigmoid(logits))
        return value, tape.gradient(value, logits)

    value, gradient = (tf.function(trained) if in_graph else trained)(tf.constant(logits))
    exact = logits.astype("float64")
    assert float(value) == pytest.approx((np.logaddexp(0, exact) - exact * targets).mean(), rel=1e-6)
    np.testing.assert_allclose(gradient, (1 / (1 + np.exp(-exact)) - targets) / targets.size, rtol=1e-4, atol=1e-9)


def test_cross_entropy_of_other_outputs_equals_keras_own():
    twice = keras.layers.Lambda(lambda pixels: pixels * 0.5)
    ours, expected = (
        _trained(loss, twice)
        for loss in (
            PixelCrossentropy(label_smoothing=0.1),
            keras.losses.BinaryCrossentropy(label_smoothing=0.1),
        )
    )
    assert ours[0] == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(ours[1], expected[1], rtol=1e-5)


def test_cross_entropy_of_logits_equals_keras_own():
    ours, expected = (
        _trained(loss(from_logits=True), keras.layers.Identity(), activation=None)
        for loss in (PixelCrossentropy, keras.losses.BinaryCrossentropy)
    )
    assert ours[0] == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(ours[1], expected[1], rtol=1e-5)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("in_graph", [False, True])
def test_each_image_has_one_value_that_its_sample_weight_multiplies(from_logits, in_graph):
    rng = np.random.default_rng(0)
    logits, targets = (rng.normal(size=(3, 4, 5, 2)).astype("float32"), rng.random((3, 4, 5, 2)).astype("float32"))
    exact = logits.astype("float64")
    expected = (np.logaddexp(0, exact) - exact * targets).mean(axis=(1, 2, 3))
    weights = np.array([1.0, 0.0, 2.5], "float32")

    def values(logits):
        pixels = logits if from_logits else keras.activations.sigmoid(logits)
        per_image = PixelCrossentropy(from_logits=from_logits, reduction=None)(targets, pixels)
        return per_image, PixelCrossentropy(from_logits=from_logits)(targets, pixels, sample_weight=weights)

    per_image, weighted = (tf.function(values) if in_graph else values)(tf.constant(logits))
    np.testing.assert_allclose(per_image, expected, rtol=1e-4)
    assert float(weighted) == pytest.approx((expected * weights).sum() / 3, rel=1e-4)
