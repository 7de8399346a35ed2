"""Convolution without weight sharing against its formula, PyTorch's derivatives, and Keras' convolution."""

import math

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers import LocallyConnected2D
from tests import reference
from tests.layers.checking import TOLERANCE, outputs_and_gradients, random, saved_and_loaded_equally, with_weights

CASES = [  # kernel, strides, padding
    ((3, 3), (1, 1), "valid"),
    ((3, 3), (1, 1), "same"),
    ((2, 3), (2, 1), "valid"),
    ((3, 2), (2, 3), "same"),
    ((1, 4), (1, 2), "same"),
    ((1, 1), (2, 2), "valid"),
    ((5, 6), (1, 1), "valid"),
]
every_case = pytest.mark.parametrize(("kernel_size", "strides", "padding"), CASES, ids=str)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_and_gradients_follow_the_formula(kernel_size, strides, padding, dtype):
    images = random(2, 5, 6, 2)
    layer = with_weights(LocallyConnected2D(3, kernel_size, strides, padding, dtype=dtype), images.shape)
    kernel, bias = (weight.astype("float64") for weight in layer.get_weights())

    def formula(images, kernel, bias):
        return reference.locally_connected(images, kernel, bias, strides, padding)

    expected = formula(images, kernel, bias)
    upstream = random(*expected.shape, seed=5)
    outputs, gradients = outputs_and_gradients(layer, images, upstream)
    assert reference.relative(outputs, expected) <= TOLERANCE[dtype]
    # The formula is linear in each of the three, so that a long step loses nothing.
    for found, slopes in zip(gradients, reference.slopes(formula, [images, kernel, bias], upstream, 0.5), strict=True):
        assert reference.relative(found, slopes) <= TOLERANCE[dtype]


@pytest.mark.parametrize(("kernel_size", "strides"), [((3, 3), (1, 1)), ((2, 3), (2, 1))], ids=str)
def test_gradients_equal_pytorchs_for_unfolded_windows(kernel_size, strides):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    images = random(2, 5, 6, 2)
    layer = with_weights(LocallyConnected2D(3, kernel_size, strides, activation="tanh"), images.shape)
    kernel, bias = (torch.tensor(weight.astype("float64"), requires_grad=True) for weight in layer.get_weights())
    theirs = torch.tensor(images, requires_grad=True)
    unfolded = torch.nn.functional.unfold(theirs.permute(0, 3, 1, 2), kernel_size, stride=strides)
    rows, columns, *_ = kernel.shape
    of_positions = kernel.permute(0, 1, 4, 2, 3, 5).reshape(rows * columns, -1, 3)  # unfold lays maps before pixels
    result = torch.einsum("bil,lif->blf", unfolded, of_positions).reshape(2, rows, columns, 3) + bias
    result = torch.tanh(result)
    upstream = random(*result.shape, seed=5)
    (result * torch.tensor(upstream)).sum().backward()
    outputs, gradients = outputs_and_gradients(layer, images, upstream)
    assert reference.relative(outputs, result.detach()) <= 1e-5
    for found, variable in zip(gradients, (theirs, kernel, bias), strict=True):
        assert reference.relative(found, variable.grad) <= 1e-5


@every_case
def test_with_one_kernel_at_every_position_it_equals_keras_convolution(kernel_size, strides, padding):
    images = random(3, 5, 6, 2).astype("float32")
    shared = with_weights(keras.layers.Conv2D(4, kernel_size, strides, padding, activation="relu"), images.shape)
    layer = LocallyConnected2D(4, kernel_size, strides, padding, activation="relu")
    layer.build(images.shape)
    kernel, bias = shared.get_weights()
    layer.set_weights([np.broadcast_to(kernel, layer.kernel.shape), np.broadcast_to(bias, layer.bias.shape)])
    assert reference.relative(layer(images), shared(images)) <= 1e-6


def test_positions_have_separate_weights():
    images = np.ones((1, 4, 4, 1), "float32")
    layer = LocallyConnected2D(1, 2, kernel_initializer="zeros")
    layer.build(images.shape)
    kernel, bias = layer.get_weights()
    kernel[1, 2] = 1
    layer.set_weights([kernel, bias])
    expected = np.zeros((3, 3))
    expected[1, 2] = 4
    np.testing.assert_array_equal(layer(images)[0, ..., 0], expected)


class Counted(LocallyConnected2D):
    """The layer without memory: its weights are only counted."""

    def add_weight(self, shape, **_):
        self.counted = getattr(self, "counted", 0) + math.prod(shape)


def test_alexnets_first_layer_has_3025_times_its_weights_without_sharing():
    image = keras.Input((227, 227, 3))
    shared = keras.layers.Conv2D(96, 11, 4)
    assert shared(image).shape == (None, 55, 55, 96)
    assert shared.count_params() == 34_944
    layer = Counted(96, 11, 4)
    assert layer.compute_output_shape(image.shape) == (None, 55, 55, 96)
    layer.build(image.shape)
    assert layer.counted == 55 * 55 * 34_944 == 105_705_600


def test_without_bias():
    images = random(2, 5, 6, 2)
    layer = with_weights(LocallyConnected2D(3, 3, use_bias=False), images.shape)
    (kernel,) = layer.get_weights()
    expected = reference.locally_connected(images, kernel, np.zeros((3, 4, 3)), (1, 1), "valid")
    assert reference.relative(layer(images), expected) <= 1e-5


def test_regularizers_penalize_kernel_and_bias():
    layer = LocallyConnected2D(3, 3, kernel_regularizer=keras.regularizers.L2(0.1), bias_regularizer="l1")
    with_weights(layer, (1, 5, 6, 2))
    kernel, bias = layer.get_weights()
    penalties = [float(loss) for loss in layer.losses]
    assert penalties == pytest.approx([0.1 * (kernel**2).sum(), 0.01 * np.abs(bias).sum()], rel=1e-5)


def test_initializers_get_the_fan_in_of_a_unit():
    layer = LocallyConnected2D(8, 3, kernel_initializer=keras.initializers.LecunUniform(seed=0))
    layer.build((None, 12, 12, 4))
    kernel = layer.get_weights()[0]
    bound = np.sqrt(3 / (3 * 3 * 4))
    assert 0.99 * bound < np.abs(kernel).max() <= bound
    of_positions = kernel.reshape(100, -1)
    assert np.abs(np.corrcoef(of_positions) - np.eye(100)).max() < 0.4, "positions start alike"


def test_mixed_precision_computes_in_bfloat16_with_float32_weights():
    images = random(2, 5, 6, 2)
    layer = with_weights(LocallyConnected2D(3, 3, dtype="mixed_bfloat16"), images.shape)
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    kernel, bias = layer.get_weights()
    outputs, _ = outputs_and_gradients(layer, images)
    assert outputs.dtype == "bfloat16"
    assert reference.relative(outputs, reference.locally_connected(images, kernel, bias, (1, 1), "valid")) <= 2e-2


def test_a_saved_layer_computes_the_same(tmp_path):
    layer = LocallyConnected2D(
        3,
        (2, 3),
        (2, 1),
        "same",
        activation="relu",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.1),
        bias_initializer="ones",
        kernel_regularizer=keras.regularizers.L2(0.1),
    )
    assert saved_and_loaded_equally(layer, random(2, 5, 6, 2).astype("float32"), tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LocallyConnected2D(0, 3), r"`filters` must be a positive integer\. Received: 0"),
        (lambda: LocallyConnected2D(True, 3), r"`filters` must be a positive integer\. Received: True"),
        (lambda: LocallyConnected2D(1, "3"), "`kernel_size` must be a positive integer or two of them"),
        (lambda: LocallyConnected2D(1, 3, (1, 0)), r"`strides` must be .* Received: \(1, 0\)"),
        (lambda: LocallyConnected2D(1, 3, padding="causal"), "unknown padding 'causal'"),
        (lambda: LocallyConnected2D(1, 3)(keras.Input((2, 5, 1))), "Received: a side of 2 and a window of 3"),
        (lambda: LocallyConnected2D(1, 3)(keras.Input((None, 5, 1))), r"must be known. Received: .*\(None, None, 5, 1"),
    ],
)
def test_wrong_arguments_raise(make, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        make()
