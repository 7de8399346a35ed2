"""The formulas against what the layers do: sizes, weights, fields and products."""

import random

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import cnnzoo
from cnnzoo.analysis.layer_formulas import LAYER_FORMULAS
from cnnzoo.layers import (
    AveragePooling2D,
    ColumnConv2D,
    ConstantPadding2D,
    KSparse,
    LocallyConnected2D,
    LocalResponseNormalization,
    LpPooling2D,
    PartiallyConnectedConv2D,
    Subsampling2D,
    TenCrops,
    WinnerTakeAll,
)
from tests.analysis.nets import stack


def random_layer(generator):
    """Return one layer with a window, of any kind and setting; Keras may refuse it."""

    def sides(largest):
        side = generator.randint(1, largest)
        return side if generator.random() < 0.5 else (side, generator.randint(1, largest))

    kind = generator.choice(
        [
            *(layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose),
            *(layers.MaxPooling2D, layers.AveragePooling2D),
        ]
    )
    options = {"strides": sides(3), "padding": generator.choice(["valid", "same"]), "name": "layer"}
    if kind in (layers.MaxPooling2D, layers.AveragePooling2D):
        return kind(sides(4), **options)
    options |= {"use_bias": generator.random() < 0.5, "dilation_rate": sides(3) if generator.random() < 0.4 else 1}
    if kind is layers.DepthwiseConv2D:
        return kind(sides(4), depth_multiplier=generator.randint(1, 2), **options)
    if kind is layers.SeparableConv2D:
        options["depth_multiplier"] = generator.randint(1, 2)
    if kind is layers.Conv2D:
        options["groups"] = generator.randint(1, 3)
    return kind(generator.choice([1, 2, 3, 6]), sides(4), **options)


def test_500_random_layers_have_the_computed_sizes_and_parameters():
    generator = random.Random(1998)
    right = {}
    while sum(right.values()) < 500:
        shape = (generator.randint(1, 12), generator.randint(1, 12), generator.choice([1, 2, 3, 6]))
        pads = tuple((generator.randint(0, 2), generator.randint(0, 2)) for _ in range(2))
        try:
            layer = random_layer(generator)
            model = stack(shape, layers.ZeroPadding2D(pads), layer)
            outputs = model(np.zeros((1, *shape), "float32"))
        except (ValueError, tf.errors.OpError):  # what Keras or TensorFlow does not support
            continue
        if 0 in outputs.shape:  # Keras 3.13 makes them, where later ones refuse
            continue
        row = cnnzoo.conv_report(model)["layer"]
        settings = (shape, pads, layer.get_config())
        assert row.output_shape == tuple(outputs.shape[1:]), settings
        assert row.parameters == layer.count_params(), settings
        assert row.memory_bytes == outputs.numpy().nbytes
        right[type(layer).__name__] = right.get(type(layer).__name__, 0) + 1
    assert min(right.values()) > 40, right
    assert len(right) == 6


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((17, 3), layers.Conv1D(4, 3, strides=2, groups=1, name="layer")),
        ((17, 3), layers.Conv1D(4, 3, padding="causal", dilation_rate=2, name="layer")),
        ((17, 3), layers.DepthwiseConv1D(3, depth_multiplier=2, name="layer")),
        ((17, 3), layers.SeparableConv1D(4, 3, name="layer")),
        ((17, 3), layers.Conv1DTranspose(4, 3, strides=2, output_padding=1, name="layer")),
        ((17, 3), layers.MaxPooling1D(3, name="layer")),
        ((17, 3), layers.ZeroPadding1D((1, 2), name="layer")),
        ((17, 3), layers.Cropping1D((1, 2), name="layer")),
        ((17, 3), layers.UpSampling1D(3, name="layer")),
        ((17, 3), layers.GlobalMaxPooling1D(name="layer")),
        ((6, 7, 8, 2), layers.Conv3D(4, (2, 3, 4), strides=(1, 2, 2), name="layer")),
        ((6, 7, 8, 2), layers.Conv3DTranspose(3, 2, strides=2, padding="same", name="layer")),
        ((6, 7, 8, 2), layers.AveragePooling3D(2, name="layer")),
        ((6, 7, 8, 2), layers.ZeroPadding3D(((1, 0), (2, 0), (3, 1)), name="layer")),
        ((6, 7, 8, 2), layers.Cropping3D(((1, 0), (2, 0), (3, 1)), name="layer")),
        ((6, 7, 8, 2), layers.UpSampling3D((1, 2, 3), name="layer")),
        ((6, 7, 8, 2), layers.GlobalAveragePooling3D(keepdims=True, name="layer")),
        ((6, 7, 2), layers.Cropping2D(((1, 0), (2, 3)), name="layer")),
        ((6, 7, 2), layers.UpSampling2D((2, 3), interpolation="bilinear", name="layer")),
        ((6, 7, 2), layers.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1, name="layer")),
        ((6, 7, 2), layers.Resizing(12, 5, name="layer")),
        ((6, 7, 2), layers.Dense(5, name="layer")),
        ((6, 7, 2), layers.Permute((2, 3, 1), name="layer")),
        ((6, 7, 2), layers.Reshape((3, -1), name="layer")),
        ((6, 7, 2), layers.PReLU(shared_axes=(1, 2), name="layer")),
        ((6, 7, 2), layers.BatchNormalization(name="layer")),
        ((6, 7, 2), layers.LayerNormalization(name="layer")),
        ((6, 7, 2), layers.GroupNormalization(2, name="layer")),
        ((6, 7, 2), layers.RMSNormalization(name="layer")),
        ((6, 7, 2), layers.UnitNormalization(name="layer")),
        ((6, 7, 2), layers.Normalization(name="layer")),
        ((6, 7, 2), LocalResponseNormalization(name="layer")),
        ((6, 7, 2), LocalResponseNormalization(3, region="within", name="layer")),
        ((6, 7, 2), LpPooling2D(2, 3, 2, padding="same", name="layer")),
        ((6, 7, 2), LocallyConnected2D(3, (2, 3), (2, 1), padding="same", name="layer")),
        ((6, 7, 2), PartiallyConnectedConv2D([[0, 1], [1]], 3, strides=2, unit_bias=True, name="layer")),
        ((6, 7, 2), ConstantPadding2D(2, name="layer")),
        ((6, 7, 2), layers.Conv2D(3, 3, activation=layers.PReLU(), name="layer")),
        ((6, 7, 2), WinnerTakeAll(0.1, spatial=True, name="layer")),
        ((9,), KSparse(2, name="layer")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else "",
)
def test_other_layers_have_the_computed_sizes_and_parameters(shape, layer):
    model = stack(shape, layer)
    outputs = model(np.zeros((1, *shape), "float32"))  # the weights of an activation are made here
    row = cnnzoo.conv_report(model)["layer"]
    assert row.output_shape == tuple(outputs.shape[1:])
    assert row.parameters == layer.count_params()


def test_every_layer_of_cnnzoo_has_a_formula():
    public = [each for each in map(cnnzoo.layers.__dict__.get, cnnzoo.layers.__all__) if isinstance(each, type)]
    public = [each for each in public if issubclass(each, layers.Layer)]
    # Ten crops are ten images to evaluate, and no part of a net.
    assert [each for each in public if not LAYER_FORMULAS.keys() & {*each.__mro__}] == [TenCrops]


def jacobian(model):
    """Return d output / d input of a linear net as a matrix, from its answers to unit images."""
    shape = model.input_shape[1:]
    pixels = int(np.prod(shape))
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape) if "bias" in weight.name else np.ones(weight.shape))
    return np.asarray(model(np.eye(pixels, dtype="float32").reshape(pixels, *shape))).reshape(pixels, -1)


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((7, 6, 2), layers.Conv2D(3, 3, name="layer")),
        ((7, 6, 2), layers.Conv2D(3, (2, 3), strides=2, name="layer")),
        ((7, 8, 4), layers.Conv2D(6, 3, groups=2, dilation_rate=2, name="layer")),
        ((7, 6, 2), layers.DepthwiseConv2D(3, depth_multiplier=2, name="layer")),
        ((7, 6, 2), layers.Conv2DTranspose(3, 2, strides=2, name="layer")),
        ((7, 6, 2), layers.Conv2DTranspose(3, 3, strides=2, name="layer")),
        ((9, 2), layers.Conv1D(3, 4, strides=3, name="layer")),
        ((4, 5, 4, 2), layers.Conv3D(2, 2, name="layer")),
        ((5,), layers.Dense(7, name="layer")),
        ((3, 4, 5), layers.Dense(7, name="layer")),
        ((7, 6, 3), PartiallyConnectedConv2D([[0, 1], [2], [0, 1, 2]], 3, name="layer")),
        ((7, 8, 3), PartiallyConnectedConv2D([[0, 1], [2]], 3, strides=2, unit_bias=True, name="layer")),
        ((7, 6, 4), ColumnConv2D(6, 3, groups=2, name="layer")),
        ((7, 6, 3), LocallyConnected2D(2, 3, 2, name="layer")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else "",
)
def test_multiply_adds_are_the_entries_of_the_layers_matrix(shape, layer):
    model = stack(shape, layer)
    row = cnnzoo.conv_report(model)["layer"]
    assert row.multiply_adds == np.count_nonzero(jacobian(model))
    assert row.connections == row.multiply_adds + np.prod(row.output_shape)
    if row.weights_per_neuron is not None:
        assert row.multiply_adds == row.weights_per_neuron * np.prod(row.output_shape)


@pytest.mark.parametrize(
    ("layer", "biases"),
    [(layers.AveragePooling2D(3, 2), 0), (AveragePooling2D(2), 0), (Subsampling2D(2), 1)],
    ids=["Keras", "cnnzoo", "Subsampling2D"],
)
def test_connections_of_pooling_are_the_entries_of_its_matrix(layer, biases):
    model = stack((7, 6, 2), layer)
    row = cnnzoo.conv_report(model)[layer.name]
    assert row.connections == np.count_nonzero(jacobian(model)) + biases * np.prod(row.output_shape)
    assert row.multiply_adds == 0


def test_without_sharing_a_layer_has_the_unshared_parameters_of_its_convolution():
    local = cnnzoo.conv_report(stack((9, 8, 3), LocallyConnected2D(5, 3, 2))).totals
    shared = cnnzoo.conv_report(stack((9, 8, 3), layers.Conv2D(5, 3, strides=2))).totals
    assert local.parameters == local.unshared_parameters == shared.unshared_parameters > shared.parameters
    assert (local.connections, local.multiply_adds) == (shared.connections, shared.multiply_adds)


def test_separable_convolution_is_a_depthwise_and_a_pointwise_one():
    apart = cnnzoo.conv_report(
        stack((9, 8, 3), layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), layers.Conv2D(5, 1))
    ).totals
    joined = cnnzoo.conv_report(stack((9, 8, 3), layers.SeparableConv2D(5, 3, depth_multiplier=2))).totals
    for name in ("parameters", "unshared_parameters", "connections", "multiply_adds"):
        assert getattr(joined, name) == getattr(apart, name), name


def test_multiply_adds_of_a_convolution_counted_one_by_one():
    height, width, depth, window, stride, maps = 9, 8, 3, 3, 2, 4
    products = 0
    for _map in range(maps):
        for row in range(0, height - window + 1, stride):
            for column in range(0, width - window + 1, stride):
                products += sum(1 for _ in np.ndindex(window, window, depth) if row < height and column < width)
    report = cnnzoo.conv_report(stack((height, width, depth), layers.Conv2D(maps, window, strides=stride)))
    assert report.totals.multiply_adds == products


def test_a_sparse_code_is_a_row_of_its_units_where_silent_ones_are_brought_back():
    model = cnnzoo.autoencoder(
        input_shape=(9,), units=(), code=4, sparsity={"kind": "k-sparse", "k": 2, "dead_weight": 0.1}
    )
    row = cnnzoo.conv_report(model)["sparse_code"]
    assert row.output_shape == (4,)
    assert row.parameters == row.fixed_parameters == 4  # how long each unit has been silent
    assert row.connections == 0
