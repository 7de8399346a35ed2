"""A border of one value against its formula, Keras' border of zeros, and PyTorch's padding."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers import ConstantPadding2D
from tests import reference
from tests.layers.checking import TOLERANCE, outputs_and_gradients, random, saved_and_loaded_equally

CASES = [(0, -1.0), (1, -1.0), (2, 0.25), (3, 7)]
every_case = pytest.mark.parametrize(("padding", "value"), CASES)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_and_gradients_follow_the_formula(padding, value, dtype):
    images = random(2, 5, 4, 3)
    expected = reference.constant_padding(images, padding, value)
    upstream = random(*expected.shape, seed=5)
    outputs, [gradient] = outputs_and_gradients(ConstantPadding2D(padding, value, dtype=dtype), images, upstream)
    assert reference.relative(outputs, expected) <= TOLERANCE[dtype]
    inner = upstream[:, padding : padding + 5, padding : padding + 4]  # the border does not depend on the image
    assert reference.relative(gradient, inner) <= TOLERANCE[dtype]


def test_a_border_of_zeros_is_keras_own():
    images = random(2, 5, 4, 3).astype("float32")
    np.testing.assert_array_equal(ConstantPadding2D(2, 0)(images), keras.layers.ZeroPadding2D(2)(images))


@every_case
def test_it_pads_as_pytorch_does(padding, value):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    images = random(2, 5, 4, 3).astype("float32")
    theirs = torch.nn.functional.pad(torch.tensor(images).permute(0, 3, 1, 2), (padding,) * 4, value=value)
    np.testing.assert_array_equal(ConstantPadding2D(padding, value)(images), theirs.permute(0, 2, 3, 1))


def test_images_of_unknown_size_are_padded():
    assert ConstantPadding2D(2)(keras.Input((None, 7, 3))).shape == (None, None, 11, 3)


def test_a_saved_layer_computes_the_same(tmp_path):
    assert saved_and_loaded_equally(ConstantPadding2D(2, 0.5), random(2, 5, 4, 3).astype("float32"), tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": -1}, r"`padding` must be a non-negative integer\. Received: -1"),
        ({"padding": (1, 2)}, r"`padding` must be a non-negative integer\. Received: \(1, 2\)"),
        ({"value": "background"}, "`value` must be a number. Received: 'background'"),
        ({"value": float("nan")}, "`value` must be a number. Received: nan"),
    ],
)
def test_wrong_arguments_raise(options, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        ConstantPadding2D(**options)
