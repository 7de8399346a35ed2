"""The all-convolutional nets and their siblings against tables 1 and 2 of the paper."""

import inspect

import keras
import numpy as np
import pytest

import cnnzoo

# Window and maps of each convolution, "/2" for steps of 2, "max" for the 3×3 maximum by steps of 2.
# Table 1 gives the base models, table 2 the siblings of C; A's and B's follow by the same rules (section 3.1).
TOP = "3v-192 1-192 1-10"
TABLES = {
    "model_a": f"5-96 max 5-192 max {TOP}",
    "model_b": f"5-96 1-96 max 5-192 1-192 max {TOP}",
    "model_c": f"3-96 3-96 max 3-192 3-192 max {TOP}",
    "strided_cnn_a": f"5-96/2 5-192/2 {TOP}",
    "strided_cnn_b": f"5-96 1-96/2 5-192 1-192/2 {TOP}",
    "strided_cnn_c": f"3-96 3-96/2 3-192 3-192/2 {TOP}",
    "conv_pool_cnn_a": f"5-96 3-96 max 5-192 3-192 max {TOP}",
    "conv_pool_cnn_b": f"5-96 1-96 3-96 max 5-192 1-192 3-192 max {TOP}",
    "conv_pool_cnn_c": f"3-96 3-96 3-96 max 3-192 3-192 3-192 max {TOP}",
    "all_cnn_a": f"5-96 3-96/2 5-192 3-192/2 {TOP}",
    "all_cnn_b": f"5-96 1-96 3-96/2 5-192 1-192 3-192/2 {TOP}",
    "all_cnn_c": f"3-96 3-96 3-96/2 3-192 3-192 3-192/2 {TOP}",
}


def described(layer):
    if isinstance(layer, keras.layers.MaxPooling2D):
        assert (layer.pool_size, layer.strides) == ((3, 3), (2, 2))
        return "max"
    (window, other), (step, across) = layer.kernel_size, layer.strides
    assert window == other
    assert step == across
    assert layer.activation is keras.activations.relu
    return f"{window}{'v' if layer.padding == 'valid' else ''}-{layer.filters}{'/2' if step == 2 else ''}"


@pytest.mark.parametrize("name", TABLES)
def test_layers_are_the_papers(name):
    model = cnnzoo.create(name, compile=False)
    sliding = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.MaxPooling2D)]
    assert " ".join(map(described, sliding)) == TABLES[name]
    names = [layer.name for layer in sliding if "conv" in layer.name]
    assert names == [f"conv{number}" for number in range(1, len(names) + 1)]
    assert [layer.name for layer in model.layers[-2:]] == ["average", "predictions"]
    assert f"{model.count_params():,} parameters." in getattr(cnnzoo, name).__doc__


@pytest.mark.parametrize("name", TABLES)
def test_maps_halve_twice_and_lose_their_rim_once(name):
    model = cnnzoo.create(name, maps=(6, 12), compile=False)
    sides = [layer.output.shape[1] for layer in model.layers if len(layer.output.shape) == 4]
    assert sorted(set(sides), reverse=True) == [32, 16, 8, 6]
    assert sides == sorted(sides, reverse=True)
    assert cnnzoo.create(name, maps=(6, 12), include_top=False).output_shape == (None, 6, 6, 12)


@pytest.mark.parametrize("name", TABLES)
def test_dropout_is_before_the_first_layer_and_after_each_halving(name):
    model = cnnzoo.create(name, maps=(6, 12), compile=False)
    dropped = [(layer.rate, layer.input.shape[1:]) for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropped == [(0.2, (32, 32, 3)), (0.5, (16, 16, 6)), (0.5, (8, 8, 12))]


@pytest.mark.parametrize("name", TABLES)
def test_arguments_are_those_of_the_other_nets(name):
    function = getattr(cnnzoo, name)
    arguments = list(inspect.signature(function).parameters)
    assert arguments[:8] == list(inspect.signature(cnnzoo.alexnet).parameters)[:8]
    assert arguments[8:] == ["maps", "input_dropout", "dropout", "compile"]
    with pytest.raises(TypeError, match="clases"):
        function(clases=5)
    assert function(True, None, None, None, None, 5, None, "net", maps=(6, 12), compile=False).name == "net"
    assert function(maps=(6, 12), compile=False).name == name


def test_last_maps_are_averaged_into_the_logits():
    model = cnnzoo.all_cnn_c(maps=(6, 12), classifier_activation=None)
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype("float32")
    maps = keras.Model(model.input, model.get_layer("conv9").output)(images)
    assert maps.shape == (3, 6, 6, 10)
    assert np.asarray(maps).min() >= 0
    np.testing.assert_allclose(model(images), np.asarray(maps).mean(axis=(1, 2)), atol=1e-6)


@pytest.mark.parametrize("name", TABLES)
def test_smallest_input(name):
    assert cnnzoo.create(name, input_shape=(9, 9, 3), maps=(6, 12)).output_shape == (None, 10)
    with pytest.raises(cnnzoo.InputError, match=r"receives 2×2 pixels and slides a 3×3 window .* 1 \+ \(2 − 3\)/1 < 1"):
        cnnzoo.create(name, input_shape=(8, 8, 3), maps=(6, 12))


@pytest.mark.parametrize("maps", [96, (96,), (96, 192, 192), (96, 0), (96.0, 192)], ids=str)
def test_maps_must_be_two_positive_integers(maps):
    with pytest.raises(
        cnnzoo.InputError, match=r"`maps` must be two positive integers, such as \(96, 192\)\. Received: "
    ):
        cnnzoo.all_cnn_c(maps=maps)


@pytest.mark.parametrize("name", ["alexnet", "alexnet_owt", "caffenet", "cuda_convnet", "all_cnn_c", "lenet5", "mlp"])
def test_channels_first_raises(name):
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(cnnzoo.InputError, match="images with channels last, not 'channels_first'"):
            cnnzoo.create(name)
    finally:
        keras.config.set_image_data_format(before)
