"""A transposed convolution tied to a convolution, against its formula, its definition as an adjoint, and PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.errors import InputError
from cnnzoo.layers import ColumnConv2D, PointwiseConv2D, TiedConv2DTranspose
from tests import reference
from tests.layers.checking import TOLERANCE, outputs_and_gradients, random, with_weights

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


def convolution(sides, kernel, strides, padding, dilation, dtype="float32"):
    conv = keras.layers.Conv2D(
        4, kernel, strides, padding, dilation_rate=dilation, use_bias=False, name="conv", dtype=dtype
    )
    return with_weights(conv, (None, *sides, 2))


# On a CPU, oneDNN alone has a dilated convolution that goes back, and that in float32 alone.
DILATED = [pytest.param(window, marks=pytest.mark.onednn) for window in WINDOWS if window[-1] != 1]
UNDILATED = [window for window in WINDOWS if window[-1] == 1]
CASES = [
    *[(window, dtype) for window in UNDILATED for dtype in ("float32", "float64")],
    *[pytest.param(*window.values, "float32", marks=pytest.mark.onednn) for window in DILATED],
]


@pytest.mark.parametrize(("window", "dtype"), CASES)
def test_it_follows_its_formula(window, dtype):
    sides, _, _, padding, _ = window
    conv = convolution(*window, dtype)
    maps = random(2, *conv.compute_output_shape((None, *sides, 2))[1:]).astype(dtype)
    layer = with_weights(TiedConv2DTranspose(conv, dtype=dtype), maps.shape)
    assert layer.kernel is conv.kernel

    def formula(maps, kernel, bias):
        shape = layer.compute_output_shape(maps.shape)
        return reference.transposed_convolution(
            maps, kernel, bias, conv.strides, padding, shape[1:3], conv.dilation_rate
        )

    arrays = [np.asarray(value, dtype) for value in (maps, *layer.get_weights())]
    expected = formula(*arrays)
    upstream = random(*expected.shape, seed=9)
    outputs, gradients = outputs_and_gradients(layer, maps, upstream)
    assert reference.relative(outputs, expected) < TOLERANCE[dtype]
    for found, slope in zip(gradients, reference.slopes(formula, arrays, upstream), strict=True):
        assert reference.relative(found, slope) < TOLERANCE[dtype]


@pytest.mark.parametrize("window", [*UNDILATED, *DILATED])
def test_it_equals_the_adjoint_of_the_convolution(window):
    """⟨conv(x), m⟩ = ⟨x, transposed(m)⟩, for an image of the sides that the transposed convolution gives."""
    conv = convolution(*window)
    maps = random(3, *conv.compute_output_shape((None, *window[0], 2))[1:], seed=2).astype("float32")
    back = np.asarray(TiedConv2DTranspose(conv, use_bias=False)(maps), "float64")
    images = random(*back.shape, seed=3)
    forth = np.asarray(conv(images), "float64")
    assert (forth * maps).sum() == pytest.approx((images * back).sum(), abs=1e-5 * np.abs(forth * maps).sum())


@pytest.mark.parametrize(
    ("side", "padding", "stride"), [(s, p, t) for s in (9, 10, 11) for p in ("same", "valid") for t in (2, 3)]
)
def test_output_padding_restores_sides_that_the_stride_does_not_divide(side, padding, stride):
    """For every remainder of the stride, there is an `output_padding` with which the output has the image's sides."""
    image = keras.Input((side, side, 1))
    maps = keras.layers.Conv2D(2, 3, stride, padding, name="conv")(image)
    reached = {TiedConv2DTranspose("conv", output_padding=extra)(maps).shape[1] for extra in (None, *range(stride))}
    assert side in reached


def test_it_equals_pytorchs_transposed_convolution():
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    conv = convolution((9, 9), 3, 2, "valid", 1)
    maps = random(2, 4, 4, 4).astype("float32")
    layer = with_weights(TiedConv2DTranspose(conv), maps.shape)
    kernel, bias = (torch.tensor(value) for value in layer.get_weights())
    # PyTorch's kernel is (in, out, height, width), where `in` are the maps that come in here.
    theirs = torch.nn.functional.conv_transpose2d(
        torch.tensor(maps).permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, stride=2
    )
    np.testing.assert_allclose(layer(maps), theirs.permute(0, 2, 3, 1), atol=1e-5)


def tied_model(dtype="float32", **options):
    image = keras.Input((8, 8, 2), name="image", dtype=keras.DTypePolicy(dtype).variable_dtype)
    maps = keras.layers.Conv2D(3, 3, 2, "same", activation="tanh", name="conv", dtype=dtype)(image)
    return keras.Model(image, TiedConv2DTranspose("conv", name="back", dtype=dtype, **options)(maps))


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
    model = tied_model(output_padding=1)
    images = random(4, 8, 8, 2).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), model(images))
    for copy in (loaded, keras.models.clone_model(model), keras.Model.from_config(model.get_config())):
        assert copy.get_layer("back").kernel is copy.get_layer("conv").kernel
        assert copy.get_layer("back").get_config() == model.get_layer("back").get_config()
        assert copy.count_params() == 3 * 3 * 2 * 3 + 3 + 2
        copy.compile(keras.optimizers.SGD(0.1), "mse")
        copy.fit(images, images, verbose=0)
        np.testing.assert_array_equal(copy.get_layer("back").get_weights()[0], copy.get_layer("conv").get_weights()[0])


def test_a_decoder_saved_alone_has_a_kernel_of_its_own(tmp_path):
    model = tied_model()
    decoder = keras.Model(model.get_layer("conv").output, model.output)
    assert decoder.get_layer("back").kernel is model.get_layer("conv").kernel
    decoder.save(tmp_path / "decoder.keras")
    alone = keras.models.load_model(tmp_path / "decoder.keras")
    maps = random(2, 4, 4, 3).astype("float32")
    np.testing.assert_array_equal(alone(maps), decoder(maps))


def test_cnnzoos_own_convolutions_can_be_tied_to():
    image = keras.Input((7, 8, 3))
    maps = PointwiseConv2D(4, strides=2, name="conv")(image)
    layer = TiedConv2DTranspose("conv")
    assert layer(maps).shape == (None, 8, 8, 3)
    assert layer.kernel.shape == (1, 1, 3, 4)


def test_mixed_precision_computes_in_bfloat16():
    model = tied_model("mixed_bfloat16")
    outputs = model(random(2, 8, 8, 2))
    assert outputs.dtype == "bfloat16"
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: TiedConv2DTranspose(keras.layers.Conv2D(4, 3, groups=2, name="g")), "'g' with groups=2"),
        (lambda x: TiedConv2DTranspose("c")(ColumnConv2D(4, 3, groups=2, name="c")(x)), "'c' with groups=2"),
        (
            lambda x: TiedConv2DTranspose("d")(keras.layers.Dense(4, name="d")(x)),
            "Conv2D layer or its name, not to 'd'",
        ),
        (lambda x: TiedConv2DTranspose("e")(x), "'e', which must be a layer before it; those are 'image'"),
        (lambda x: TiedConv2DTranspose(keras.layers.Conv2D(4, 3, name="c"))(x), "'c', which has no kernel yet"),
        (
            lambda x: TiedConv2DTranspose("c")(keras.layers.Dense(5)(keras.layers.Conv2D(4, 3, name="c")(x))),
            "of 4 filters and cannot take 5 maps",
        ),
        (
            lambda x: TiedConv2DTranspose("c", output_padding=2)(keras.layers.Conv2D(4, 3, 2, name="c")(x)),
            r"below the strides \(2, 2\)\. Received: \(2, 2\)",
        ),
        (lambda x: TiedConv2DTranspose("c", convolution={"filters": 2}), "must contain data_format, dilation_rate, "),
    ],
)
def test_layers_that_cannot_be_tied_raise(make, message):
    with pytest.raises(InputError, match=message):
        make(keras.Input((8, 8, 2), name="image"))


@pytest.mark.onednn
def test_channels_first_equals_channels_last():
    maps = random(2, 4, 3, 5).astype("float32")
    weights, found = None, {}
    for order in ("channels_last", "channels_first"):
        conv = keras.layers.Conv2D(5, 3, 2, "same", data_format=order, use_bias=False)
        conv.build((None, 2, 8, 6) if order == "channels_first" else (None, 8, 6, 2))
        layer = TiedConv2DTranspose(conv)
        given = maps if order == "channels_last" else maps.transpose(0, 3, 1, 2)
        layer.build(given.shape)
        weights = weights or [random(*each.shape, seed=number) for number, each in enumerate(layer.get_weights())]
        layer.set_weights(weights)
        found[order] = np.asarray(layer(given))
    assert np.abs(weights[-1]).min() > 0.01  # the biases
    np.testing.assert_allclose(found["channels_first"].transpose(0, 2, 3, 1), found["channels_last"], atol=1e-5)
