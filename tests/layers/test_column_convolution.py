"""The grouped convolution against its formula, Keras' own, and PyTorch's."""

import keras
import numpy as np
import pytest

from cnnzoo.layers import ColumnConv2D
from tests import reference
from tests.layers.checking import TOLERANCE, outputs_and_gradients, random, saved_and_loaded_equally, with_weights

every_number = pytest.mark.parametrize("groups", [1, 2, 3])
CASES = [((3, 3), (1, 1), "same"), ((3, 2), (2, 1), "valid"), ((1, 1), (1, 1), "valid"), ((5, 5), (2, 2), "same")]


@every_number
@pytest.mark.parametrize(("kernel_size", "strides", "padding"), CASES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_and_gradients_follow_the_formula(groups, kernel_size, strides, padding, dtype):
    images = random(1, 5, 6, 6)
    layer = ColumnConv2D(6, kernel_size, strides, padding, groups=groups, dtype=dtype)
    kernel, bias = (weight.astype("float64") for weight in with_weights(layer, images.shape).get_weights())
    assert kernel.shape == (*kernel_size, 6 // groups, 6)

    def formula(images, kernel, bias):
        return reference.grouped_convolution(images, kernel, bias, strides, padding, groups)

    expected = formula(images, kernel, bias)
    upstream = random(*expected.shape, seed=5)
    outputs, gradients = outputs_and_gradients(layer, images, upstream)
    assert reference.relative(outputs, expected) <= TOLERANCE[dtype]
    # The formula is linear in each of the three, so that a long step loses nothing.
    for found, slopes in zip(gradients, reference.slopes(formula, [images, kernel, bias], upstream, 0.5), strict=True):
        assert reference.relative(found, slopes) <= TOLERANCE[dtype]


@every_number
@pytest.mark.parametrize(
    "options", [{"padding": "same"}, {"strides": 2}, {"dilation_rate": 2}, {"activation": "relu"}], ids=str
)
def test_it_equals_keras_grouped_convolution(groups, options):
    images = random(2, 9, 8, 12)
    theirs = with_weights(keras.layers.Conv2D(6, 3, groups=groups, **options), images.shape)
    ours = ColumnConv2D(6, 3, groups=groups, **options)
    ours.build(images.shape)
    ours.set_weights(theirs.get_weights())
    results = [outputs_and_gradients(layer, images) for layer in (ours, theirs)]
    for found, expected in zip(*([outputs, *gradients] for outputs, gradients in results), strict=True):
        assert reference.relative(found, expected) <= 1e-5


@every_number
@pytest.mark.parametrize("stride", [1, 2])
def test_it_equals_pytorchs_grouped_convolution(groups, stride):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    images = random(2, 7, 8, 6)
    layer = with_weights(ColumnConv2D(12, 3, stride, groups=groups), images.shape)
    theirs = torch.nn.Conv2d(6, 12, 3, stride, groups=groups, dtype=torch.float64)
    kernel, bias = layer.get_weights()
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1)))
        theirs.bias.copy_(torch.tensor(bias))
    pixels = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    result = theirs(pixels)
    upstream = random(*result.shape, seed=5)
    (result * torch.tensor(upstream)).sum().backward()
    outputs, (of_images, of_kernel, of_bias) = outputs_and_gradients(layer, images, upstream.transpose(0, 2, 3, 1))
    assert reference.relative(outputs.transpose(0, 3, 1, 2), result.detach()) <= 1e-5
    assert reference.relative(of_images.transpose(0, 3, 1, 2), pixels.grad) <= 1e-5
    assert reference.relative(of_kernel.transpose(3, 2, 0, 1), theirs.weight.grad) <= 1e-5
    assert reference.relative(of_bias, theirs.bias.grad) <= 1e-5


def test_columns_are_independent():
    images = random(1, 6, 6, 4).astype("float32")
    layer = with_weights(ColumnConv2D(8, 3, groups=2), images.shape)
    before = np.asarray(layer(images))
    images[..., 2:] += 1  # the second column's maps
    after = np.asarray(layer(images))
    np.testing.assert_array_equal(before[..., :4], after[..., :4])
    assert (before[..., 4:] != after[..., 4:]).all()


def test_mixed_precision_computes_in_bfloat16_with_float32_weights():
    images = random(2, 5, 6, 6)
    layer = with_weights(ColumnConv2D(6, 3, groups=3, dtype="mixed_bfloat16"), images.shape)
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    outputs, _ = outputs_and_gradients(layer, images)
    assert outputs.dtype == "bfloat16"
    expected = reference.grouped_convolution(images, *layer.get_weights(), (1, 1), "valid", 3)
    assert reference.relative(outputs, expected) <= 2e-2


@every_number
def test_a_saved_layer_computes_the_same(groups, tmp_path):
    layer = ColumnConv2D(6, (3, 2), 2, "same", groups=groups, activation="relu", bias_initializer="ones")
    assert saved_and_loaded_equally(layer, random(2, 5, 6, 6).astype("float32"), tmp_path)


def test_wrong_arguments_raise():
    with pytest.raises(ValueError, match="divisible"):
        ColumnConv2D(5, 3, groups=2)
    with pytest.raises(ValueError, match="divisible by the number of groups"):
        ColumnConv2D(6, 3, groups=2).build((None, 8, 8, 5))
