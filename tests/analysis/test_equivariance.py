"""A shifted image gives shifted maps, up to the stride; a dense layer does not."""

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


def answers(model, shift):
    return {layer.name: layer for layer in equivariance(model, images_for(model, shift), shift)}


def test_alexnets_maps_move_with_the_image_and_its_dense_layers_do_not():
    """32 pixels are one place of pool5, and whole places of everything before it."""
    net = thin("alexnet", input_shape=(227, 227, 3))
    # Sums of an eighth of the values keep their size where each weighs √8 times as much.
    net.set_weights([weight * 8**0.5 if weight.ndim > 1 else weight for weight in net.get_weights()])
    moved = answers(net, shift=32)
    for name in ("conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "conv5", "pool5"):
        assert moved[name].places >= 1
        assert moved[name].equivariant, name
    for name in ("fc6", "fc7", "fc8"):
        assert moved[name].equivariant is False, name
        assert moved[name].difference > 1e-3


def test_a_shift_below_the_stride_breaks_it():
    """4 pixels are one place of conv1, and half a place of pool1."""
    moved = answers(thin("alexnet", input_shape=(131, 131, 3)), shift=4)
    assert moved["conv1"].equivariant
    assert moved["norm1"].equivariant
    assert moved["pool1"].equivariant is False


@pytest.mark.parametrize(
    ("name", "shift", "moving"),
    [
        ("lenet5", 4, ["C1", "S2", "C3", "S4"]),
        ("cuda_convnet", 4, ["conv1", "pool1", "norm1", "conv2", "pool2"]),
        ("all_cnn_c", 4, ["conv1", "conv2", "conv3", "conv4", "conv5", "conv6"]),
        ("conv_pool_cnn_a", 4, ["conv1", "conv2", "pool1", "conv3"]),
        ("strided_cnn_c", 4, ["conv1", "conv2", "conv3", "conv4"]),
    ],
)
def test_convolutions_and_pooling_move(name, shift, moving):
    moved = answers(cnnzoo.create(name, compile=False), shift)
    assert {layer: moved[layer].equivariant for layer in moving} == dict.fromkeys(moving, True)


def test_cuda_convnet_moves_with_normalization_that_can_be_felt():
    """Its own weights are so small that its normalization divides by 1; these are not."""
    model = cnnzoo.cuda_convnet(compile=False)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if "conv" in layer.name:
            layer.kernel.assign(generator.normal(scale=0.1, size=layer.kernel.shape))
        if "norm" in layer.name:
            layer.alpha = 1.0
    moved = answers(model, 4)
    compared = {name: layer.equivariant for name, layer in moved.items() if layer.places}
    assert compared == dict.fromkeys(["conv1", "pool1", "norm1", "conv2", "pool2"], True)
    assert [moved[name].equivariant for name in ("norm2", "conv3", "pool3")] == [None] * 3  # the border reaches all
    assert moved["fc10"].equivariant is False


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("window", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [2, 3])
def test_transposed_convolutions_move_stride_places_a_pixel(window, stride, padding):
    layer = keras.layers.Conv2DTranspose(2, window, stride, padding=padding, bias_initializer="normal", name="layer")
    moved = answers(stack((12, 14, 2), layer, keras.layers.Conv2D(2, 3, padding="same", name="conv")), 2)
    for name in ("layer", "conv"):
        assert moved[name].jump * stride == 1
        assert moved[name].equivariant, name
        assert moved[name].places > 3 * stride


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_upsampling_moves_its_factor_of_places_a_pixel(interpolation):
    layer = keras.layers.UpSampling2D((2, 3), interpolation=interpolation, name="layer")
    moved = answers(stack((12, 14, 2), layer, keras.layers.Conv2D(2, 3, name="conv")), 2)
    assert [moved[name].equivariant for name in ("layer", "conv")] == [True, True]
    assert moved["layer"].jump * 2 == 1
    if interpolation == "nearest":  # at every place
        assert moved["layer"].places == 24 - 2 * 2


def test_upsampling_does_not_bring_back_what_pooling_took():
    """Half as large and twice as large again: one pixel is one place, and half a place of what lies between."""
    model = stack((12, 12, 1), keras.layers.MaxPooling2D(2), keras.layers.UpSampling2D(2, name="layer"))
    odd, even = answers(model, 1)["layer"], answers(model, 2)["layer"]
    assert (odd.jump, odd.equivariant) == (1, False)
    assert (even.jump, even.equivariant) == (1, True)


def test_between_two_places_the_one_before_is_compared():
    """3 pixels are one place and a half of a stride of 2: place 1 is compared, which begins at pixel 2."""
    model = stack((8, 8, 1), keras.layers.AveragePooling2D(2, name="layer"))
    images = np.broadcast_to(np.arange(11.0)[:, None, None], (1, 11, 11, 1)).copy()  # 1 more a line
    layer = equivariance(model, images, 3)[0]
    assert (layer.places, layer.equivariant) == (3, False)
    assert layer.difference == pytest.approx(1 / 6)  # one line of the six between the first and the last window


def test_padding_cropping_and_exchanged_sides_keep_their_places():
    model = stack(
        (14, 10, 2),
        keras.layers.ZeroPadding2D(((3, 0), (1, 2)), name="pad"),
        keras.layers.Conv2D(3, (3, 2), strides=(2, 1), name="conv"),
        keras.layers.Cropping2D(((1, 0), (0, 1)), name="crop"),
        keras.layers.Permute((2, 1, 3), name="turn"),
        keras.layers.Conv2D(3, (1, 3), name="after"),
        keras.layers.GlobalMaxPooling2D(keepdims=True, name="pool"),
    )
    moved = answers(model, 2)
    assert [layer.equivariant for layer in moved.values()] == [True] * 5 + [False]
    assert [layer.jump for layer in moved.values()] == [1, 2, 2, 2, 2, None]
    assert moved["pad"].places == 10 - 2


def test_sequential_models_are_followed():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv"), keras.layers.ReLU()])
    assert [layer.equivariant for layer in equivariance(model, images_for(model, 2), 2)] == [True, True]


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
        (True, (1, 40, 40, 1), "shift must be an integer of at least 1, not True"),
        (4, (36, 36, 1), r"images must be \(batch, .* not \(36, 36, 1\)"),
        (4, (0, 36, 36, 1), r"images must be \(batch, .* not \(0, 36, 36, 1\)"),
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


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("lenet", r"takes a Keras model, such as cnnzoo.create\('lenet'\), not 'lenet'"),
        (Subclassed(name="mine"), r"mine is a subclassed model \(Subclassed\)"),
        (keras.Sequential([keras.layers.Conv2D(1, 3)], name="mine"), "mine is a Sequential model that does not know"),
        (stack((4,), keras.layers.Dense(2)), r"one input \(height, width, channels\) .* stack takes \(4,\)"),
        (stack((None, None, 1), keras.layers.Conv2D(1, 3)), r"of a fixed size, and stack takes \(None, None, 1\)"),
        (stack((8, 8, 1), keras.layers.UnitNormalization(), Unknown(name="mine")), "pass elementwise=.Unknown,."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_models_that_cannot_be_followed_get_a_sentence(model, words):
    with pytest.raises(cnnzoo.InputError, match=words) as error:
        equivariance(model, np.zeros((1, 9, 9, 1)), 1)
    assert "\n" not in str(error.value)


def test_images_of_words_get_a_sentence():
    with pytest.raises(cnnzoo.InputError, match="images must be an array of numbers"):
        equivariance(cnnzoo.lenet(compile=False), "photograph.jpg", 1)


def test_layers_of_ones_own_are_followed_as_elementwise():
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
