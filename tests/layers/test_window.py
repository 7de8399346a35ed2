"""Sliding windows against Keras' own layers."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers import window as windows


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_output_sizes_equal_those_of_keras_layers(padding, window, stride):
    for size in range(window, 13):
        image = keras.Input((size, size + 1, 1))
        expected = (
            windows.output_size(size, window, stride, padding),
            windows.output_size(size + 1, window, stride, padding),
        )
        assert keras.layers.MaxPooling2D(window, stride, padding)(image).shape[1:3] == expected
        assert keras.layers.Conv2D(1, window, stride, padding)(image).shape[1:3] == expected


@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_equals_that_of_keras_layers(window, stride):
    """A convolution over 1, 2, 3, … shows where its windows begin."""
    for size in (3, 4, 5, 8):
        image = np.arange(1.0, size + 1).reshape(1, size, 1, 1)
        kernel = 10.0 ** np.arange(window).reshape(window, 1, 1, 1)
        expected = np.asarray(keras.ops.conv(image, kernel, (stride, 1), "same"))
        before, after = windows.same_padding(size, window, stride)
        padded = np.pad(image, ((0, 0), (before, after), (0, 0), (0, 0)))
        np.testing.assert_allclose(keras.ops.conv(padded, kernel, (stride, 1), "valid"), expected)


def test_unknown_sides_stay_unknown():
    assert windows.output_size(None, 3, 2, "valid") is windows.output_size(None, 3, 2, "same") is None


def test_one_integer_is_both_sides():
    assert windows.pair("strides", 2) == windows.pair("strides", (2, 2)) == windows.pair("strides", [2, 2]) == (2, 2)
    numpys = windows.pair("strides", np.int64(3)) + windows.pair("strides", (np.int64(3), 2))
    assert [(type(side), side) for side in numpys] == [(int, 3), (int, 3), (int, 3), (int, 2)]


@pytest.mark.parametrize("value", [0, -1, 1.0, "2", None, (1,), (1, 2, 3), (1, 0), (1, 2.0), (True, 2)], ids=str)
def test_values_that_are_not_sides_raise(value):
    with pytest.raises(cnnzoo.InputError, match="`strides` must be a positive integer or two of them"):
        windows.pair("strides", value)


def test_a_window_that_does_not_fit_raises():
    with pytest.raises(cnnzoo.InputError, match="Received: a side of 4 and a window of 5"):
        windows.output_size(4, 5, 1, "valid")
