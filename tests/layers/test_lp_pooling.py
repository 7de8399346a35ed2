"""Pooling by the p-norm against its formula, PyTorch, and the layers of Keras that it has as limits."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.layers import LpPooling2D
from tests import reference
from tests.layers.checking import TOLERANCE, outputs_and_gradients, random, survives_saving

every_power = pytest.mark.parametrize("p", [1, 1.5, 2, 3])
SHAPES = [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((2, 3), (1, 2)), ((1, 1), (1, 1)), ((2, 2), (3, 3))]


@every_power
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_and_gradient_are_the_formulas(p, normalized, padding, size, strides, dtype):
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
def test_the_sum_is_pytorchs_layer(p, size, strides):
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
def test_p_leads_from_the_mean_to_the_maximum(padding):
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
def test_a_window_of_zeros_has_the_slope_0(p, normalized, padding):
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


def test_strides_are_the_windows_own_sides_by_default():
    assert LpPooling2D(2, (3, 2)).strides == (3, 2)
    assert LpPooling2D(2, (3, 2), 1).strides == (1, 1)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("normalized", [True, False])
def test_layer_survives_saving(padding, normalized, tmp_path):
    layer = LpPooling2D(3, (3, 2), (2, 1), padding, normalized, name="pool1")
    assert survives_saving(layer, random(2, 7, 5, 3).astype("float32"), tmp_path)


def test_size_of_the_images_may_be_unknown_where_it_does_not_count():
    images = random(1, 5, 7, 2).astype("float32")
    for options in ({"padding": "valid"}, {"padding": "same"}, {"normalized": False}):
        layer = LpPooling2D(2, 3, 2, **options)
        compute = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 2))])
        np.testing.assert_allclose(compute(images), layer(images), rtol=1e-6)
    layer = LpPooling2D(2, 3, 2, "same", normalized=False)
    with pytest.raises(ValueError, match="padding='same' here needs images of known height and width"):
        tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 2))])(images)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"p": 0.5}, "p must be a finite number of at least 1; the maximum is MaxPooling2D. Received: p=0.5"),
        ({"p": float("inf")}, "Received: p=inf"),
        ({"p": float("nan")}, "Received: p=nan"),
        ({"p": "2"}, "Received: p='2'"),
        ({"pool_size": 0}, "pool_size must be a positive integer or two of them. Received: pool_size=0"),
        ({"pool_size": (2, 2, 2)}, r"Received: pool_size=\(2, 2, 2\)"),
        ({"strides": -1}, "strides must be a positive integer or two of them. Received: strides=-1"),
        ({"padding": "full"}, "padding must be 'valid' or 'same'. Received: padding='full'"),
    ],
    ids=str,
)
def test_bad_arguments_get_a_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        LpPooling2D(**arguments)


def test_a_window_larger_than_the_image_gets_a_sentence():
    with pytest.raises(ValueError, match="Received: a side of 3 and a window of 4"):
        LpPooling2D(2, 4)(keras.Input((3, 8, 1)))
