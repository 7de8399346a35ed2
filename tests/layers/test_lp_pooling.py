"""Pooling by the p-norm against its formula, PyTorch, and Keras' layers for its limits."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.layers import LpPooling2D
from tests import reference
from tests.layers.checking import TOLERANCE, outputs_and_gradients, random, saved_and_loaded_equally

every_power = pytest.mark.parametrize("p", [1, 1.5, 2, 3])
SHAPES = [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((2, 3), (1, 2)), ((1, 1), (1, 1)), ((2, 2), (3, 3))]


@every_power
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_and_gradient_follow_the_formula(p, normalized, padding, size, strides, dtype):
    images = random(2, 5, 7, 2)
    layer = LpPooling2D(p, size, strides, padding, normalized, dtype=dtype)

    def formula(images):
        return reference.lp_pooling(images, p, size, strides, padding, normalized)

    upstream = random(*formula(images).shape, seed=1)
    outputs, (gradient,) = outputs_and_gradients(layer, images, upstream)
    assert reference.relative(outputs, formula(images)) <= TOLERANCE[dtype]
    (expected,) = reference.slopes(formula, [images], upstream)
    assert reference.relative(gradient, expected) <= TOLERANCE[dtype]


@every_power
@pytest.mark.parametrize(("size", "strides"), SHAPES, ids=str)
def test_without_normalization_it_equals_pytorchs_layer(p, size, strides):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    images = np.abs(random(2, 5, 7, 2))  # PyTorch takes x^p, and |x|^p for even powers alone
    layer = LpPooling2D(p, size, strides, normalized=False)
    theirs = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    result = torch.nn.LPPool2d(p, size, strides)(theirs)
    upstream = random(*result.shape, seed=1)
    (result * torch.tensor(upstream)).sum().backward()
    outputs, (gradient,) = outputs_and_gradients(layer, images, upstream.transpose(0, 2, 3, 1))
    assert reference.relative(outputs.transpose(0, 3, 1, 2), result.detach()) <= 1e-5
    assert reference.relative(gradient.transpose(0, 3, 1, 2), theirs.grad) <= 1e-5


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_growing_p_goes_from_the_mean_to_the_maximum(padding):
    images = np.abs(random(2, 7, 6, 3)).astype("float32")
    mean = keras.layers.AveragePooling2D(3, 2, padding)(images)
    maximum = keras.layers.MaxPooling2D(3, 2, padding)(images)
    np.testing.assert_allclose(LpPooling2D(1, 3, 2, padding)(images), mean, rtol=1e-5)
    np.testing.assert_allclose(LpPooling2D(50, 3, 2, padding, normalized=False)(images), maximum, rtol=5e-2)
    between = [np.asarray(LpPooling2D(p, 3, 2, padding)(images)) for p in (1, 1.5, 2, 3, 8)]
    assert all((low <= high * (1 + 1e-5)).all() for low, high in itertools.pairwise(between))


@every_power
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_gradient_is_0_in_a_window_of_zeros(p, normalized, padding):
    images = random(2, 6, 6, 2)
    images[:, :2, :2] = 0
    images[1] = 0
    upstream = random(2, 3, 3, 2, seed=1)
    layer = LpPooling2D(p, 2, padding=padding, normalized=normalized)
    outputs, (gradient,) = outputs_and_gradients(layer, images, upstream)
    assert np.isfinite(gradient).all()
    for zeros in (np.s_[:, :2, :2], np.s_[1]):
        assert not gradient[zeros].any()
    assert not outputs[:, 0, 0].any()
    assert not outputs[1].any()
    assert gradient[0, 2:].all()


@every_power
@pytest.mark.parametrize(("policy", "precision"), [("mixed_float16", 2e-3), ("mixed_bfloat16", 2e-2)])
def test_half_precision_neither_overflows_nor_vanishes(p, policy, precision):
    for scale in (300.0, 1e-3):  # 300² is beyond float16's range, 1e-3 cubed below it
        images = scale * (1 + np.arange(16.0).reshape(1, 4, 4, 1) / 16)
        layer = LpPooling2D(p, dtype=policy)
        outputs, (gradient,) = outputs_and_gradients(layer, images)
        assert outputs.dtype == gradient.dtype == layer.compute_dtype
        assert reference.relative(outputs, reference.lp_pooling(images, p, (2, 2), (2, 2), "valid", True)) <= precision
        assert np.isfinite(gradient).all()
        assert gradient.all()


def test_strides_default_to_the_pool_size():
    assert LpPooling2D(2, (3, 2)).strides == (3, 2)
    assert LpPooling2D(2, (3, 2), 1).strides == (1, 1)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("normalized", [True, False])
def test_a_saved_layer_computes_the_same(padding, normalized, tmp_path):
    layer = LpPooling2D(3, (3, 2), (2, 1), padding, normalized, name="pool1")
    assert saved_and_loaded_equally(layer, random(2, 7, 5, 3).astype("float32"), tmp_path)


def test_the_size_of_the_images_may_be_unknown_unless_zeros_are_padded():
    images = random(1, 5, 7, 2).astype("float32")
    for options in ({"padding": "valid"}, {"padding": "same"}, {"normalized": False}):
        layer = LpPooling2D(2, 3, 2, **options)
        compute = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 2))])
        np.testing.assert_allclose(compute(images), layer(images), rtol=1e-6)
    layer = LpPooling2D(2, 3, 2, "same", normalized=False)
    with pytest.raises(cnnzoo.InputError, match="padding='same' here needs images of known height and width"):
        tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 2))])(images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 0.5}, r"`p` must be a number of at least 1\. Received: 0.5"),
        ({"p": float("inf")}, "`p` must be .* Received: inf"),
        ({"p": float("nan")}, "Received: nan"),
        ({"p": "2"}, "Received: '2'"),
        ({"pool_size": 0}, r"`pool_size` must be a positive integer or two of them\. Received: 0"),
        ({"pool_size": (2, 2, 2)}, r"Received: \(2, 2, 2\)"),
        ({"strides": -1}, r"`strides` must be a positive integer or two of them\. Received: -1"),
        ({"padding": "full"}, "unknown padding 'full'; the values of padding are same, valid"),
    ],
    ids=str,
)
def test_wrong_arguments_raise(arguments, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        LpPooling2D(**arguments)


def test_a_window_larger_than_the_image_raises():
    with pytest.raises(cnnzoo.InputError, match="Received: a side of 3 and a window of 4"):
        LpPooling2D(2, 4)(keras.Input((3, 8, 1)))
