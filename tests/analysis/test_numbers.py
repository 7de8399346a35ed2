"""Numbers that papers and lectures print."""

import functools

import keras
import pytest
from keras import layers

import cnnzoo
from tests.analysis.nets import stack
from tests.small_nets import precision, small


@functools.cache
def report_of(name, **options):
    """Return the report of a net as it is, made once, with numbers of half the size, which nobody looks at."""
    with precision("float16"):
        return cnnzoo.conv_report(name, **options)


def test_lenet5_has_the_connections_of_the_paper():
    report = cnnzoo.conv_report("lenet5")
    connections = {row.name: row.connections for row in report.rows if row.connections}
    assert connections == {
        "C1": 122_304,
        "S2": 5_880,
        "C3": 151_600,
        "S4": 2_000,
        "C5": 48_120,
        "F6": 10_164,
        "output": 840,
    }
    assert report.totals.connections == 340_908
    parameters = {row.name: row.parameters for row in report.rows if row.parameters}
    assert parameters == {"C1": 156, "S2": 12, "C3": 1_516, "S4": 32, "C5": 48_120, "F6": 10_164, "output": 840}
    assert (report.totals.trained_parameters, report.totals.fixed_parameters) == (60_000, 840)


def test_lenet5_by_row():
    report = cnnzoo.conv_report("lenet5")
    s2, c3, output = report["S2"], report["C3"], report["output"]
    assert (s2.unshared_parameters, s2.parameters_per_neuron, s2.multiply_adds) == (2 * 14 * 14 * 6, 2, 0)
    assert s2.weights_per_neuron == 1
    assert (c3.unshared_parameters, c3.weights_per_neuron) == (c3.connections, None)
    assert c3.multiply_adds == 10 * 10 * 60 * 25
    assert (output.fixed_parameters, output.weights_per_neuron, output.unshared_parameters) == (840, 84, 840)
    assert [row.receptive_field for row in report.rows] == [(side,) * 2 for side in (1, 5, 6, 14, 16, 32, 32, 32, 32)]
    assert [row.jump for row in report.rows[:6]] == [(jump,) * 2 for jump in (1, 1, 2, 2, 4, 4)]
    assert sum(row.memory_bytes for row in report.rows) == report.totals.memory_bytes
    assert report["C1"].memory_bytes == 28 * 28 * 6 * 4
    assert report["flatten"].memory_bytes == 0


def test_textbook_lenet():
    report = cnnzoo.conv_report("lenet")
    assert report.totals.parameters == 61_706
    assert report["S2"].connections == 14 * 14 * 6 * 4
    assert report["S2"].multiply_adds == report["S2"].parameters == report["S2"].unshared_parameters == 0


def test_alexnet_has_the_parameters_of_the_paper():
    report = report_of("alexnet")
    assert report.totals.parameters == 60_965_224
    parameters = [row.parameters for row in report.rows if row.parameters]
    assert parameters == [34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312, 4_097_000]
    conv1 = report["conv1"]
    assert conv1.output_shape == (55, 55, 96)
    assert (conv1.parameters, conv1.unshared_parameters) == (34_944, 105_705_600)
    assert (conv1.weights_per_neuron, conv1.parameters_per_neuron) == (363, 364)
    assert (report["conv2"].weights_per_neuron, report["conv2"].groups) == (5 * 5 * 48, 2)
    assert report["pool5"].receptive_field == (195, 195)
    assert report["fc6"].receptive_field == (227, 227)
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("name", "multiply_adds"),
    [
        ("alexnet", 724_406_816),
        ("alexnet_owt", 714_188_480),
        ("cuda_convnet", 12_298_240),
        ("zfnet", 1_168_032_896),
        ("zfnet_b", 2_476_704_896),
        ("network_in_network", 222_486_528),
        ("network_in_network_imagenet", 1_100_188_800),
    ],
)
def test_multiply_adds_of_the_alexnets(name, multiply_adds):
    assert report_of(name).totals.multiply_adds == multiply_adds


def test_cuda_convnets_fields_grow_with_its_normalization():
    report = cnnzoo.conv_report("cuda_convnet")
    fields = {row.name: row.receptive_field for row in report.rows[1:-2]}
    sides = {"conv1": 5, "pool1": 7, "norm1": 11, "conv2": 19, "pool2": 23, "norm2": 31, "conv3": 47, "pool3": 55}
    assert fields == {name: (side, side) for name, side in sides.items()}
    norm = report["norm1"]
    assert (norm.window, norm.stride, norm.padding) == ((3, 3), (1, 1), ((1, 1), (1, 1)))
    assert (norm.parameters, norm.connections, norm.multiply_adds, norm.unshared_parameters) == (0, 0, 0, 0)


def test_alexnet_at_224_leaves_a_border_unread():
    at_conv1, at_pool1, *further = report_of("alexnet", input_shape=(224, 224, 3)).warnings
    assert at_conv1 == (
        "conv1: 1 + (W − F + 2P)/S = 1 + (224 − 11 + 2·0)/4 = 54.25 is not whole, which leaves 1 row and 1 column "
        "at the end unread; it is whole for an image side of 223 or 227"
    )
    assert "pool1: 1 + (W − F + 2P)/S = 1 + (54 − 3 + 2·0)/2 = 26.5" in at_pool1
    assert at_pool1.endswith("it is whole at W = 53 or 55")
    assert [warning.partition(":")[0] for warning in further] == ["pool2", "pool5"]


def test_padding_before_a_window_counts_as_padding_of_the_image():
    (padded,) = report_of("alexnet_owt").warnings  # 224 pixels, and 2 zeros on each side
    assert "1 + (228 − 11 + 2·0)/4 = 55.25" in padded
    assert padded.endswith("for an image side of 223 or 227")


@pytest.mark.parametrize("name", cnnzoo.list_models())
def test_every_model_of_the_zoo_is_reported(name):
    model = small(name)
    report = cnnzoo.conv_report(model)
    first_calls = [row.output_shape for row in report.rows if row.call == 1]
    assert first_calls == [layer.output.shape[1:] for layer in model.layers]
    assert report.rows[-1].output_shape == model.output_shape[1:]


def test_neurons_of_the_lectures():
    conv = cnnzoo.conv_report(stack((32, 32, 3), layers.Conv2D(6, 5, name="conv")))["conv"]
    assert (conv.weights_per_neuron, conv.parameters_per_neuron) == (75, 76)
    assert (conv.output_shape, conv.depth_in, conv.depth_out) == ((28, 28, 6), 3, 6)
    for side, weights in ((32, 3_072), (400, 480_000)):
        dense = cnnzoo.conv_report(stack((side, side, 3), layers.Flatten(), layers.Dense(1, name="dense")))["dense"]
        assert dense.weights_per_neuron == weights
        assert dense.receptive_field == (side, side)


def test_a_depthwise_convolution_is_one_of_as_many_groups_as_maps():
    row = cnnzoo.conv_report(stack((9, 8, 3), layers.DepthwiseConv2D(5, depth_multiplier=2, name="conv")))["conv"]
    assert (row.groups, row.weights_per_neuron, row.parameters) == (3, 25, 26 * 6)


@pytest.mark.parametrize("bias", [False, True])
def test_connections_of_a_transposed_convolution_are_its_products_and_a_bias_each(bias):
    """Unshared, each connection has a weight of its own."""
    way_back = layers.Conv2DTranspose(4, 3, strides=3, use_bias=bias, name="back")
    row = cnnzoo.conv_report(stack((5, 6, 2), way_back))["back"]
    products, outputs = 5 * 6 * 2 * 9 * 4, 15 * 18 * 4
    assert row.multiply_adds == products
    assert row.connections == row.unshared_parameters == products + bias * outputs
    assert (row.weights_per_neuron, row.parameters_per_neuron) == (2, 2 + bias)


@pytest.mark.parametrize(("stride", "padding", "side"), [(1, 0, 5), (2, 0, 3), (1, 1, 7)])
def test_sizes_of_the_lectures(stride, padding, side):
    net = stack((7, 7, 3), layers.ZeroPadding2D(padding), layers.Conv2D(1, 3, strides=stride, name="conv"))
    row = cnnzoo.conv_report(net)["conv"]
    assert row.output_shape == (side, side, 1)
    assert (row.input_size, row.window, row.stride) == ((7 + 2 * padding,) * 2, (3, 3), (stride, stride))


def test_vgg16_has_the_published_multiply_adds_and_field():
    with keras.StatelessScope(initialize_variables=False):  # half a gigabyte that nobody looks at
        vgg16 = keras.applications.VGG16(weights=None)
    report = cnnzoo.conv_report(vgg16)
    assert report.totals.parameters == 138_357_544
    assert report.totals.multiply_adds == 15_470_264_320
    assert report["block5_pool"].receptive_field == (212, 212)
    assert report["block5_pool"].jump == (32, 32)
