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
            lambda net, x: top_activations(net, x, "C3", 1),
            "`units` must be integers from 0 to 15, the units of 'C3'. Received: 1",
        ),
        (
            lambda net, x: top_activations(net, x, "C3", [True]),
            "`units` must be integers from 0 to 15, the units of 'C3'. Received: [True]",
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


def nested():
    """Return a net with preprocessing before a LeNet and a layer after it, and the LeNet."""
    keras.utils.set_random_seed(1)
    inner = cnnzoo.lenet(include_top=False)
    image = keras.Input((32, 32, 1), name="image")
    outputs = keras.layers.Dense(3, name="head")(keras.layers.Flatten()(inner(keras.layers.Rescaling(0.5)(image))))
    return keras.Model(image, outputs, name="outer"), inner


def test_layers_inside_of_a_model_have_the_names_of_the_report(images):
    outer, inner = nested()
    names = [row.name for row in cnnzoo.conv_report(outer).rows]
    assert "lenet/C3" in names
    outputs = activations(outer, images, names)
    np.testing.assert_array_equal(outputs["image"], images)
    direct = activations(inner, 0.5 * images, ["C1", "C3"])
    for name in ("C1", "C3"):
        np.testing.assert_allclose(outputs[f"lenet/{name}"], direct[name], atol=1e-6)
    np.testing.assert_allclose(activations(outer, images, ["lenet"])["lenet"], inner(0.5 * images), atol=1e-6)
    np.testing.assert_allclose(outputs["head"], outer(images), atol=1e-6)
    [top] = top_activations(outer, images, "lenet/C3", [5], count=3)
    [direct] = top_activations(inner, 0.5 * images, "C3", [5], count=3)
    np.testing.assert_allclose(top.values, direct.values, atol=1e-6)
    assert (top.regions, top.images.tolist()) == (direct.regions, direct.images.tolist())
    with pytest.raises(cnnzoo.InputError, match="unknown layer of outer 'lenet/C9'; did you mean 'lenet/C"):
        activations(outer, images, ["lenet/C9"])


def test_a_layer_that_is_called_again_has_the_names_of_the_report():
    image = keras.Input((6, 6, 1), name="image")
    shared = keras.layers.Conv2D(1, 3, padding="same", name="shared")
    inner = keras.Sequential([keras.Input((6, 6, 1)), shared], name="inner")
    model = keras.Model(image, shared(inner(inner(image))))
    values = np.random.default_rng(0).normal(size=(2, 6, 6, 1)).astype("float32")
    once, twice, thrice = (np.asarray(x) for x in (shared(values), shared(shared(values)), model(values)))
    names = {"inner/shared": once, "inner/shared (call 2)": twice, "inner (call 2)": twice, "shared": thrice}
    assert {row.name for row in cnnzoo.conv_report(model).rows} == {"image", *names} - {"inner (call 2)"}
    for name, output in activations(model, values, list(names)).items():
        np.testing.assert_allclose(output, names[name], atol=1e-6)
    with pytest.raises(cnnzoo.InputError, match=r"unknown layer of .* 'inner/shared \(call 3\)'"):
        activations(model, values, ["inner/shared (call 3)"])


def test_layers_of_another_model_are_called_where_this_one_calls_them(net, images):
    cut = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Rescaling(2.0), *net.layers[1:4]])
    np.testing.assert_allclose(
        activations(cut, images, ["S2"])["S2"], activations(net, 2 * images, ["S2"])["S2"], atol=1e-6
    )


def test_top_activations_of_a_net_with_branches_have_the_fields_of_the_report():
    image = keras.Input((24, 24, 1))
    left, right = (keras.layers.Conv2D(2, size, padding="same")(image) for size in (3, 7))
    model = keras.Model(image, keras.layers.Add(name="merged")([left, right]))
    images = np.random.default_rng(0).normal(size=(4, 24, 24, 1)).astype("float32")
    for top in top_activations(model, images, "merged", count=2):
        for rows, columns in top.regions:
            assert max(len(rows), len(columns)) <= 7


@pytest.mark.parametrize("activation", ["tanh", "relu", None])
def test_before_activation_is_the_sum(activation):
    net = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(3, 3, activation=activation, name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation, name="dense"),
        ]
    )
    images = np.random.default_rng(0).normal(size=(5, 6, 6, 2)).astype("float32")
    conv, dense = net.get_layer("conv"), net.get_layer("dense")
    sums = keras.ops.convert_to_numpy(keras.ops.conv(images, conv.kernel) + conv.bias)
    found = activations(net, images, ["conv"], before_activation=True)["conv"]
    np.testing.assert_allclose(found, sums, rtol=1e-5, atol=1e-6)
    inputs = activations(net, images, ["conv"])["conv"].reshape(5, -1)  # the layers below keep theirs
    found = activations(net, images, ["dense"], before_activation=True)["dense"]
    np.testing.assert_allclose(found, inputs @ dense.kernel.numpy() + dense.bias.numpy(), rtol=1e-4, atol=1e-5)
    assert conv.activation is keras.activations.get(activation)
    with pytest.raises(cnnzoo.InputError, match="`layers` must be one layer with before_activation=True"):
        activations(net, images, ["conv", "dense"], before_activation=True)
