"""Each layer as a page has it, and what a page does not know."""

import keras
import pytest
from keras import layers, ops

import cnnzoo
from cnnzoo.browser.block import Block
from cnnzoo.browser.layers import described_layers


def described(model):
    return described_layers(model, Block("float32"))


def one(layer, shape=(8, 8, 3)):
    image = keras.Input(shape, name="images")
    return keras.Model(image, layer(image), name="net")


def test_lenet5_is_described_as_its_report_has_it():
    model = cnnzoo.lenet5(compile=False)
    report = cnnzoo.conv_report(model)
    start, found, last = described(model)
    assert (start, last) == ("images", "output")
    kinds = ["convolution", "subsampling", "partially_connected", "subsampling", "convolution", "reshape", "dense"]
    assert [layer["kind"] for layer in found] == [*kinds, "radial_basis"]
    for layer in found:
        row = report[layer["name"]]
        assert (tuple(layer["shape"]), layer["parameters"]) == (row.output_shape, row.parameters)
    assert found[0]["options"]["activation"] == "scaled_tanh"
    assert found[2]["options"]["connections"][-1] == [0, 1, 2, 3, 4, 5]


def test_a_tied_decoder_has_the_weights_of_its_encoder():
    model = cnnzoo.autoencoder(input_shape=(4, 4, 1), units=(8,), code=3, compile=False)
    _, found, _ = described(model)
    layers_by_name = {layer["name"]: layer for layer in found}
    there, back = layers_by_name["code"], layers_by_name["code (call 2)"]
    assert (there["kind"], back["kind"]) == ("dense", "transposed_dense")
    assert there["weights"]["kernel"] == back["weights"]["kernel"]
    assert there["weights"]["bias"] != back["weights"]["bias"]
    assert back["parameters"] == 0
    assert sum(layer["parameters"] for layer in found) == model.count_params()


def test_models_inside_of_a_model_are_opened():
    inner = one(layers.Conv2D(2, 3, name="conv"))
    image = keras.Input((8, 8, 3), name="outer_images")
    _, found, last = described(keras.Model(image, layers.Flatten(name="flat")(inner(image))))
    assert [(layer["name"], layer["inputs"]) for layer in found] == [
        ("net/conv", ["outer_images"]),
        ("flat", ["net/conv"]),
    ]
    assert last == "flat"


def test_same_padding_is_tensorflows():
    _, [layer], _ = described(one(layers.Conv2D(2, 3, strides=2, padding="same", dilation_rate=1)))
    assert layer["options"]["padding"] == [0, 1, 0, 1]
    _, [layer], _ = described(one(layers.MaxPooling2D(3, 2, padding="same"), (7, 7, 3)))
    assert layer["options"]["padding"] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda x: layers.Lambda(lambda y: y, name="mine")(x),
            "does not know the layer 'mine', of the class Lambda; it",
        ),
        (lambda x: layers.SeparableConv2D(2, 2, name="parts")(x), "'parts', of the class SeparableConv2D"),
        (lambda x: ops.sin(x), "does not know the operation Sin"),
        (lambda x: layers.Conv2D(2, 3, activation=ops.sin, name="waves")(x), "activation 'sin' of layer 'waves'; it"),
        (lambda x: layers.UpSampling2D(2, interpolation="bilinear", name="up")(x), "'up' interpolates by 'bilinear'"),
        (lambda x: layers.Softmax(axis=1, name="rows")(x), "'rows' is a softmax along axis 1"),
    ],
)
def test_what_a_page_does_not_know_is_named(make, message):
    image = keras.Input((8, 8, 3))
    with pytest.raises(cnnzoo.InputError, match=message):
        described(keras.Model(image, make(image)))
