"""The strided 1×1 convolution against Keras' own, and its gradient against that of the strided pixels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.layers import PointwiseConv2D

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("shape", "strides"), [((2, 8, 8, 3), 2), ((1, 7, 9, 2), (2, 3)), ((3, 5, 5, 4), 1)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_it_equals_keras_convolution(shape, strides, padding):
    images = RNG.normal(size=shape).astype("float32")
    layer = PointwiseConv2D(5, strides, padding=padding, activation="tanh")
    theirs = keras.layers.Conv2D(5, 1, strides, padding=padding, activation="tanh")
    for each in (layer, theirs):
        each.build(shape)
    theirs.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(images), theirs(images), atol=1e-6)
    assert layer.compute_output_shape(shape) == tuple(theirs(images).shape)


def test_the_gradient_equals_that_of_the_matrix_product():
    """y = x·K at every second pixel: dK = Σ xᵀ·dy, and dx is dy·Kᵀ there and 0 elsewhere."""
    images = tf.constant(RNG.normal(size=(2, 6, 5, 3)).astype("float32"))
    layer = PointwiseConv2D(4, 2, use_bias=False)
    layer.build(images.shape)
    slopes = RNG.normal(size=(2, 3, 3, 4)).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(layer(images) * slopes)
    along_images, along_kernel = tape.gradient(total, [images, layer.kernel.value])
    seen, kernel = images.numpy()[:, ::2, ::2].astype("float64"), layer.get_weights()[0][0, 0]
    expected = np.zeros(images.shape)
    expected[:, ::2, ::2] = slopes @ kernel.T
    np.testing.assert_allclose(along_images, expected, atol=1e-5)
    np.testing.assert_allclose(along_kernel[0, 0], np.einsum("bhwc,bhwf->cf", seen, slopes), atol=1e-5)


def test_a_saved_layer_computes_the_same(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), PointwiseConv2D(4, 2, padding="same", activation="relu")])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    images = RNG.normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(model(images), again(images))


def test_channels_first_raises():
    with pytest.raises(cnnzoo.InputError, match=r"`data_format` must be 'channels_last'\. Received: 'channels_first'"):
        PointwiseConv2D(4, 2, data_format="channels_first")
