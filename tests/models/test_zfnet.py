"""ZFNet against the paper's figure, and against the same net written out in PyTorch."""

import gc

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers import LocalResponseNormalization, MaxRMS
from tests.models.test_alexnet_owt import photographs
from tests.small_nets import precision

COUNTS = {
    "conv1": 14_208,
    "conv2": 614_656,
    "conv3": 885_120,
    "conv4": 1_327_488,
    "conv5": 884_992,
    "fc6": 37_752_832,
    "fc7": 16_781_312,
    "fc8": 4_097_000,
}
CONVOLUTIONS = [name for name in COUNTS if name.startswith("conv")]


@pytest.fixture(scope="module")
def zfnet():
    """The whole net, built once, in float16, since the values of its 62 million weights are not used."""
    with precision("float16"):
        return cnnzoo.zfnet(compile=False)


@pytest.fixture(scope="module")
def features():
    return cnnzoo.zfnet(include_top=False, input_shape=(47, 47, 3))


def test_maps_layer_by_layer(zfnet):
    """The sides of figure 3: 110, 55, 26, 13 and 6."""
    assert {layer.name: layer.output.shape[1:] for layer in zfnet.layers} == {
        "images": (224, 224, 3),
        "pad1": (226, 226, 3),
        "conv1": (110, 110, 96),
        **dict.fromkeys(("pool1", "norm1"), (55, 55, 96)),
        "conv2": (26, 26, 256),
        **dict.fromkeys(("pool2", "norm2"), (13, 13, 256)),
        **dict.fromkeys(("conv3", "conv4"), (13, 13, 384)),
        "conv5": (13, 13, 256),
        "pool5": (6, 6, 256),
        "flatten": (9216,),
        **dict.fromkeys(("fc6", "drop6", "fc7", "drop7"), (4096,)),
        "fc8": (1000,),
    }


def test_parameters_layer_by_layer(zfnet):
    assert {layer.name: layer.count_params() for layer in zfnet.layers if layer.weights} == COUNTS
    assert sum(COUNTS.values()) == 62_357_608


def test_model_b_has_more_maps_in_three_layers():
    net = cnnzoo.zfnet_b(include_top=False)
    counts = {layer.name: layer.count_params() for layer in net.layers if layer.weights}
    expected = {"conv3": 9 * 256 * 512 + 512, "conv4": 9 * 512 * 1024 + 1024, "conv5": 9 * 1024 * 512 + 512}
    assert counts == {name: COUNTS[name] for name in ("conv1", "conv2")} | expected
    head = (36 * 512 + 1) * 4096 + COUNTS["fc7"] + COUNTS["fc8"]
    assert sum(counts.values()) + head == 107_627_624


def test_initial_weights_have_the_papers_deviation_and_no_bias():
    with precision("float16"):
        net = cnnzoo.zfnet(input_shape=(67, 67, 3), compile=False)  # whose fc6 is a 36th of the paper's
    for name in COUNTS:
        kernel, bias = (each.astype("float32") for each in net.get_layer(name).get_weights())
        assert kernel.std() == pytest.approx(0.01, rel=0.03), name
        assert not bias.any()


def test_filters_of_convolutions_are_bounded_as_in_the_paper(zfnet, features):
    bounds = {layer.name: getattr(layer, "kernel_constraint", None) for layer in zfnet.layers if layer.weights}
    assert {name for name, bound in bounds.items() if bound} == {*CONVOLUTIONS}
    for name in CONVOLUTIONS:
        assert type(bounds[name]) is MaxRMS
        assert bounds[name].max_value == 0.1
    other = cnnzoo.zfnet(include_top=False, input_shape=(47, 47, 3), max_rms=0.5)
    assert other.get_layer("conv1").kernel_constraint.max_value == 0.5
    free = cnnzoo.zfnet(include_top=False, input_shape=(47, 47, 3), max_rms=None)
    assert free.get_layer("conv1").kernel_constraint is None


def test_normalization_is_alexnets_or_none(zfnet):
    for name in ("norm1", "norm2"):
        layer = zfnet.get_layer(name)
        assert isinstance(layer, LocalResponseNormalization)
        assert (layer.size, layer.alpha, layer.beta, layer.k, layer.region) == (5, 1e-4, 0.75, 2.0, "across")
    plain = cnnzoo.zfnet(include_top=False, input_shape=(47, 47, 3), lrn=None)
    assert not any(isinstance(layer, LocalResponseNormalization) for layer in plain.layers)


def test_dropout_is_on_the_two_hidden_dense_layers(zfnet):
    rates = {layer.name: layer.rate for layer in zfnet.layers if isinstance(layer, keras.layers.Dropout)}
    assert rates == {"drop6": 0.5, "drop7": 0.5}


def in_pytorch(torch, weights):
    """Return a function that computes the logits with PyTorch, of weights by layer, from images with channels last."""
    functions = torch.nn.functional

    def convolution(x, name, **options):
        kernel, bias = (torch.tensor(each) for each in weights[name])
        return functions.relu(functions.conv2d(x, kernel.permute(3, 2, 0, 1), bias, **options))

    def dense(x, name):
        kernel, bias = (torch.tensor(each) for each in weights[name])
        return x @ kernel + bias

    def logits(images):
        x = torch.tensor(images).permute(0, 3, 1, 2)
        x = convolution(x, "conv1", stride=2, padding=1)
        x = functions.max_pool2d(x, 3, 2, ceil_mode=True)
        x = functions.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)  # whose α is divided by 5
        x = convolution(x, "conv2", stride=2)
        x = functions.max_pool2d(x, 3, 2, ceil_mode=True)
        x = functions.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)
        for name in ("conv3", "conv4", "conv5"):
            x = convolution(x, name, padding=1)
        x = functions.max_pool2d(x, 3, 2, ceil_mode=True)
        x = x.permute(0, 2, 3, 1).flatten(1)
        for name in ("fc6", "fc7"):
            x = functions.relu(dense(x, name))
        return dense(x, "fc8").numpy()

    return logits


@pytest.mark.parametrize(
    ("make", "side"),
    [
        (cnnzoo.zfnet, 99),  # 48, 24, 10 and 5 pixels: both first pooling layers round up, as at 224
        pytest.param(cnnzoo.zfnet, 224, marks=pytest.mark.slow),
        pytest.param(cnnzoo.zfnet_b, 99, marks=pytest.mark.slow),
    ],
)
def test_logits_are_those_of_pytorchs_layers(make, side):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    model = make(input_shape=(side, side, 3), classifier_activation=None, compile=False)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:  # that keep the size of activities, but of the logits, which are to be small
            size = 0.02 if layer.name == "fc8" else 1
            deviation = np.float32(size * np.sqrt(2 / np.prod(layer.kernel.shape[:-1])))
            layer.kernel.assign(rng.standard_normal(layer.kernel.shape, "float32") * deviation)
            layer.bias.assign(rng.standard_normal(layer.bias.shape, "float32") * np.float32(size))
    images = 40 * photographs(side, count=4)  # whose normalization depends on the image
    expected = in_pytorch(torch, {layer.name: layer.get_weights() for layer in model.layers})(images)
    assert expected.std(axis=0).mean() > 0.1, "logits must differ from image to image"
    found = model.predict(images, verbose=0)
    assert np.abs(found - expected).max() <= 1e-4
    keras.utils.clear_session()
    gc.collect()


def test_a_filter_that_training_makes_large_is_scaled_back():
    """After a step of the paper's gradient descent at a rate that breaks every filter's bound."""
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).uniform(-124, 151, (4, 47, 47, 3)).astype("float32")
    largest = {}
    for bound in (0.1, None):
        net = cnnzoo.zfnet(include_top=False, input_shape=(47, 47, 3), pooling="avg", max_rms=bound)
        net.compile(cnnzoo.optimizers.ClassicSGD(1.0), "mse")
        net.run_eagerly = True
        net.fit(images, np.full((4, 256), 1e4, "float32"), verbose=0)
        kernels = [net.get_layer(name).get_weights()[0].astype("float64") for name in CONVOLUTIONS]
        largest[bound] = [np.sqrt((kernel**2).mean(axis=(0, 1, 2))).max() for kernel in kernels]
    assert min(largest[None]) > 0.11
    np.testing.assert_allclose(largest[0.1], 0.1, rtol=1e-5)


def test_smallest_input(features):
    assert features.output_shape == (None, 1, 1, 256)
    with pytest.raises(cnnzoo.InputError, match="the input is too small: layer 'pool5' receives 1×1 pixels"):
        cnnzoo.zfnet(include_top=False, input_shape=(46, 46, 3))


def test_images_of_any_size_give_the_features_of_their_own():
    open_net = cnnzoo.zfnet(include_top=False, input_shape=(None, None, 3))
    for sides in ((67, 99), (80, 81)):
        net = cnnzoo.zfnet(include_top=False, input_shape=(*sides, 3))
        net.set_weights(open_net.get_weights())
        images = np.random.default_rng(0).uniform(-124, 151, (1, *sides, 3)).astype("float32")
        np.testing.assert_allclose(open_net(images), net(images), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lrn": "within"}, "unknown lrn 'within'"),
        ({"max_rms": 0}, r"`max_value` must be a positive number\. Received: 0"),
        ({"dropout": 0.5, "input_shape": (None, None, 3)}, "with a dense head, height and width cannot be None"),
    ],
    ids=str,
)
def test_wrong_options_raise(options, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.zfnet(**options)
