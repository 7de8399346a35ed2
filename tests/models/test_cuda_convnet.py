"""cuda-convnet's net against its layer files, and against the same layers of PyTorch."""

import math

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers import AveragePooling2D

ORDER = ["conv1", "pool1", "norm1", "conv2", "pool2", "norm2", "conv3", "pool3", "flatten", "fc10"]


def names_of(model):
    return [layer.name for layer in model.layers if layer.name != "images"]


def test_layers_with_and_without_normalization():
    assert names_of(cnnzoo.cuda_convnet()) == ORDER
    assert names_of(cnnzoo.cuda_convnet(lrn=None)) == [name for name in ORDER if not name.startswith("norm")]


@pytest.mark.parametrize("lrn", ["within", None])
def test_maps_and_parameters_layer_by_layer(lrn):
    model = cnnzoo.cuda_convnet(lrn=lrn)
    shapes = {name: model.get_layer(name).output.shape[1:] for name in ORDER if not name.startswith("norm")}
    assert shapes == {
        "conv1": (32, 32, 32),
        "pool1": (16, 16, 32),
        "conv2": (16, 16, 32),
        "pool2": (8, 8, 32),
        "conv3": (8, 8, 64),
        "pool3": (4, 4, 64),
        "flatten": (1024,),
        "fc10": (10,),
    }
    counts = {layer.name: layer.count_params() for layer in model.layers if layer.weights}
    assert counts == {"conv1": 2_432, "conv2": 25_632, "conv3": 51_264, "fc10": 10_250}
    assert sum(counts.values()) == 89_578


def test_pools_and_normalization():
    model = cnnzoo.cuda_convnet()
    kinds = {name: type(model.get_layer(name)) for name in ("pool1", "pool2", "pool3")}
    assert kinds == {"pool1": keras.layers.MaxPooling2D, "pool2": AveragePooling2D, "pool3": AveragePooling2D}
    assert model.get_layer("pool1").pool_size == (3, 3)
    assert model.get_layer("pool2").pool_size == model.get_layer("pool3").pool_size == (3, 3)
    for name in ("norm1", "norm2"):
        layer = model.get_layer(name)
        assert (layer.size, layer.alpha * 9, layer.beta, layer.k) == (3, pytest.approx(5e-5), 0.75, 1.0)
        assert layer.region == "within"


def test_initial_weights_are_those_of_its_files():
    model = cnnzoo.cuda_convnet()
    for name, deviation in {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "fc10": 0.01}.items():
        kernel, bias = model.get_layer(name).get_weights()
        assert kernel.std() == pytest.approx(deviation, rel=0.05), name
        assert abs(kernel.mean()) < 4 * deviation / math.sqrt(kernel.size), name
        assert not bias.any()


@pytest.mark.parametrize("lrn", ["within", None])
def test_logits_equal_those_of_pytorchs_layers(lrn):
    """Pools that round up, and Caffe's normalization: x / (1 + α · the mean of x² over 3×3)^β, α = 5e-5."""
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    functional = torch.nn.functional
    model = cnnzoo.cuda_convnet(lrn=lrn, classifier_activation=None)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, (2 / math.prod(w.shape[:-1])) ** 0.5, w.shape) for w in model.get_weights()])
    images = rng.uniform(-126, 142, (4, 32, 32, 3)).astype("float32")

    def convolved(x, name):
        kernel, bias = (torch.tensor(weight).double() for weight in model.get_layer(name).get_weights())
        return functional.relu(functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=2))

    def normalized(x):
        if lrn is None:
            return x
        return x / (1 + 5e-5 * functional.avg_pool2d(x**2, 3, 1, padding=1)) ** 0.75

    x = torch.tensor(images.transpose(0, 3, 1, 2)).double()
    x = normalized(functional.max_pool2d(convolved(x, "conv1"), 3, 2, ceil_mode=True))
    x = normalized(functional.avg_pool2d(convolved(x, "conv2"), 3, 2, ceil_mode=True))
    x = functional.avg_pool2d(convolved(x, "conv3"), 3, 2, ceil_mode=True)
    kernel, bias = model.get_layer("fc10").get_weights()
    expected = x.permute(0, 2, 3, 1).flatten(1).numpy() @ kernel + bias
    np.testing.assert_allclose(model(images), expected, atol=1e-5 * np.abs(expected).max())


def test_an_unknown_normalization_raises():
    with pytest.raises(cnnzoo.InputError, match="unknown lrn 'across'; the forms of lrn besides None are within"):
        cnnzoo.cuda_convnet(lrn="across")
