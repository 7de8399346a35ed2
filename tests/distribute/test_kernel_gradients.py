"""The gradients of dense kernels over shards of a batch, against those of the whole batch in NumPy and plain Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cnnzoo.distribute import kernel_gradients
from tests.small_nets import precision


def gradients(model, parts, weights, changed=()):
    with tf.GradientTape() as tape, kernel_gradients.of_whole_batch(changed, len(parts)):
        total = tf.add_n([tf.reduce_sum(tf.cast(model(part, training=True), "float32") ** 2) for part in parts])
    return [None if each is None else each.numpy() for each in tape.gradient(total, [w.value for w in weights])]


def parts_of(*shape, parts=3, seed=0):
    images = np.random.default_rng(seed).normal(size=shape).astype("float32")
    return [tf.constant(part) for part in np.array_split(images, parts)]


def test_a_kernels_gradient_is_the_products_sum_over_the_batch_in_float64():
    layer = layers.Dense(5, use_bias=False)
    parts = parts_of(7, 4)
    layer.build((None, 4))
    [found] = gradients(layer, parts, layer.weights, [layer])
    images, kernel = np.concatenate(parts).astype("float64"), layer.kernel.numpy().astype("float64")
    np.testing.assert_allclose(found, images.T @ (2 * images @ kernel), rtol=2e-5)  # d Σ(xW)² / dW


def nets():
    inputs = keras.Input((6,))
    shared = layers.Dense(6, "tanh")
    yield "twice in a net", keras.Model(inputs, layers.Dense(2)(shared(shared(inputs))))
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(4, "relu"), layers.Dense(3, use_bias=False)])
    yield "nested", keras.Model(inputs, layers.Dense(2, "sigmoid")(inner(inputs)))
    rows = layers.Reshape((3, 2))(inputs)
    yield "on several positions", keras.Model(inputs, layers.Flatten()(layers.Dense(4, "elu")(rows)))
    frozen = keras.Sequential([keras.Input((6,)), layers.Dense(4, "tanh", trainable=False), layers.Dense(3)])
    yield "below frozen ones", frozen
    yield "of another class", keras.Sequential([keras.Input((6,)), Doubled(3), layers.Dense(2)])
    penalized = layers.Dense(4, kernel_regularizer="l2", kernel_constraint="non_neg")
    yield "regularized", keras.Sequential([keras.Input((6,)), penalized, layers.Dense(2)])


class Doubled(layers.Dense):
    """A dense layer that computes something else."""

    def call(self, inputs, training=None):
        return 2 * super().call(inputs, training=training)


def inner_layers(model):
    return [model, *(each for layer in getattr(model, "layers", ()) for each in inner_layers(layer))]


@pytest.mark.parametrize("case", [name for name, _ in nets()])
@pytest.mark.parametrize("parts", [1, 2, 4])
def test_gradients_of_nets_are_those_of_plain_keras(case, parts):
    keras.utils.set_random_seed(0)
    model = dict(nets())[case]
    shards = parts_of(9, 6, parts=parts)
    expected = gradients(model, [tf.concat(shards, axis=0)], model.weights)
    found = gradients(model, shards, model.weights, inner_layers(model))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_layers_are_as_they_were_afterwards_also_after_an_error():
    layer = layers.Dense(2)
    layer.build((None, 3))
    with kernel_gradients.of_whole_batch([layer], 2):
        assert "call" in vars(layer)
        with pytest.raises(ValueError, match="incompatible"):
            layer(tf.ones((1, 4)))
    assert "call" not in vars(layer)
    with pytest.raises(ZeroDivisionError), kernel_gradients.of_whole_batch([layer], 2):
        raise ZeroDivisionError
    assert "call" not in vars(layer)


def test_mixed_precision_multiplies_in_half_precision_and_gives_float32():
    with precision("mixed_bfloat16"):
        layer = layers.Dense(4)
        layer.build((None, 8))
    parts = parts_of(16, 8, parts=2)
    kernel, bias = gradients(layer, parts, layer.weights, [layer])
    assert kernel.dtype == bias.dtype == np.float32
    with kernel_gradients.of_whole_batch([layer], 2):
        assert layer(parts[0]).dtype == tf.bfloat16
    [expected, _] = gradients(layer, [tf.concat(parts, axis=0)], layer.weights)
    np.testing.assert_array_equal(kernel, expected)


def test_a_low_rank_layer_is_left_alone():
    layer = layers.Dense(4)
    layer.build((None, 8))
    layer.enable_lora(2)
    with kernel_gradients.of_whole_batch([layer], 2):
        assert "call" not in vars(layer)
