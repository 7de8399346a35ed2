"""A shifted image gives shifted maps, up to the stride; a dense layer does not."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import equivariance
from cnnzoo.layers import LocallyConnected2D


def images_for(model, shift, extra=0):
    height, width, channels = model.input_shape[1:]
    shape = (2, height + shift + extra, width + shift, channels)
    return np.random.default_rng(0).normal(size=shape).astype("float32") * 30


def answers(model, shift):
    return {layer.name: layer for layer in equivariance(model, images_for(model, shift), shift)}


def test_alexnets_maps_move_with_the_image_and_its_dense_layers_do_not():
    """32 pixels are one place of pool5, and whole places of everything before it."""
    moved = answers(cnnzoo.alexnet(compile=False, classes=10), shift=32)
    for name in ("conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "conv5", "pool5"):
        assert moved[name].places >= 1
        assert moved[name].equivariant, name
    for name in ("fc6", "fc7", "fc8"):
        assert moved[name].equivariant is False, name
        assert moved[name].difference > 1e-3


def test_a_shift_below_the_stride_breaks_it():
    """4 pixels are one place of conv1, and half a place of pool1."""
    moved = answers(cnnzoo.alexnet(compile=False, classes=10, input_shape=(131, 131, 3)), shift=4)
    assert moved["conv1"].equivariant
    assert moved["norm1"].equivariant
    assert moved["pool1"].equivariant is False


@pytest.mark.parametrize(
    ("name", "shift", "moving"),
    [
        ("lenet5", 4, ["C1", "S2", "C3", "S4"]),
        ("cuda_convnet", 4, ["conv1", "pool1", "norm1", "conv2", "pool2", "norm2"]),
        ("all_cnn_c", 4, ["conv1", "conv2", "conv3", "conv4", "conv5", "conv6"]),
        ("conv_pool_cnn_a", 4, ["conv1", "conv2", "pool1", "conv3"]),
        ("strided_cnn_c", 4, ["conv1", "conv2", "conv3", "conv4"]),
    ],
)
def test_convolutions_and_pooling_move(name, shift, moving):
    moved = answers(cnnzoo.create(name, compile=False), shift)
    assert {layer: moved[layer].equivariant for layer in moving} == dict.fromkeys(moving, True)


def test_a_fully_connected_net_does_not():
    moved = answers(cnnzoo.mlp(compile=False), shift=1)
    assert not any(moved[name].equivariant for name in ("fc1", "fc2", "output"))


def test_without_shared_weights_nothing_moves():
    """Locally connected layers slide the same windows, but their weights are others at every place."""
    inputs = keras.Input((12, 12, 1))
    shared = keras.Model(inputs, keras.layers.Conv2D(4, 3, name="layer")(inputs))
    unshared = keras.Model(inputs, LocallyConnected2D(4, 3, name="layer")(inputs))
    assert answers(shared, 2)["layer"].equivariant
    assert answers(unshared, 2)["layer"].equivariant is False


def test_places_that_see_the_padding_are_left_out():
    """With 5×5 windows and 2 of padding, 2 places a side see it; the shift takes another 2."""
    inputs = keras.Input((16, 16, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 5, padding="same", name="layer")(inputs))
    assert answers(model, 2)["layer"].places == 16 - 4 - 2


@pytest.mark.parametrize(
    ("shift", "shape", "words"),
    [
        (0, (1, 40, 40, 1), "shift must be an integer of at least 1, not 0"),
        (
            4,
            (1, 32, 40, 1),
            r"images must be \(batch, ≥ 36, ≥ 36, 1\) for lenet and a shift of 4, not \(1, 32, 40, 1\)",
        ),
    ],
)
def test_bad_input_gets_a_sentence(shift, shape, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        equivariance(cnnzoo.lenet(compile=False), np.zeros(shape), shift)


def test_nets_with_branches_are_refused():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Add()([inputs, keras.layers.Conv2D(1, 3, padding="same")(inputs)]))
    with pytest.raises(cnnzoo.InputError, match="without branches"):
        equivariance(model, np.zeros((1, 9, 9, 1)), 1)
