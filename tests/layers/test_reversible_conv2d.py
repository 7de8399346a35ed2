"""A convolution called in reverse, against its formula, its definition as an adjoint, and PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.layers import ReversibleConv2D
from tests import reference
from tests.layers.checking import TOLERANCE, random, with_weights

# Sides of the image, kernel, strides, padding, dilation.
WINDOWS = [
    ((6, 6), 3, 1, "same", 1),
    ((6, 5), (2, 3), 1, "valid", 1),
    ((8, 6), 3, 2, "same", 1),
    ((9, 7), 3, 2, "valid", 1),
    ((8, 9), 2, (2, 3), "valid", 1),
    ((6, 6), 1, 2, "same", 1),
    ((9, 8), 3, 1, "valid", 2),
    ((7, 8), (3, 2), 1, "same", (2, 1)),
]


def convolution(sides, kernel, strides, padding, dilation, dtype="float32", **options):
    layer = ReversibleConv2D(4, kernel, strides, padding, dilation_rate=dilation, dtype=dtype, **options)
    return with_weights(layer, (None, *sides, 2))


# On a CPU, oneDNN alone has a dilated convolution that goes back, and that in float32 alone.
DILATED = [pytest.param(window, marks=pytest.mark.onednn) for window in WINDOWS if window[-1] != 1]
UNDILATED = [window for window in WINDOWS if window[-1] == 1]
CASES = [
    *[(window, dtype) for window in UNDILATED for dtype in ("float32", "float64")],
    *[pytest.param(*window.values, "float32", marks=pytest.mark.onednn) for window in DILATED],
]


@pytest.mark.parametrize(("window", "dtype"), CASES)
def test_in_reverse_it_follows_its_formula(window, dtype):
    sides, _, _, padding, _ = window
    layer = convolution(*window, dtype)
    maps = random(2, *layer.compute_output_shape((None, *sides, 2))[1:]).astype(dtype)
    shape = layer.compute_output_shape(maps.shape, reverse=True)

    def formula(maps, kernel, bias):
        return reference.transposed_convolution(
            maps, kernel, bias, layer.strides, padding, shape[1:3], layer.dilation_rate
        )

    kernel, _, bias = layer.weights
    arrays = [np.asarray(value, dtype) for value in (maps, kernel, bias)]
    expected = formula(*arrays)
    assert expected.shape == shape
    upstream = random(*expected.shape, seed=9)
    maps = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        outputs = layer(maps, reverse=True)
        total = tf.reduce_sum(outputs * upstream.astype(dtype))
    assert reference.relative(outputs, expected) < TOLERANCE[dtype]
    gradients = tape.gradient(total, [maps, kernel.value, bias.value])
    for found, slope in zip(gradients, reference.slopes(formula, arrays, upstream), strict=True):
        assert reference.relative(found, slope) < TOLERANCE[dtype]


@pytest.mark.parametrize("window", [*UNDILATED, *DILATED])
def test_forward_it_is_keras_own_and_in_reverse_its_adjoint(window):
    """⟨conv(x), m⟩ = ⟨x, transposed(m)⟩, for an image of the sides that the transposed convolution gives."""
    sides, kernel, strides, padding, dilation = window
    layer = convolution(*window, use_bias=False, use_reverse_bias=False)
    plain = keras.layers.Conv2D(4, kernel, strides, padding, dilation_rate=dilation, use_bias=False)
    maps = random(3, *layer.compute_output_shape((None, *sides, 2))[1:], seed=2).astype("float32")
    back = np.asarray(layer(maps, reverse=True), "float64")
    images = random(*back.shape, seed=3)
    forth = np.asarray(layer(images), "float64")
    assert (forth * maps).sum() == pytest.approx((images * back).sum(), abs=1e-5 * np.abs(forth * maps).sum())
    plain.build(images.shape)
    plain.kernel.assign(layer.kernel)
    np.testing.assert_array_equal(layer(images), plain(images))


@pytest.mark.parametrize(
    ("side", "padding", "stride"), [(s, p, t) for s in (9, 10, 11) for p in ("same", "valid") for t in (2, 3)]
)
def test_output_padding_restores_sides_that_the_stride_does_not_divide(side, padding, stride):
    """For every remainder of the stride, there is a padding with which the output in reverse has the image's sides."""
    reached = set()
    for extra in (None, *range(stride)):
        layer = ReversibleConv2D(2, 3, stride, padding, reverse_output_padding=extra)
        reached.add(layer(layer(keras.Input((side, side, 1))), reverse=True).shape[1])
    assert side in reached


def test_it_equals_pytorchs_transposed_convolution():
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    layer = convolution((9, 9), 3, 2, "valid", 1)
    maps = random(2, 4, 4, 4).astype("float32")
    kernel, _, bias = (torch.tensor(value) for value in layer.get_weights())
    # PyTorch's kernel is (in, out, height, width), where `in` are the maps that come in here.
    theirs = torch.nn.functional.conv_transpose2d(
        torch.tensor(maps).permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, stride=2
    )
    np.testing.assert_allclose(layer(maps, reverse=True), theirs.permute(0, 2, 3, 1), atol=1e-5)


def tied_model(dtype="float32", **options):
    image = keras.Input((8, 8, 2), name="image", dtype=keras.DTypePolicy(dtype).variable_dtype)
    layer = ReversibleConv2D(3, 3, 2, "same", activation="tanh", name="conv", dtype=dtype, **options)
    return keras.Model(image, layer(layer(image), reverse=True))


def test_the_gradient_of_the_kernel_is_the_sum_of_both_uses():
    model = tied_model("float64")
    images, upstream = random(2, 8, 8, 2), random(2, 8, 8, 2, seed=1)
    arrays = [random(*weight.shape, seed=number) for number, weight in enumerate(model.weights)]
    model.set_weights(arrays)

    def formula(images, kernel, hidden_bias, bias):
        maps = np.tanh(reference.grouped_convolution(images, kernel, hidden_bias, (2, 2), "same", 1))
        return reference.transposed_convolution(maps, kernel, bias, (2, 2), "same", (8, 8))

    with tf.GradientTape() as tape:
        outputs = model(images)
        total = tf.reduce_sum(outputs * upstream)
    np.testing.assert_allclose(outputs, formula(images, *arrays), atol=1e-12)
    expected = reference.slopes(formula, [images, *arrays], upstream)[1:]
    for found, slope in zip(tape.gradient(total, [w.value for w in model.weights]), expected, strict=True):
        assert reference.relative(found, slope) < 1e-7


def test_every_copy_is_tied(tmp_path):
    model = tied_model(reverse_output_padding=1)
    images = random(4, 8, 8, 2).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), model(images))
    for copy in (loaded, keras.models.clone_model(model), keras.Model.from_config(model.get_config())):
        assert copy.get_layer("conv").get_config() == model.get_layer("conv").get_config()
        assert copy.count_params() == 3 * 3 * 2 * 3 + 3 + 2
        copy.set_weights(model.get_weights())
        copy.compile(keras.optimizers.SGD(0.1), "mse")
        copy.fit(images, images, verbose=0)
        kernel, hidden_bias, bias = copy.get_weights()
        assert np.abs(kernel - model.get_weights()[0]).max() > 1e-5
        maps = np.tanh(reference.grouped_convolution(images, kernel, hidden_bias, (2, 2), "same", 1))
        expected = reference.transposed_convolution(maps, kernel, bias, (2, 2), "same", (8, 8))
        np.testing.assert_allclose(copy(images), expected, atol=1e-5)


def test_a_decoder_alone_can_be_saved_and_cloned(tmp_path):
    model = tied_model()
    values = keras.Input((4, 4, 3))
    decoder = keras.Model(values, model.get_layer("conv")(values, reverse=True))
    decoder.save(tmp_path / "decoder.keras")
    maps = random(2, 4, 4, 3).astype("float32")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "decoder.keras")(maps), decoder(maps))
    copy = keras.models.clone_model(decoder)
    copy.set_weights(decoder.get_weights())
    np.testing.assert_array_equal(copy(maps), decoder(maps))


def test_mixed_precision_computes_in_bfloat16():
    model = tied_model("mixed_bfloat16")
    outputs = model(random(2, 8, 8, 2))
    assert outputs.dtype == "bfloat16"
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: ReversibleConv2D(4, 3, groups=2), "`groups` must be 1, .* Received: 2"),
        (
            lambda x: ReversibleConv2D(4, 3, 2, reverse_output_padding=2),
            r"`reverse_output_padding` must be None or two integers from 0 to below the strides \(2, 2\)\. Received: 2",
        ),
        (lambda x: ReversibleConv2D(4, 3, 2, reverse_output_padding=(1, True)), r"Received: \(1, True\)"),
        (lambda x: convolution((8, 8), 3, 1, "same", 1, name="c")(x, reverse=True), "of width 4 for 'c' in reverse"),
        (lambda x: convolution((8, 8), 3, 1, "same", 1, name="c")(keras.Input((8, 8, 3))), "of width 2 for 'c'"),
    ],
)
def test_wrong_depths_and_arguments_raise(make, message):
    with pytest.raises(InputError, match=message):
        make(keras.Input((8, 8, 2), name="image"))


@pytest.mark.onednn
def test_channels_first_equals_channels_last():
    maps = random(2, 4, 3, 5).astype("float32")
    weights, found = None, {}
    for order in ("channels_last", "channels_first"):
        layer = ReversibleConv2D(5, 3, 2, "same", data_format=order)
        layer.build((None, 2, 8, 6) if order == "channels_first" else (None, 8, 6, 2))
        weights = weights or [random(*each.shape, seed=number) for number, each in enumerate(layer.get_weights())]
        layer.set_weights(weights)
        found[order] = np.asarray(layer(maps if order == "channels_last" else maps.transpose(0, 3, 1, 2), reverse=True))
    assert np.abs(weights[-1]).min() > 0.01  # the biases
    np.testing.assert_allclose(found["channels_first"].transpose(0, 2, 3, 1), found["channels_last"], atol=1e-5)
