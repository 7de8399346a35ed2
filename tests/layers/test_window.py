"""Windows along a side, against what Keras' own layers make of it."""

import keras
import numpy as np
import pytest

from cnnzoo.layers import window as windows


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_outputs_are_those_of_keras_layers(padding, window, stride):
    for size in range(window, 13):
        image = keras.Input((size, size + 1, 1))
        expected = (windows.outputs(size, window, stride, padding), windows.outputs(size + 1, window, stride, padding))
        assert keras.layers.MaxPooling2D(window, stride, padding)(image).shape[1:3] == expected
        assert keras.layers.Conv2D(1, window, stride, padding)(image).shape[1:3] == expected


@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_zeros_around_are_those_of_keras_layers(window, stride):
    """A convolution over 1, 2, 3, … tells where its windows begin."""
    for size in (3, 4, 5, 8):
        image = np.arange(1.0, size + 1).reshape(1, size, 1, 1)
        kernel = 10.0 ** np.arange(window).reshape(window, 1, 1, 1)
        expected = np.asarray(keras.ops.conv(image, kernel, (stride, 1), "same"))
        before, after = windows.same_padding(size, window, stride)
        padded = np.pad(image, ((0, 0), (before, after), (0, 0), (0, 0)))
        np.testing.assert_allclose(keras.ops.conv(padded, kernel, (stride, 1), "valid"), expected)


def test_unknown_sides_stay_unknown():
    assert windows.outputs(None, 3, 2, "valid") is windows.outputs(None, 3, 2, "same") is None


def test_one_side_stands_for_both():
    assert windows.pair("strides", 2) == windows.pair("strides", (2, 2)) == windows.pair("strides", [2, 2]) == (2, 2)


@pytest.mark.parametrize("value", [0, -1, 1.0, "2", None, (1,), (1, 2, 3), (1, 0), (1, 2.0), (True, 2)], ids=str)
def test_what_is_no_side_gets_a_sentence(value):
    with pytest.raises(ValueError, match="strides must be a positive integer or two of them"):
        windows.pair("strides", value)


def test_a_window_that_does_not_fit_gets_a_sentence():
    with pytest.raises(ValueError, match="Received: a side of 4 and a window of 5"):
        windows.outputs(4, 5, 1, "valid")
