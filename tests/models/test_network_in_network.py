"""Network in Network against its authors' files, and against the same nets written out in PyTorch."""

import numpy as np
import pytest

import cnnzoo

CIFAR = {
    "conv1": 14_592,
    "cccp1": 30_880,
    "cccp2": 15_456,
    "conv2": 460_992,
    "cccp3": 37_056,
    "cccp4": 37_056,
    "conv3": 331_968,
    "cccp5": 37_056,
    "cccp6": 1_930,
}
# Of the file for Caffe: window, maps that a layer sees, and maps that it has.
IMAGENET = {
    "conv1": (11, 3, 96),
    "cccp1": (1, 96, 96),
    "cccp2": (1, 96, 96),
    "conv2": (5, 96, 256),
    "cccp3": (1, 256, 256),
    "cccp4": (1, 256, 256),
    "conv3": (3, 256, 384),
    "cccp5": (1, 384, 384),
    "cccp6": (1, 384, 384),
    "conv4": (3, 384, 1024),
    "cccp7": (1, 1024, 1024),
    "cccp8": (1, 1024, 1000),
}
SMALL_STARTS = ("conv1", "conv3", "cccp8")  # 0.01 in that file; all others 0.05


@pytest.fixture(scope="module")
def imagenet():
    return cnnzoo.network_in_network_imagenet(compile=False)


@pytest.fixture(scope="module")
def cifar():
    return cnnzoo.network_in_network()


def shapes_of(model):
    return {layer.name: layer.output.shape[1:] for layer in model.layers}


def test_maps_layer_by_layer(cifar):
    assert shapes_of(cifar) == {
        "images": (32, 32, 3),
        "conv1": (32, 32, 192),
        "cccp1": (32, 32, 160),
        "cccp2": (32, 32, 96),
        **dict.fromkeys(("pool1", "drop1"), (16, 16, 96)),
        **dict.fromkeys(("conv2", "cccp3", "cccp4"), (16, 16, 192)),
        **dict.fromkeys(("pool2", "drop2"), (8, 8, 192)),
        **dict.fromkeys(("conv3", "cccp5"), (8, 8, 192)),
        "cccp6": (8, 8, 10),
        **dict.fromkeys(("average", "predictions"), (10,)),
    }


def test_parameters_layer_by_layer(cifar):
    assert {layer.name: layer.count_params() for layer in cifar.layers if layer.weights} == CIFAR
    assert sum(CIFAR.values()) == 966_986
    assert cnnzoo.network_in_network(classes=100, compile=False).count_params() == 984_356


def test_maps_of_the_net_for_imagenet(imagenet):
    shapes = shapes_of(imagenet)
    sides = {name: shapes[name][0] for name in ("conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "conv4", "cccp8")}
    assert sides == {
        "conv1": 54,
        **dict.fromkeys(("pool1", "conv2"), 27),
        **dict.fromkeys(("pool2", "conv3"), 13),
        **dict.fromkeys(("pool3", "conv4", "cccp8"), 6),
    }
    kernels = {layer.name: tuple(layer.kernel.shape[1:]) for layer in imagenet.layers if layer.weights}
    assert kernels == IMAGENET
    assert imagenet.count_params() == sum((window**2 * seen + 1) * maps for window, seen, maps in IMAGENET.values())


def test_initial_weights_are_those_of_the_files(cifar, imagenet):
    for net, small in ((cifar, ()), (imagenet, SMALL_STARTS)):
        *hidden, last = [layer for layer in net.layers if layer.weights]
        for layer in (*hidden, last):
            kernel, bias = layer.get_weights()
            assert kernel.std() == pytest.approx(0.01 if layer.name in small else 0.05, rel=0.05), layer.name
            np.testing.assert_array_equal(bias, 1 if layer is last else 0)
            assert layer.activation.__name__ == "relu"


@pytest.mark.parametrize("make", [cnnzoo.network_in_network, cnnzoo.network_in_network_imagenet])
def test_the_files_own_bias_of_the_class_maps_is_an_option(make):
    model = make(initial_bias=0, compile=False)
    assert not any(layer.get_weights()[1].any() for layer in model.layers if layer.weights)


def test_dropout_follows_pooling(cifar, imagenet):
    for net, expected in ((cifar, {"drop1": 0.5, "drop2": 0.5}), (imagenet, {"drop3": 0.5})):
        rates = {layer.name: layer.rate for layer in net.layers if hasattr(layer, "rate")}
        assert rates == expected
        for name in rates:
            assert net.get_layer(name).input is net.get_layer(name.replace("drop", "pool")).output


def test_rates_of_the_authors_files():
    """Of cuda-convnet's: epsW 1 and epsB 2, of the last layer a tenth, with a loss that counts a tenth."""
    last = {"*cccp6/kernel": 0.1, "*cccp6/bias": 0.2}
    for make, tenths in ((cnnzoo.network_in_network, last), (cnnzoo.network_in_network_imagenet, {})):
        model = make(compile="paper")
        model.optimizer.check_patterns(model.weights)
        assert model.optimizer.get_config()["lr_multipliers"] == {**tenths, "*/bias": 2.0}


def test_the_recipe_trains_as_the_paper_does():
    recipe = cnnzoo.load_recipe("network_in_network_cifar10")
    paper = cnnzoo.network_in_network(compile="paper").optimizer.get_config()
    assert recipe.learning_rate == pytest.approx(paper["learning_rate"])
    assert recipe.optimizer_options == {name: paper[name] for name in ("momentum", "weight_decay", "lr_multipliers")}
    steps = [epochs * 50_000 / recipe.batch_size for epochs in (*recipe.lr_drop_epochs, recipe.epochs)]
    assert steps == pytest.approx([100_000, 120_000], rel=1e-3)


def in_pytorch(torch, blocks, stride, dropped):
    """Return the net, up to its logits; a block is a window, its padding, and the maps of each layer."""
    nn = torch.nn
    layers, seen = [], 3
    for number, (window, padding, maps) in enumerate(blocks):
        if number:
            layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            if number in dropped:
                layers.append(nn.Dropout())
        first, *others = maps
        layers += [nn.Conv2d(seen, first, window, 1 if number else stride, padding), nn.ReLU()]
        for before, width in zip(maps, others, strict=False):
            layers += [nn.Conv2d(before, width, 1), nn.ReLU()]
        seen = maps[-1]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


FORMS = {
    cnnzoo.network_in_network: ([(5, 2, (192, 160, 96)), (5, 2, (192, 192, 192)), (3, 1, (192, 192, 10))], 1, (1, 2)),
    cnnzoo.network_in_network_imagenet: (
        [(11, 0, (96,) * 3), (5, 2, (256,) * 3), (3, 1, (384,) * 3), (3, 1, (1024, 1024, 1000))],
        4,
        (3,),
    ),
}


@pytest.mark.parametrize(
    ("make", "side"),
    [
        (cnnzoo.network_in_network, 32),
        (cnnzoo.network_in_network, 17),  # odd sides
        (cnnzoo.network_in_network_imagenet, 99),  # 23, 11, 5 and 2 pixels
        pytest.param(cnnzoo.network_in_network_imagenet, 224, marks=pytest.mark.slow),
    ],
)
def test_logits_are_those_of_pytorchs_layers(make, side):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    torch.manual_seed(0)
    theirs = in_pytorch(torch, *FORMS[make])
    ours = make(input_shape=(side, side, 3), classifier_activation=None, compile=False)
    convolutions = [layer for layer in theirs if isinstance(layer, torch.nn.Conv2d)]
    with torch.no_grad():
        for layer in convolutions:  # weights that keep the size of activities
            layer.weight.normal_(0, (2 / layer.weight[0].numel()) ** 0.5)
            layer.bias.normal_(0, 0.1)
    pairs = zip((layer for layer in ours.layers if layer.weights), convolutions, strict=True)
    for layer, other in pairs:
        layer.set_weights([other.weight.detach().numpy().transpose(2, 3, 1, 0), other.bias.detach().numpy()])
    images = np.random.default_rng(0).normal(0, 2, (4, side, side, 3)).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()
    assert expected.std() > 0.05, "logits must differ from each other"
    assert np.abs(ours.predict(images, verbose=0) - expected).max() <= 1e-4


def test_images_of_any_size_are_classified():
    model = cnnzoo.network_in_network(input_shape=(None, None, 3), compile=False)
    other = cnnzoo.network_in_network(input_shape=(20, 33, 3), compile=False)
    other.set_weights(model.get_weights())
    images = np.random.default_rng(0).normal(size=(2, 20, 33, 3)).astype("float32")
    np.testing.assert_allclose(model(images), other(images), atol=1e-6)


def test_smallest_inputs():
    assert cnnzoo.network_in_network(include_top=False, input_shape=(4, 4, 3)).output_shape == (None, 1, 1, 192)
    with pytest.raises(cnnzoo.InputError, match="the input is too small: layer 'pool2' receives 1×1 pixels"):
        cnnzoo.network_in_network(input_shape=(3, 3, 3))
    make = cnnzoo.network_in_network_imagenet
    assert make(include_top=False, input_shape=(39, 39, 3)).output_shape == (None, 1, 1, 1024)
    with pytest.raises(cnnzoo.InputError, match="the input is too small: layer 'pool3' receives 1×1 pixels"):
        make(input_shape=(38, 38, 3))


@pytest.mark.parametrize("make", [cnnzoo.network_in_network, cnnzoo.network_in_network_imagenet])
def test_a_bias_that_is_no_number_raises(make):
    with pytest.raises(cnnzoo.InputError, match=r"`initial_bias` must be a number\. Received: 'a'"):
        make(initial_bias="a")
