"""The nets before LeNet-5 against their papers' tables, and the net of 1989 against PyTorch."""

import math

import numpy as np
import pytest

import cnnzoo
from cnnzoo.losses import SparseMeanSquaredError
from cnnzoo.models import early_lenets, lenet, lenet4
from cnnzoo.models.heads import Head, head_of
from tests import reference

# Trained parameters and connections of each layer.
NET_OF_1989 = {"H1": (1_068, 19_968), "H2": (2_592, 38_592), "H3": (5_790, 5_790), "output": (310, 310)}
NET_OF_NIPS_1989 = {
    "H1": (104, 59_904),
    "H2": (8, 2_880),
    "H3": (512, 32_768),
    "H4": (24, 960),
    "output": (1_930, 1_930),
}
NAMES = ("lenet_1989", "lenet1", "lenet4")
every_net = pytest.mark.parametrize("name", NAMES)


def trained(layer):
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


@pytest.mark.parametrize(
    ("name", "table", "totals"),
    [("lenet_1989", NET_OF_1989, (9_760, 64_660)), ("lenet1", NET_OF_NIPS_1989, (2_578, 98_442))],
)
def test_every_layer_has_the_papers_parameters_and_connections(name, table, totals):
    model = cnnzoo.create(name)
    report = cnnzoo.conv_report(model)
    for layer, (parameters, connections) in table.items():
        assert trained(model.get_layer(layer)) == parameters, layer
        assert (report[layer].parameters, report[layer].connections) == (parameters, connections), layer
    assert (trained(model), report.totals.connections) == totals
    assert (report.totals.parameters, report.totals.connections) == totals


def test_units_of_1989_are_those_of_the_paper():
    """1,256 units, 256 of them pixels."""
    model = cnnzoo.lenet_1989()
    units = {name: math.prod(model.get_layer(name).output.shape[1:]) for name in NET_OF_1989}
    assert units == {"H1": 768, "H2": 192, "H3": 30, "output": 10}
    assert 16 * 16 + sum(units.values()) == 1_256


def test_lenet1_has_4635_units_with_that_of_the_bias():
    model = cnnzoo.lenet1()
    assert 28 * 28 + sum(math.prod(model.get_layer(name).output.shape[1:]) for name in NET_OF_NIPS_1989) + 1 == 4_635


def test_lenet4_is_as_it_was_reconstructed():
    """Not the paper's figures: its 17,000 parameters cannot be, and its 260,000 connections are about these."""
    model = cnnzoo.lenet4()
    found = {name: trained(model.get_layer(name)) for name in ("C1", "S2", "C3", "S4", "C5", "output")}
    assert found == {
        "C1": (5 * 5 + 1) * 4,
        "S2": 2 * 4,
        "C3": (3 * 5 * 5 + 1) * 16,
        "S4": 2 * 16,
        "C5": (16 * 5 * 5 + 1) * 120,
        "output": (120 + 1) * 10,
    }
    assert cnnzoo.conv_report(model).totals.connections == 258_386


def test_maps_are_connected_as_the_tables_say():
    """Those of H3 as the paper numbers them: by the maps of H2 that each of its maps reads, counted from 1."""
    by_map = "1 12 12 2 12 12 3 34 34 4 34 34"
    assert ["".join(str(source + 1) for source in row) for row in early_lenets.H3_TABLE] == by_map.split()
    assert sum(map(len, early_lenets.H3_TABLE)) == 20
    assert [len(row) for row in early_lenets.H2_TABLE] == [8] * 12
    assert {name for row in early_lenets.H2_TABLE for name in row} == set(range(12))
    assert [len(row) for row in lenet4.C3_TABLE] == [3] * 16
    for source in range(4):
        assert sum(source in row for row in lenet4.C3_TABLE) == 12


def test_the_net_of_1989_computes_what_it_computes_in_pytorch():
    """Written as in a known reproduction: borders of −1, and three blocks of H2 that read eight maps each."""
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    functional = torch.nn.functional
    model = cnnzoo.lenet_1989()
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.2, weight.shape) for weight in model.get_weights()])
    images = rng.uniform(-1, 1, (3, 16, 16, 1)).astype("float32")
    kernels, biases = zip(
        *(map(torch.tensor, model.get_layer(name).get_weights()) for name in NET_OF_1989), strict=True
    )

    def squashed(x):
        return 1.7159 * torch.tanh(2 / 3 * x)

    def padded(x):
        return functional.pad(x, (2, 2, 2, 2), value=-1.0)

    x = padded(torch.tensor(images).permute(0, 3, 1, 2))
    kernel = kernels[0].permute(2, 0, 1)[:, None]  # (links, 5, 5): one link a map
    x = padded(squashed(functional.conv2d(x, kernel, stride=2) + biases[0].permute(2, 0, 1)))
    kernel = kernels[1].permute(2, 0, 1).reshape(12, 8, 5, 5)
    reads = (x[:, :8], x[:, 4:], torch.cat((x[:, :4], x[:, 8:]), dim=1))
    blocks = [functional.conv2d(maps, kernel[4 * block : 4 * block + 4], stride=2) for block, maps in enumerate(reads)]
    x = squashed(torch.cat(blocks, dim=1) + biases[1].permute(2, 0, 1))
    x = x.permute(0, 2, 3, 1).reshape(3, -1)
    for kernel, bias in zip(kernels[2:], biases[2:], strict=True):
        x = squashed(x @ kernel + bias)
    np.testing.assert_allclose(model(images), x, atol=1e-5)


@every_net
def test_outputs_are_squashed_and_their_targets_are_1_and_minus_1(name):
    model = cnnzoo.create(name)
    assert isinstance(model.loss, SparseMeanSquaredError)
    assert head_of(model) == Head("probabilities", from_logits=True)
    logits = cnnzoo.create(name, classifier_activation=None)
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.3, weight.shape) for weight in model.get_weights()]
    images = rng.uniform(-1, 1, (4, *model.input_shape[1:])).astype("float32")
    for net in (model, logits):
        net.set_weights(weights)
    outputs = np.asarray(model(images))
    assert np.abs(outputs).max() <= 1.7159
    np.testing.assert_allclose(outputs, reference.scaled_tanh(logits(images)), atol=1e-5)


@every_net
@pytest.mark.parametrize("classes", [2, 10, 100])
def test_outputs_start_near_the_mean_of_their_targets(name, classes):
    model = cnnzoo.create(name, classes=classes)
    images = np.random.default_rng(0).uniform(-1, 1, (8, *model.input_shape[1:])).astype("float32")
    targets = np.where(np.eye(classes) == 1, 1, -1)
    assert abs(np.mean(model(images)) - targets.mean()) < 0.1


@every_net
def test_a_softmax_is_compiled_with_the_cross_entropy(name):
    model = cnnzoo.create(name, classifier_activation="softmax")
    assert type(model.loss).__name__ == "SparseCategoricalCrossentropy"
    np.testing.assert_allclose(np.sum(model(np.zeros((2, *model.input_shape[1:]))), axis=-1), 1, atol=1e-6)


@every_net
def test_initial_weights_are_independent_and_within_their_bounds(name):
    model = cnnzoo.create(name)
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    starts = []
    for layer in layers:
        kernel = np.asarray(layer.get_weights()[0])
        links = getattr(layer, "connections", None)
        if links is None:
            fan_ins = math.prod(kernel.shape[:-1])
        else:
            fan_ins = np.concatenate([[25 * len(row)] * len(row) for row in links])  # of each link's map
        scaled = kernel * fan_ins / 2.4
        assert 0.9 < np.abs(scaled).max() <= 1 + 1e-6, layer.name
        starts.append(scaled.ravel()[:100])
    apart = np.abs(np.corrcoef(starts) - np.eye(len(starts))).max()
    assert apart < 0.4, "layers share their random numbers"


def test_layers_have_the_papers_names():
    def names(model):
        return [layer.name for layer in model.layers if layer.name not in ("images", "flatten")]

    assert names(cnnzoo.lenet_1989()) == ["pad1", "H1", "pad2", "H2", "H3", "output"]
    assert names(cnnzoo.lenet1()) == ["H1", "H2", "H3", "H4", "output"]
    assert names(cnnzoo.lenet4()) == ["C1", "S2", "C3", "S4", "C5", "output"]


def test_preprocessing_scales_to_minus_1_and_1_and_shrinks_as_pytorch_does():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype("uint8")
    np.testing.assert_allclose(early_lenets.preprocess_input(images), images / 127.5 - 1, atol=1e-6)
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    pixels = torch.tensor(images).permute(0, 3, 1, 2).double() / 127.5 - 1
    small = torch.nn.functional.interpolate(pixels, (16, 16), mode="bilinear").permute(0, 2, 3, 1)
    np.testing.assert_allclose(early_lenets.preprocess_input(images, (16, 16, 1)), small, atol=1e-5)


def test_lenet4_has_the_preprocessing_of_lenet5():
    assert lenet4.preprocess_input is lenet.preprocess_input


@pytest.mark.parametrize(
    ("make", "side", "layer"), [(cnnzoo.lenet1, 15, "H4"), (cnnzoo.lenet1, 4, "H1"), (cnnzoo.lenet4, 31, "C5")]
)
def test_an_input_that_is_too_small_raises_with_the_layers_name(make, side, layer):
    with pytest.raises(cnnzoo.InputError, match=f"layer '{layer}' .* < 1 outputs"):
        make(input_shape=(side, side, 1))


@pytest.mark.parametrize(("make", "smallest"), [(cnnzoo.lenet_1989, 1), (cnnzoo.lenet1, 16), (cnnzoo.lenet4, 32)])
def test_smallest_input_works(make, smallest):
    assert make(input_shape=(smallest, smallest, 3)).output_shape == (None, 10)
    assert make(input_shape=(smallest + 9, smallest + 4, 1)).output_shape == (None, 10)


def test_features():
    assert cnnzoo.lenet_1989(include_top=False).output_shape == (None, 4, 4, 12)
    assert cnnzoo.lenet1(include_top=False, pooling="avg").output_shape == (None, 12)
    assert cnnzoo.lenet4(include_top=False, pooling="max", input_shape=(None, None, 1)).output_shape == (None, 120)
    with pytest.raises(cnnzoo.InputError, match=r"`input_shape` must be three positive integers"):
        cnnzoo.lenet_1989(include_top=False, input_shape=(None, None, 1))
