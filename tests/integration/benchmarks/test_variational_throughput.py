"""The benchmark of variational autoencoders: the same loss in Keras and in PyTorch, and what the script prints."""

import importlib
import re

import keras
import numpy as np
import pytest

import cnnzoo
from tests import processes
from tests.processes import ROOT

NOISE = 0.7  # the value of every draw here


@pytest.mark.parametrize("samples", [1, 3])
def test_both_contenders_compute_the_same_bound(samples, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    net = importlib.import_module("variational_throughput").torchs_bound(samples)
    model = cnnzoo.variational_autoencoder(samples=samples)
    copy_weights(model, net)

    monkeypatch.setattr(keras.random, "normal", lambda shape, **options: keras.ops.full(shape, NOISE))
    monkeypatch.setattr(torch, "randn", lambda *shape: torch.full(shape, NOISE))
    monkeypatch.setattr(torch, "randn_like", lambda like: torch.full_like(like, NOISE))
    images = np.random.default_rng(0).integers(0, 2, (4, 28, 28, 1)).astype("float32")
    with torch.no_grad():
        expected = float(net(torch.from_numpy(images.reshape(4, -1))))
    assert model.evaluate(images, images, verbose=0, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)


def copy_weights(model, net):
    """Give a net of PyTorch the weights of one of Keras, which lie transposed there, and whose biases are not 0."""
    import torch

    generator = np.random.default_rng(1)
    model.set_weights([each + generator.normal(scale=0.05, size=each.shape) for each in model.get_weights()])
    of_layers = {layer.name: layer.get_weights() for layer in model.layers}
    code = of_layers.pop("code")
    pairs = [weights for weights in of_layers.values() if weights]
    encoder, decoder = pairs[:2], pairs[2:]
    linear = [layer for layer in net.modules() if isinstance(layer, torch.nn.Linear)]
    for layer, (kernel, bias) in zip(linear, [*encoder, code[:2], code[2:4], *decoder], strict=True):
        layer.weight.data, layer.bias.data = torch.from_numpy(kernel.T.copy()), torch.from_numpy(bias)


@pytest.mark.slow
def test_the_script_compares_the_contenders():
    pytest.importorskip("torch")
    options = ["--rounds", "1", "--steps", "2", "--samples", "2", "--contenders", "cnnzoo", "torch eager"]
    ended = processes.run([ROOT / "benchmarks/variational_throughput.py", *options, "--one-core"])
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "1 interleaved turns of 2 steps" in ended.stdout
    assert re.search(r"^cnnzoo +[\d,]+ images/s", ended.stdout, re.M)
    assert re.search(r"^torch eager .* cnnzoo is [\d.]+ times as fast$", ended.stdout, re.M)
