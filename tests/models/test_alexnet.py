"""AlexNet and CaffeNet against the paper's numbers, and against the same layers of PyTorch."""

import math

import keras
import numpy as np
import pytest

import cnnzoo
from tests.small_nets import precision

BODY = ["conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "conv5", "pool5"]
HEAD = ["flatten", "fc6", "drop6", "fc7", "drop7", "fc8"]
PARAMETERS = {
    "conv1": 34_944,
    "conv2": 307_456,
    "conv3": 885_120,
    "conv4": 663_936,
    "conv5": 442_624,
    "fc6": 37_752_832,
    "fc7": 16_781_312,
    "fc8": 4_097_000,
}


@pytest.fixture(scope="module")
def alexnet():
    """The whole net of the paper, built once, in float16, since the values of its 60 million weights are not used."""
    with precision("float16"):
        return cnnzoo.alexnet(compile=False)


def body(make, side=67, **options):
    return make(include_top=False, input_shape=(side, side, 3), **options)


def names_of(model):
    return [layer.name for layer in model.layers if layer.name != "images"]


def test_layers_have_the_papers_names_in_its_order(alexnet):
    assert names_of(alexnet) == BODY + HEAD


def test_maps_layer_by_layer(alexnet):
    shapes = {layer.name: layer.output.shape[1:] for layer in alexnet.layers}
    assert shapes == {
        "images": (227, 227, 3),
        **dict.fromkeys(("conv1", "norm1"), (55, 55, 96)),
        "pool1": (27, 27, 96),
        **dict.fromkeys(("conv2", "norm2"), (27, 27, 256)),
        "pool2": (13, 13, 256),
        **dict.fromkeys(("conv3", "conv4"), (13, 13, 384)),
        "conv5": (13, 13, 256),
        "pool5": (6, 6, 256),
        "flatten": (9216,),
        **dict.fromkeys(("fc6", "drop6", "fc7", "drop7"), (4096,)),
        "fc8": (1000,),
    }


def test_parameters_layer_by_layer(alexnet):
    assert {layer.name: layer.count_params() for layer in alexnet.layers if layer.weights} == PARAMETERS
    assert alexnet.count_params() == 60_965_224


def test_one_column_has_1_4_million_more():
    joined = sum(layer.count_params() for layer in body(cnnzoo.alexnet, groups=1).layers)
    assert joined + sum(PARAMETERS[name] for name in ("fc6", "fc7", "fc8")) == 62_378_344


def test_initial_weights_are_those_of_the_paper():
    with precision("float16"):
        alexnet = cnnzoo.alexnet(input_shape=(67, 67, 3), compile=False)  # whose fc6 is a 36th of the paper's
    starts = []
    for name in PARAMETERS:
        kernel, bias = (each.astype("float32") for each in alexnet.get_layer(name).get_weights())
        assert kernel.std() == pytest.approx(0.01, rel=0.02), name
        assert abs(kernel.mean()) < 4 * 0.01 / math.sqrt(kernel.size), name
        np.testing.assert_array_equal(bias, 1 if name in ("conv2", "conv4", "conv5", "fc6", "fc7") else 0)
        starts.append(kernel.ravel()[:5000])
    assert np.abs(np.corrcoef(starts) - np.eye(8)).max() < 0.1, "layers share their random numbers"


def test_initial_bias_is_an_option():
    model = body(cnnzoo.alexnet, initial_bias=0.1)
    biases = {layer.name: np.unique(layer.get_weights()[1]).tolist() for layer in model.layers if layer.weights}
    tenth = [pytest.approx(0.1)]
    assert biases == {"conv1": [0], "conv2": tenth, "conv3": [0], "conv4": tenth, "conv5": tenth}


def test_windows_and_activations(alexnet):
    convolutions = {
        layer.name: (layer.kernel_size[0], layer.strides[0], layer.groups)
        for layer in alexnet.layers
        if layer.name.startswith("conv")
    }
    assert convolutions == {"conv1": (11, 4, 1), "conv2": (5, 1, 2), "conv3": (3, 1, 1)} | dict.fromkeys(
        ("conv4", "conv5"), (3, 1, 2)
    )
    for name in ("pool1", "pool2", "pool5"):
        pool = alexnet.get_layer(name)
        assert isinstance(pool, keras.layers.MaxPooling2D)
        assert (pool.pool_size, pool.strides, pool.padding) == ((3, 3), (2, 2), "valid")
    for name in PARAMETERS:
        expected = keras.activations.softmax if name == "fc8" else keras.activations.relu
        assert alexnet.get_layer(name).activation is expected
    assert [alexnet.get_layer(name).rate for name in ("drop6", "drop7")] == [0.5, 0.5]


def forms_of(model):
    return [
        {key: model.get_layer(name).get_config()[key] for key in ("size", "alpha", "beta", "k", "region")}
        for name in ("norm1", "norm2")
    ]


def test_normalization_is_the_papers_or_caffes(alexnet):
    paper = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0, "region": "across"}
    caffe = {"size": 5, "alpha": pytest.approx(2e-5), "beta": 0.75, "k": 1.0, "region": "across"}
    assert forms_of(alexnet) == [paper, paper]
    assert forms_of(body(cnnzoo.alexnet, lrn="caffe")) == [caffe, caffe]
    assert forms_of(body(cnnzoo.caffenet)) == [caffe, caffe]
    assert forms_of(body(cnnzoo.caffenet, lrn="paper")) == [paper, paper]
    for make in (cnnzoo.alexnet, cnnzoo.caffenet):
        assert names_of(body(make, lrn=None)) == [name for name in BODY if not name.startswith("norm")]


def test_initial_weights_of_caffenets_hidden_dense_layers_have_half_the_deviation():
    """BVLC's file draws fc6 and fc7 with deviation 0.005, the rest with 0.01; a small input keeps fc6 small."""
    net = cnnzoo.caffenet(compile=False, input_shape=(67, 67, 3), classes=10)
    for name, deviation in (("conv2", 0.01), ("fc6", 0.005), ("fc7", 0.005), ("fc8", 0.01)):
        assert np.std(net.get_layer(name).kernel) == pytest.approx(deviation, rel=0.03), name


def test_caffenet_pools_before_it_normalizes():
    expected = ["conv1", "pool1", "norm1", "conv2", "pool2", "norm2", "conv3", "conv4", "conv5", "pool5"]
    assert names_of(body(cnnzoo.caffenet)) == expected


def in_pytorch(torch, model, norm_first):
    """Return PyTorch's layers with the model's weights, the normalization in Caffe's terms."""
    nn = torch.nn
    norm = {"alpha": 1e-4 * 5, "k": 2.0} if norm_first else {"alpha": 1e-4, "k": 1.0}
    specs = {
        "conv1": (3, 96, 11, 4, 0, 1),
        "conv2": (96, 256, 5, 1, 2, 2),
        "conv3": (256, 384, 3, 1, 1, 1),
        "conv4": (384, 384, 3, 1, 1, 2),
        "conv5": (384, 256, 3, 1, 1, 2),
    }
    layers = []
    for name, (seen, maps, window, stride, padding, groups) in specs.items():
        layer = nn.Conv2d(seen, maps, window, stride, padding, groups=groups, dtype=torch.float64)
        kernel, bias = model.get_layer(name).get_weights()
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1)))
            layer.bias.copy_(torch.tensor(bias))
        layers += [layer, nn.ReLU()]
        after = [nn.LocalResponseNorm(5, beta=0.75, **norm), nn.MaxPool2d(3, 2)]
        if name in ("conv1", "conv2"):
            layers += after if norm_first else reversed(after)
    return nn.Sequential(*layers, nn.MaxPool2d(3, 2))


@pytest.mark.parametrize("make", [cnnzoo.alexnet, cnnzoo.caffenet])
def test_features_equal_those_of_pytorchs_layers(make):
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    model = body(make, side=99)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, (2 / math.prod(w.shape[:-1])) ** 0.5, w.shape) for w in model.get_weights()])
    images = rng.uniform(-120, 140, (2, 99, 99, 3)).astype("float32")
    theirs = in_pytorch(torch, model, norm_first=make is cnnzoo.alexnet)
    with torch.no_grad():
        expected = theirs(torch.tensor(images.transpose(0, 3, 1, 2)).double()).numpy()
    found = np.moveaxis(model(images), -1, 1)
    assert found.shape == (2, 256, 2, 2)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    without = body(make, side=99, lrn=None)
    without.set_weights(model.get_weights())
    assert np.abs(np.moveaxis(without(images), -1, 1) - found).max() > 0.1 * np.abs(found).max()


@pytest.mark.parametrize("make", [cnnzoo.alexnet, cnnzoo.caffenet])
def test_smallest_input(make):
    assert body(make, side=67).output_shape == (None, 1, 1, 256)
    with pytest.raises(cnnzoo.InputError, match=r"layer 'pool5' receives 2×2 pixels .* 1 \+ \(2 − 3\)/2 < 1"):
        body(make, side=66)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, r"`groups` must be an integer from 1 to 2, the columns of the paper\. Received: 3"),
        ({"lrn": "papper"}, "unknown lrn 'papper'; did you mean 'paper'?"),
        ({"lrn": "within"}, "unknown lrn 'within'; the forms of lrn besides None are caffe, paper"),
    ],
    ids=str,
)
def test_wrong_options_raise(options, message):
    with pytest.raises(cnnzoo.InputError, match=message.replace("?", r"\?")):
        body(cnnzoo.alexnet, **options)


def test_caffenets_biases_learn_twice_as_fast_and_do_not_decay():
    config = cnnzoo.caffenet(input_shape=(67, 67, 3), classes=5, compile="paper").optimizer.get_config()
    assert config["lr_multipliers"] == {"*bias": 2.0}
    assert config["weight_decay"] == {"*kernel": 5e-4}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 2.0}, r"`groups` must be an integer from 1 to 2, the columns of the paper\. Received: 2.0"),
        ({"lrn": ["paper"]}, r"unknown lrn .*'paper'"),
        ({"initial_bias": "a"}, r"`initial_bias` must be a number\. Received: 'a'"),
        ({"include_top": "no"}, r"`include_top` must be True or False\. Received: 'no'"),
        ({"include_top": False, "pooling": ["avg"]}, r"unknown pooling .*'avg'"),
        ({"input_shape": (None, None, 3)}, "with a dense head, height and width cannot be None"),
        ({"input_tensor": keras.Input((10,))}, "`input_tensor` must be a tensor of images"),
    ],
    ids=str,
)
def test_wrong_arguments_raise(options, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.alexnet(**options)


def test_features_of_images_of_any_size():
    model = cnnzoo.alexnet(include_top=False, input_shape=(None, None, 3), compile=False)
    assert model.output_shape == (None, None, None, 256)
    assert model(np.zeros((1, 67, 99, 3), "float32")).shape == (1, 1, 2, 256)
