"""A shifted image gives shifted maps, up to the stride; in a dense layer it does not."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import equivariance
from cnnzoo.layers import LocallyConnected2D
from tests.analysis.nets import stack
from tests.small_nets import thin


class Unknown(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def images_for(model, shift, extra=0):
    height, width, channels = model.input_shape[1:]
    shape = (2, height + shift + extra, width + shift, channels)
    return np.random.default_rng(0).normal(size=shape).astype("float32") * 30


def layers_of(model, shift):
    return {layer.name: layer for layer in equivariance(model, images_for(model, shift), shift)}


def test_maps_of_alexnet_are_equivariant_and_its_dense_layers_are_not():
    """32 pixels are one position of pool5, and whole positions of everything before it."""
    net = thin("alexnet", input_shape=(227, 227, 3))
    # Sums of an eighth of the values keep their size where each weighs √8 times as much.
    net.set_weights([weight * 8**0.5 if weight.ndim > 1 else weight for weight in net.get_weights()])
    layers = layers_of(net, shift=32)
    for name in ("conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "conv5", "pool5"):
        assert layers[name].positions >= 1
        assert layers[name].equivariant, name
    for name in ("fc6", "fc7", "fc8"):
        assert layers[name].equivariant is False, name
        assert layers[name].difference > 1e-3


def test_a_shift_below_the_stride_is_not_equivariant():
    """4 pixels are one position of conv1, and half a position of pool1."""
    layers = layers_of(thin("alexnet", input_shape=(131, 131, 3)), shift=4)
    assert layers["conv1"].equivariant
    assert layers["norm1"].equivariant
    assert layers["pool1"].equivariant is False


@pytest.mark.parametrize(
    ("name", "shift", "equivariant"),
    [
        ("lenet5", 4, ["C1", "S2", "C3", "S4"]),
        ("cuda_convnet", 4, ["conv1", "pool1", "norm1", "conv2", "pool2"]),
        ("all_cnn_c", 4, ["conv1", "conv2", "conv3", "conv4", "conv5", "conv6"]),
        ("conv_pool_cnn_a", 4, ["conv1", "conv2", "pool1", "conv3"]),
        ("strided_cnn_c", 4, ["conv1", "conv2", "conv3", "conv4"]),
    ],
)
def test_convolutions_and_pooling_are_equivariant(name, shift, equivariant):
    layers = layers_of(cnnzoo.create(name, compile=False), shift)
    assert {layer: layers[layer].equivariant for layer in equivariant} == dict.fromkeys(equivariant, True)


def test_cuda_convnet_is_equivariant_with_normalization_that_has_an_effect():
    """Its own weights are so small that its normalization divides by 1; these are not."""
    model = cnnzoo.cuda_convnet(compile=False)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if "conv" in layer.name:
            layer.kernel.assign(generator.normal(scale=0.1, size=layer.kernel.shape))
        if "norm" in layer.name:
            layer.alpha = 1.0
    layers = layers_of(model, 4)
    compared = {name: layer.equivariant for name, layer in layers.items() if layer.positions}
    assert compared == dict.fromkeys(["conv1", "pool1", "norm1", "conv2", "pool2"], True)
    assert [layers[name].equivariant for name in ("norm2", "conv3", "pool3")] == [None] * 3  # the border reaches all
    assert layers["fc10"].equivariant is False


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("window", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [2, 3])
def test_transposed_convolutions_shift_by_stride_positions_per_pixel(window, stride, padding):
    layer = keras.layers.Conv2DTranspose(2, window, stride, padding=padding, bias_initializer="normal", name="layer")
    layers = layers_of(stack((12, 14, 2), layer, keras.layers.Conv2D(2, 3, padding="same", name="conv")), 2)
    for name in ("layer", "conv"):
        assert layers[name].jump * stride == 1
        assert layers[name].equivariant, name
        assert layers[name].positions > 3 * stride


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_upsampling_shifts_by_its_factor_of_positions_per_pixel(interpolation):
    layer = keras.layers.UpSampling2D((2, 3), interpolation=interpolation, name="layer")
    layers = layers_of(stack((12, 14, 2), layer, keras.layers.Conv2D(2, 3, name="conv")), 2)
    assert [layers[name].equivariant for name in ("layer", "conv")] == [True, True]
    assert layers["layer"].jump * 2 == 1
    if interpolation == "nearest":  # at every position
        assert layers["layer"].positions == 24 - 2 * 2


def test_upsampling_does_not_restore_the_equivariance_that_pooling_took():
    """Half as large and twice as large again: one pixel is one position, and half a position of what lies between."""
    model = stack((12, 12, 1), keras.layers.MaxPooling2D(2), keras.layers.UpSampling2D(2, name="layer"))
    odd, even = layers_of(model, 1)["layer"], layers_of(model, 2)["layer"]
    assert (odd.jump, odd.equivariant) == (1, False)
    assert (even.jump, even.equivariant) == (1, True)


def test_between_two_positions_the_one_before_is_compared():
    """3 pixels are one and a half positions of a stride of 2: position 1 is compared, which starts at pixel 2."""
    model = stack((8, 8, 1), keras.layers.AveragePooling2D(2, name="layer"))
    images = np.broadcast_to(np.arange(11.0)[:, None, None], (1, 11, 11, 1)).copy()  # 1 more a line
    layer = equivariance(model, images, 3)[0]
    assert (layer.positions, layer.equivariant) == (3, False)
    assert layer.difference == pytest.approx(1 / 6)  # one line of the six between the first and the last window


def test_padding_cropping_and_permuted_sides_are_equivariant():
    model = stack(
        (14, 10, 2),
        keras.layers.ZeroPadding2D(((3, 0), (1, 2)), name="pad"),
        keras.layers.Conv2D(3, (3, 2), strides=(2, 1), name="conv"),
        keras.layers.Cropping2D(((1, 0), (0, 1)), name="crop"),
        keras.layers.Permute((2, 1, 3), name="turn"),
        keras.layers.Conv2D(3, (1, 3), name="after"),
        keras.layers.GlobalMaxPooling2D(keepdims=True, name="pool"),
    )
    layers = layers_of(model, 2)
    assert [layer.equivariant for layer in layers.values()] == [True] * 5 + [False]
    assert [layer.jump for layer in layers.values()] == [1, 2, 2, 2, 2, None]
    assert layers["pad"].positions == 10 - 2


def test_sequential_models_are_supported():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv"), keras.layers.ReLU()])
    assert [layer.equivariant for layer in equivariance(model, images_for(model, 2), 2)] == [True, True]


def test_a_fully_connected_net_is_not_equivariant():
    layers = layers_of(cnnzoo.mlp(compile=False), shift=1)
    assert not any(layers[name].equivariant for name in ("fc1", "fc2", "output"))


def test_without_shared_weights_nothing_is_equivariant():
    """Locally connected layers slide the same windows, but their weights differ at every position."""
    inputs = keras.Input((12, 12, 1))
    shared = keras.Model(inputs, keras.layers.Conv2D(4, 3, name="layer")(inputs))
    unshared = keras.Model(inputs, LocallyConnected2D(4, 3, name="layer")(inputs))
    assert layers_of(shared, 2)["layer"].equivariant
    assert layers_of(unshared, 2)["layer"].equivariant is False


def test_positions_that_depend_on_the_padding_are_left_out():
    """With 5×5 windows and 2 of padding, 2 positions per side depend on it; the shift takes another 2."""
    inputs = keras.Input((16, 16, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 5, padding="same", name="layer")(inputs))
    assert layers_of(model, 2)["layer"].positions == 16 - 4 - 2


@pytest.mark.parametrize(
    ("shift", "shape", "words"),
    [
        (0, (1, 40, 40, 1), "`shift` must be a positive integer. Received: 0"),
        (True, (1, 40, 40, 1), "`shift` must be a positive integer. Received: True"),
        (4, (36, 36, 1), r"`images` must be \(batch, .* Received the shape: \(36, 36, 1\)"),
        (4, (0, 36, 36, 1), r"`images` must be \(batch, .* Received the shape: \(0, 36, 36, 1\)"),
        (
            4,
            (1, 32, 40, 1),
            r"`images` must be \(batch, ≥ 36, ≥ 36, 1\) for lenet and a shift of 4\. Received.*: \(1, 32, 40, 1\)",
        ),
    ],
)
def test_bad_input_is_refused(shift, shape, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        equivariance(cnnzoo.lenet(compile=False), np.zeros(shape), shift)


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("lenet", r"`model` must be a Keras model, such as cnnzoo.create\('lenet'\)\. Received: 'lenet'"),
        (Subclassed(name="mine"), r"mine is a subclassed model \(Subclassed\)"),
        (keras.Sequential([keras.layers.Conv2D(1, 3)], name="mine"), "mine is a Sequential model that does not know"),
        (stack((4,), keras.layers.Dense(2)), r"one input \(height, width, channels\) .* stack takes \(4,\)"),
        (stack((None, None, 1), keras.layers.Conv2D(1, 3)), r"of a fixed size, and stack takes \(None, None, 1\)"),
        (stack((8, 8, 1), keras.layers.UnitNormalization(), Unknown(name="mine")), "pass elementwise=.Unknown,."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_models_that_are_no_chain_of_layers_are_refused(model, words):
    with pytest.raises(cnnzoo.InputError, match=words) as error:
        equivariance(model, np.zeros((1, 9, 9, 1)), 1)
    assert "\n" not in str(error.value)


def test_images_of_words_are_refused():
    with pytest.raises(cnnzoo.InputError, match="`images` must be an array of numbers"):
        equivariance(cnnzoo.lenet(compile=False), "photograph.jpg", 1)


def test_layers_of_ones_own_are_supported_as_elementwise():
    model = stack((8, 8, 1), Unknown(name="mine"))
    (layer,) = equivariance(model, images_for(model, 1), 1, elementwise=(Unknown,))
    assert layer.equivariant


def test_nets_with_several_ends_or_shared_layers_are_refused():
    inputs = keras.Input((8, 8, 1))
    shared = keras.layers.Conv2D(1, 3, padding="same")
    ends = [keras.layers.Conv2D(1, 3)(inputs), keras.layers.Conv2D(1, 5)(inputs)]
    for outputs in (ends, shared(shared(inputs))):
        with pytest.raises(cnnzoo.InputError, match="without branches, nested models or shared layers"):
            equivariance(keras.Model(inputs, outputs), np.zeros((1, 9, 9, 1)), 1)


def test_nets_with_branches_are_refused():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Add()([inputs, keras.layers.Conv2D(1, 3, padding="same")(inputs)]))
    with pytest.raises(cnnzoo.InputError, match="without branches"):
        equivariance(model, np.zeros((1, 9, 9, 1)), 1)


def test_layers_that_another_net_has_called_are_a_chain_where_this_one_calls_them():
    net = cnnzoo.lenet(compile=False)
    cut = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Rescaling(2.0), *net.layers[1:4]])
    assert [layer.name for layer in equivariance(cut, images_for(cut, 2), 2)][1:] == ["C1", "S2", "C3"]
