"""Feature visualization: images that maximize a unit's activation."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import activations, feature_visualization


def test_a_visualization_activates_its_unit_more_than_any_real_image_and_the_net_is_unchanged(net, images):
    before = [weight.numpy().copy() for weight in net.weights]
    optimized = feature_visualization(net, "C3", [2, 5], images)
    assert optimized.shape == (2, 32, 32, 1)
    assert optimized.min() >= images.min()
    assert optimized.max() <= images.max()
    outputs = activations(net, optimized, ["C3"])["C3"]
    real = activations(net, images, ["C3"])["C3"]
    for row, unit in enumerate((2, 5)):
        assert outputs[row, 5, 5, unit] > real[..., unit].max()
    assert all((weight.numpy() == old).all() for weight, old in zip(net.weights, before, strict=True))
    assert (optimized == feature_visualization(net, "C3", [2, 5], images)).all()
    assert (optimized != feature_visualization(net, "C3", [2, 5], images, seed=1)).any()


def two_filters(scale):
    """Return a net of two linear filters, the first of which has `scale` times larger weights."""
    net = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, name="conv")])
    kernel = np.random.default_rng(1).normal(size=(3, 3, 1, 2))
    net.set_weights([kernel * [scale, 1.0], np.array([scale, 2.0])])
    return net


@pytest.mark.parametrize("high", [1.0, 200.0])
def test_images_start_as_the_mean_of_the_real_ones_in_their_range(high):
    images = (high * np.random.default_rng(0).random((50, 6, 6, 1)) ** 3).astype("float32")
    mean = images.mean(axis=0)
    optimized = feature_visualization(two_filters(1.0), "conv", [0, 1], images, steps=1)
    assert np.abs(optimized - mean).mean() < 0.05 * high


def test_any_number_of_steps_is_allowed():
    images = np.random.default_rng(0).random((9, 6, 6, 1)).astype("float32")
    few, more = (
        feature_visualization(two_filters(1.0), "conv", [0], images, steps=steps) for steps in (66, 67)
    )  # 67 is prime
    assert 0 < np.abs(few - more).max() < 0.1


def test_the_scale_of_a_units_activations_does_not_matter():
    images = np.random.default_rng(0).random((40, 6, 6, 1)).astype("float32")
    plain, strong = (
        feature_visualization(two_filters(scale), "conv", [0, 1], images, steps=16) for scale in (1.0, 300.0)
    )
    np.testing.assert_allclose(strong, plain, atol=1e-3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net, x: feature_visualization(net, "C3", [], x), "`units` must be integers from 0 to 15"),
        (
            lambda net, x: feature_visualization(net, "C3", [0], x, steps=0),
            "`steps` must be a positive integer. Received: 0",
        ),
    ],
)
def test_bad_input_is_refused(net, images, call, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        call(net, images)
    assert words in str(caught.value)


def test_layers_inside_of_a_model_are_visualized_too():
    inner = two_filters(1.0)
    inner.name = "inner"
    image = keras.Input((6, 6, 1))
    outer = keras.Model(image, keras.layers.Flatten()(inner(image)))
    images = np.random.default_rng(0).random((50, 6, 6, 1)).astype("float32")
    optimized = feature_visualization(outer, "inner/conv", [0, 1], images, steps=8)
    np.testing.assert_allclose(optimized, feature_visualization(inner, "conv", [0, 1], images, steps=8), atol=1e-5)
