import math

import numpy as np
import pytest

import cnnzoo
from cnnzoo.layers.lenet5 import DigitCodes, digit_bitmaps
from cnnzoo.models.lenet import C3_TABLE, preprocess_input

# Section II-B of the paper: trainable parameters and connections of each layer.
PAPER = {
    "C1": (156, 122_304),
    "S2": (12, 5_880),
    "C3": (1_516, 151_600),  # the paper prints 156,000: an erratum, 1,516 × 10 × 10
    "S4": (32, 2_000),
    "C5": (48_120, 48_120),
    "F6": (10_164, 10_164),
}


def trained(layer):
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


def test_every_layer_has_the_papers_parameters_and_connections():
    model = cnnzoo.lenet5()
    for name, (parameters, connections) in PAPER.items():
        layer = model.get_layer(name)
        assert trained(layer) == parameters, name
        positions = math.prod(layer.output.shape[1:-1])
        if name.startswith("S"):  # 4 inputs and a bias for each output
            assert math.prod(layer.output.shape[1:]) * 5 == connections
        elif name != "F6":  # every weight and bias once at each position
            assert parameters * positions == connections, name
    assert trained(model) == 60_000
    assert model.get_layer("output").count_params() == 840
    assert sum(map(len, C3_TABLE)) == 60


def test_c3_is_connected_to_the_maps_of_the_papers_table():
    """Table I of the paper, whose columns, the maps of C3, are the rows here."""
    by_map = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
    assert ["".join(map(str, seen)) for seen in C3_TABLE] == by_map.split()
    assert cnnzoo.lenet5().get_layer("C3").get_config()["connections"] == list(map(list, C3_TABLE))


def test_initial_weights_are_independent_and_within_their_bounds():
    model = cnnzoo.lenet5()
    fan_ins = {"C1": 25, "C5": 400, "F6": 120}
    starts = []
    for name, fan_in in fan_ins.items():
        kernel = np.asarray(model.get_layer(name).get_weights()[0]).ravel() * fan_in / 2.4
        assert 0.9 < np.abs(kernel).max() <= 1 + 1e-6
        starts.append(kernel[:150])
    apart = np.abs(np.corrcoef(starts) - np.eye(3)).max()
    assert apart < 0.4, "layers share their random numbers"


def test_layers_have_the_papers_names():
    names = [layer.name for layer in cnnzoo.lenet5().layers]
    assert [name for name in names if name not in ("images", "flatten")] == [*PAPER, "output"]


def test_head_may_be_an_ordinary_softmax():
    model = cnnzoo.lenet5(head="softmax")
    assert trained(model) == 60_000 + 850
    np.testing.assert_allclose(np.sum(model(np.zeros((2, 32, 32, 1), "float32")), axis=-1), 1, atol=1e-6)
    with pytest.raises(cnnzoo.InputError, match="unknown head 'svm'; the heads are rbf, softmax"):
        cnnzoo.lenet5(head="svm")


def test_the_posterior_of_the_rbf_head_is_the_softmax_of_its_penalties():
    penalties, posterior = cnnzoo.lenet5(), cnnzoo.lenet5(classifier_activation="softmax")
    posterior.set_weights(penalties.get_weights())
    images = np.random.default_rng(0).random((4, 32, 32, 1)).astype("float32")
    outputs = np.asarray(penalties(images), "float64")
    expected = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    expected /= expected.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(posterior(images), expected, atol=1e-5)


@pytest.mark.parametrize(("head", "activation"), [("rbf", None), ("softmax", "softmax")])
def test_auto_is_the_papers_activation_of_each_head(head, activation):
    auto, named = (cnnzoo.lenet5(head=head, classifier_activation=each) for each in ("auto", activation))
    assert auto.get_config() == named.get_config()
    assert type(auto.loss) is type(named.loss)
    assert auto.loss.get_config() == named.loss.get_config()


def test_digit_bitmaps_are_ten_different_drawings():
    codes = digit_bitmaps().reshape(10, 84)
    assert set(np.unique(codes)) == {-1, 1}
    apart = (codes[:, None] != codes[None]).sum(axis=-1) + 99 * np.eye(10)
    assert apart.min() >= 8


def test_more_classes_than_digits_get_distinct_codes():
    codes = np.asarray(DigitCodes()((96, 84)))
    np.testing.assert_array_equal(codes[:10], digit_bitmaps().reshape(10, 84))
    assert len(np.unique(codes, axis=0)) == 96
    with pytest.raises(cnnzoo.InputError, match="84 pixels"):
        DigitCodes()((10, 64))


def test_preprocessing_of_mnist_pads_and_scales():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype("uint8")
    field = np.asarray(preprocess_input(images))
    assert field.shape == (3, 32, 32, 1)
    np.testing.assert_allclose(field[:, 2:-2, 2:-2], images / 255 * 1.275 - 0.1, atol=1e-6)
    border = field.copy()
    border[:, 2:-2, 2:-2] = -0.1
    np.testing.assert_allclose(border, -0.1, atol=1e-6)


def test_preprocessing_of_floats_equals_that_of_integers():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1)).astype("uint8")
    np.testing.assert_array_equal(preprocess_input(images), preprocess_input(images.astype("float32")))


@pytest.mark.parametrize(
    ("make", "side", "layer", "formula"),
    [
        (cnnzoo.lenet5, 31, "C5", r"1 \+ \(4 − 5\)/1"),
        (cnnzoo.lenet5, 12, "C3", r"1 \+ \(4 − 5\)/1"),
        (cnnzoo.lenet5, 4, "C1", r"1 \+ \(4 − 5\)/1"),
        (cnnzoo.lenet, 5, "S2", r"1 \+ \(1 − 2\)/2"),
        (cnnzoo.lenet, 15, "S4", r"1 \+ \(1 − 2\)/2"),
    ],
)
def test_an_input_that_is_too_small_raises_with_the_layers_name(make, side, layer, formula):
    with pytest.raises(cnnzoo.InputError, match=f"layer '{layer}' .* {formula} < 1"):
        make(input_shape=(side, side, 1))


@pytest.mark.parametrize(("make", "smallest"), [(cnnzoo.lenet5, 32), (cnnzoo.lenet, 16)])
def test_smallest_input_works(make, smallest):
    assert make(input_shape=(smallest, smallest, 3)).output_shape == (None, 10)
    assert make(input_shape=(smallest + 9, smallest + 4, 1)).output_shape == (None, 10)


def test_pooled_features():
    assert cnnzoo.lenet5(include_top=False).output_shape == (None, 1, 1, 120)
    assert cnnzoo.lenet(include_top=False, pooling="max").output_shape == (None, 16)
    assert cnnzoo.lenet5(include_top=False, pooling="avg").output_shape == (None, 120)
    with pytest.raises(cnnzoo.InputError, match="unknown pooling 'mean'"):
        cnnzoo.lenet(include_top=False, pooling="mean")


def test_lenet_subsampling_and_dropout():
    kinds = [type(layer).__name__ for layer in cnnzoo.lenet(subsampling="max", dropout=0.5).layers]
    assert kinds.count("MaxPooling2D") == 2
    assert kinds.count("Dropout") == 2
    with pytest.raises(cnnzoo.InputError, match="'sum'; the kinds of subsampling are average, max"):
        cnnzoo.lenet(subsampling="sum")
