"""Activations and top activations, against loops in NumPy."""

import math

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import activations, top_activations


def test_activations_are_the_outputs_of_the_layers(net, images):
    outputs = activations(net, images, ["C1", "F6"])
    for name in ("C1", "F6"):
        own = keras.Model(net.input, net.get_layer(name).output)
        np.testing.assert_allclose(outputs[name], own.predict(images, verbose=0), rtol=1e-5, atol=1e-6)


def test_dropout_is_off():
    net = cnnzoo.all_cnn_c(maps=(4, 8))
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    one, two = (activations(net, images, ["conv1"])["conv1"] for _ in range(2))
    assert (one == two).all()


def test_top_activations_are_those_of_a_loop(net, images):
    outputs = activations(net, images, ["C3"])["C3"]
    for top in top_activations(net, images, "C3", [0, 7], count=4):
        own = outputs[..., top.unit]
        order = sorted(range(len(images)), key=lambda number: -own[number].max())[:4]
        assert top.images.tolist() == order
        for number, value, (rows, columns) in zip(top.images, top.values, top.regions, strict=True):
            row, column = np.unravel_index(own[number].argmax(), own[number].shape)
            assert value == own[number].max()
            # Two convolutions of five and a pooling of two: 14 pixels, two apart.
            assert (rows, columns) == (range(2 * row, 2 * row + 14), range(2 * column, 2 * column + 14))


def test_the_receptive_field_of_a_dense_unit_is_the_whole_image(net, images):
    [top] = top_activations(net, images, "F6", [3], count=2)
    assert top.regions == ((range(32), range(32)),) * 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net, x: activations(net, x, ["C9"]), "unknown layer of lenet 'C9'"),
        (
            lambda net, x: activations(net, x[:, :5], ["C1"]),
            "must be an array (batch, 32, 32, 1) of at least one image",
        ),
        (lambda net, x: activations(net, x[:0], ["C1"]), "at least one image. Received the shape: (0, 32, 32, 1)"),
        (lambda net, x: activations(net, x * math.nan, ["C1"]), "`images` must be finite numbers. Received: nan"),
        (lambda net, x: activations(net, "x", ["C1"]), "`images` must be an array of numbers"),
        (lambda net, x: activations("lenet", x, ["C1"]), "`model` must be a Keras model"),
        (
            lambda net, x: top_activations(net, x, "C3", [16]),
            "`units` must be integers from 0 to 15, the units of 'C3'. Received: [16]",
        ),
        (
            lambda net, x: top_activations(net, x, "C3", count=13),
            "`count` must be an integer from 1 to 12, the number of images. Received: 13",
        ),
    ],
)
def test_bad_input_is_refused(net, images, call, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        call(net, images)
    assert words in str(caught.value)
