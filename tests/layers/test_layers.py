"""LeNet-5's layers against their formulas in NumPy and Keras, and after saving."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.layers import (
    FanInUniform,
    PartiallyConnectedConv2D,
    RadialBasis,
    Subsampling2D,
    scaled_tanh,
)
from cnnzoo.models.lenet import C3_TABLE
from tests import reference
from tests.layers import checking

RNG = np.random.default_rng(0)


def random(*shape):
    return RNG.normal(size=shape).astype("float32")


def randomized(layer, inputs):
    layer.build(inputs.shape)
    layer.set_weights([random(*weight.shape) for weight in layer.get_weights()])
    return layer


def test_scaled_tanh_follows_its_formula():
    x = np.linspace(-5, 5, 101).astype("float32")
    np.testing.assert_allclose(scaled_tanh(x), reference.scaled_tanh(x), atol=1e-6)
    np.testing.assert_allclose(scaled_tanh(np.array([-1.0, 1.0], "float32")), [-1, 1], atol=1e-4)


@pytest.mark.parametrize(("height", "width", "size"), [(8, 8, 2), (9, 7, 2), (9, 9, 3), (5, 4, 1)])
def test_subsampling_sums_windows(height, width, size):
    images = random(3, height, width, 4)
    layer = randomized(Subsampling2D(size), images)
    expected = reference.subsampling(images, size, *layer.get_weights())
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    assert layer.compute_output_shape(images.shape) == expected.shape
    assert layer.count_params() == 2 * 4


def test_subsampling_gradient_follows_the_formula():
    """The gradient is written by hand; finite differences of the float64 formula do not depend on it."""
    images = tf.constant(random(1, 6, 4, 2))
    layer = randomized(Subsampling2D(2, activation="tanh"), images)
    weight = random(1, 3, 2, 2)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(layer(images) * weight)
    gradient = tape.gradient(total, images).numpy()

    def value(pixels):
        return (np.tanh(reference.subsampling(pixels, 2, *layer.get_weights())) * weight).sum()

    for index in np.ndindex(*images.shape):
        step = np.zeros(images.shape)
        step[index] = 1e-5
        slope = (value(images.numpy() + step) - value(images.numpy() - step)) / 2e-5
        assert gradient[index] == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("table", [C3_TABLE, [[0], [1, 3], [3, 2, 1, 0], [2]]])
def test_partial_convolution_uses_only_its_links(table):
    images = random(2, 9, 8, 6)
    layer = randomized(PartiallyConnectedConv2D(table, 3), images)
    kernel, bias = layer.get_weights()
    expected = reference.partial_convolution(images, table, np.moveaxis(kernel, -1, 0), bias)
    np.testing.assert_allclose(layer(images), expected, atol=1e-4)
    assert layer.compute_output_shape(images.shape) == expected.shape
    assert layer.count_params() == sum(map(len, table)) * 9 + len(table)


def test_partial_convolution_with_all_links_equals_keras_convolution():
    images = random(2, 9, 8, 3)
    layer = randomized(PartiallyConnectedConv2D([range(3)] * 4, 5), images)
    kernel, bias = layer.get_weights()
    dense = keras.layers.Conv2D(4, 5)
    dense.build(images.shape)
    dense.set_weights([kernel.reshape(5, 5, 4, 3).transpose(0, 1, 3, 2), bias])
    np.testing.assert_allclose(layer(images), dense(images), atol=1e-4)


STRIDED = [(1, False), (2, False), (1, True), (2, True), (3, True)]


@pytest.mark.parametrize(("strides", "unit_bias"), STRIDED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_partial_convolution_by_strides_and_with_a_bias_a_unit_follows_the_formula(strides, unit_bias, dtype):
    table, images = [[0, 2], [1], [0, 1, 2]], checking.random(1, 7, 6, 3)
    layer = PartiallyConnectedConv2D(table, 3, strides=strides, unit_bias=unit_bias, dtype=dtype)
    kernel, bias = (weight.astype("float64") for weight in checking.with_weights(layer, images.shape).get_weights())
    sides = {1: (5, 4), 2: (3, 2), 3: (2, 2)}[strides]
    assert bias.shape == ((*sides, 3) if unit_bias else (3,))

    def formula(images, kernel, bias):
        return reference.partial_convolution(images, table, np.moveaxis(kernel, -1, 0), bias, strides)

    expected = formula(images, kernel, bias)
    upstream = checking.random(*expected.shape, seed=5)
    outputs, gradients = checking.outputs_and_gradients(layer, images, upstream)
    assert reference.relative(outputs, expected) <= checking.TOLERANCE[dtype]
    # The formula is linear in each of the three, so that a long step loses nothing.
    for found, slopes in zip(gradients, reference.slopes(formula, [images, kernel, bias], upstream, 0.5), strict=True):
        assert reference.relative(found, slopes) <= checking.TOLERANCE[dtype]


def test_partial_convolution_by_strides_and_with_a_bias_a_unit_is_saved(tmp_path):
    layer = PartiallyConnectedConv2D([[0, 2], [1]], 3, strides=2, unit_bias=True, bias_initializer="ones")
    assert checking.saved_and_loaded_equally(layer, random(2, 9, 8, 3), tmp_path)


def test_partial_convolution_of_an_older_file_has_one_bias_a_map():
    config = PartiallyConnectedConv2D([[0], [1]], 3).get_config()
    older = {name: value for name, value in config.items() if name not in ("strides", "unit_bias")}
    assert PartiallyConnectedConv2D.from_config(older).get_config() == config


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PartiallyConnectedConv2D([[0]], 3, strides=0), r"`strides` must be a positive integer\. Received: 0"),
        (lambda: PartiallyConnectedConv2D([[0]], 3, unit_bias=1), r"`unit_bias` must be True or False\. Received: 1"),
        (
            lambda: PartiallyConnectedConv2D([[0]], 3, unit_bias=True)(keras.Input((None, 8, 1))),
            r"every unit has a bias .* must be known\. Received: input_shape=\(None, None, 8, 1\)",
        ),
        (lambda: PartiallyConnectedConv2D([[0]], 3)(keras.Input((2, 8, 1))), "a side of 2 and a window of 3"),
    ],
)
def test_wrong_strides_and_biases_of_a_partial_convolution_raise(make, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        make()


def test_partial_convolution_initializes_each_map_with_its_own_fan_in():
    layer = PartiallyConnectedConv2D([[0], [0, 1, 2, 3]], 5, kernel_initializer=FanInUniform(2.4, seed=1))
    layer.build((None, 8, 8, 4))
    kernel = np.asarray(layer.kernel)
    assert 0.9 * 2.4 / 25 < np.abs(kernel[..., 0]).max() <= 2.4 / 25
    assert 0.8 * 2.4 / 100 < np.abs(kernel[..., 1:]).max() <= 2.4 / 100


def test_output_maps_with_equal_fan_in_start_differently():
    layer = PartiallyConnectedConv2D([[0], [0]], 5, kernel_initializer=FanInUniform(2.4, seed=1))
    layer.build((None, 8, 8, 1))
    assert np.abs(np.asarray(layer.kernel[..., 0]) - np.asarray(layer.kernel[..., 1])).max() > 0.01


@pytest.mark.parametrize("negate", [False, True])
def test_radial_basis_measures_squared_distances(negate):
    features = random(7, 84)
    layer = randomized(RadialBasis(10, negate=negate), features)
    expected = reference.squared_distances(features, layer.get_weights()[0])
    np.testing.assert_allclose(layer(features), -expected if negate else expected, rtol=1e-5)


def test_radial_basis_is_never_negative_at_a_center():
    layer = RadialBasis(3)
    layer.build((None, 84))
    assert np.asarray(layer(layer.centers)).min() >= 0


def test_adaptive_centers_are_840_trained_weights():
    for adaptive, trained in ((False, 0), (True, 840)):
        layer = RadialBasis(10, adaptive=adaptive)
        layer.build((None, 84))
        assert sum(np.prod(weight.shape) for weight in layer.trainable_weights) == trained


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Subsampling2D(3, activation=scaled_tanh), (2, 9, 9, 2)),
        (
            PartiallyConnectedConv2D([[0, 1], [1]], 3, activation="relu", kernel_initializer=FanInUniform()),
            (2, 8, 8, 2),
        ),
        (RadialBasis(4, adaptive=True, negate=True), (2, 6)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_saved_layer_computes_the_same(layer, shape, tmp_path):
    inputs = random(*shape)
    model = keras.Sequential([keras.Input(shape[1:]), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(inputs), again(inputs))
    assert again.layers[0].get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Subsampling2D(0), r"`pool_size` must be a positive integer\. Received: 0"),
        (lambda: PartiallyConnectedConv2D([], 5), "Received: an empty table"),
        (lambda: PartiallyConnectedConv2D([[0, 0]], 5), "distinct input maps"),
        (lambda: PartiallyConnectedConv2D([[0]], 2.5), r"`kernel_size` must be a positive integer\. Received: 2.5"),
        (
            lambda: PartiallyConnectedConv2D([[4]], 3).build((1, 8, 8, 3)),
            "`connections` has input map 4, but the input has 3 maps",
        ),
        (lambda: RadialBasis(0), r"`units` must be a positive integer\. Received: 0"),
        (lambda: FanInUniform(-1), r"`scale` must be a positive number\. Received: -1"),
    ],
)
def test_wrong_arguments_raise(make, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        make()


def test_layers_work_in_mixed_precision():
    images = random(2, 12, 12, 3)
    layer = PartiallyConnectedConv2D([[0, 1], [2]], 3, dtype="mixed_bfloat16")
    assert layer(images).dtype == "bfloat16"
    assert layer.kernel.dtype == "float32"
