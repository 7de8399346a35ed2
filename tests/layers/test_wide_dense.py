"""WideDense against Keras' dense layer, and against NumPy where precisions differ."""

import keras
import numpy as np

from cnnzoo.layers import WideDense

IMAGES = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")


def test_in_float32_it_equals_keras_own():
    keras.utils.set_random_seed(0)
    plain, wide = keras.layers.Dense(4, "sigmoid"), WideDense(4, "sigmoid")
    expected = np.asarray(plain(IMAGES))
    wide(IMAGES)
    wide.set_weights(plain.get_weights())
    np.testing.assert_array_equal(wide(IMAGES), expected)


def test_in_mixed_precision_the_sigmoid_is_computed_in_float32():
    layer = WideDense(4, "sigmoid", dtype="mixed_bfloat16")
    model = keras.Sequential([keras.Input((6,)), layer])
    assert model.outputs[0].dtype == "float32"
    found = np.asarray(model(IMAGES))
    assert found.dtype == np.float32
    sums = np.log(found / (1 - found))
    narrow = np.asarray(keras.ops.cast(keras.ops.cast(sums, "bfloat16"), "float32"))
    np.testing.assert_allclose(sums, narrow, rtol=1e-4, atol=1e-5)  # the sums are bfloat16, their sigmoids are not
    np.testing.assert_allclose(sums, IMAGES @ layer.get_weights()[0], rtol=0.03, atol=0.03)


def test_it_can_be_rebuilt_from_its_config():
    again = WideDense.from_config(WideDense(4, "tanh", use_bias=False, name="output").get_config())
    assert (again.units, again.name, again.use_bias) == (4, "output", False)
    assert again(IMAGES).shape == (8, 4)
