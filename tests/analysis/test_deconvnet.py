"""The deconvnet, against loops in NumPy that follow the paper: switches, rectified values, transposed kernels."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import cnnzoo
from cnnzoo.analysis import activations, deconvolution, top_activations
from cnnzoo.layers import AveragePooling2D, ColumnConv2D, LocalResponseNormalization, PointwiseConv2D
from tests import reference
from tests.analysis.nets import stack


def corners(layer, size, shape):
    """Yield each position of a layer's output with the row and the column where its window starts."""
    starts = [reference.positions(*side, layer.padding) for side in zip(shape, size, layer.strides, strict=True)]
    for (i, top), (j, left) in itertools.product(*map(enumerate, starts)):
        yield i, j, top, left


def inside(first, length, side):
    """Return the pixels of a window along a side that lie within the image."""
    return [at for at in range(first, first + length) if 0 <= at < side]


def forward(layer, x):
    """Return the outputs of a layer for one image `(height, width, channels)`, in float64."""
    if isinstance(layer, layers.Conv2D):
        kernel, bias = (np.asarray(weight, "float64") for weight in layer.get_weights())
        out = reference.grouped_convolution(x[None], kernel, bias, layer.strides, layer.padding, layer.groups)[0]
        return np.maximum(out, 0) if layer.activation is keras.activations.relu else out
    if isinstance(layer, layers.MaxPooling2D | layers.AveragePooling2D):
        pooled = np.max if isinstance(layer, layers.MaxPooling2D) else np.mean
        out = np.zeros((*layer.compute_output_shape((1, *x.shape))[1:3], x.shape[-1]))
        for i, j, top, left in corners(layer, layer.pool_size, x.shape[:2]):
            rows, columns = inside(top, layer.pool_size[0], len(x)), inside(left, layer.pool_size[1], x.shape[1])
            out[i, j] = pooled(x[np.ix_(rows, columns)], axis=(0, 1))
        return out
    if isinstance(layer, LocalResponseNormalization):
        form = (layer.size, layer.alpha, layer.beta, layer.k, layer.region)
        return reference.local_response_normalization(x[None], *form)[0]
    if isinstance(layer, layers.ZeroPadding2D):
        return np.pad(x, (*layer.padding, (0, 0)))
    return x * layer.scale if isinstance(layer, layers.Rescaling) else x


def factors(layer, x):
    """Return what a normalization across maps multiplies each activity by."""
    half, squares = layer.size // 2, x**2
    sums = [squares[..., max(at - half, 0) : at + half + 1].sum(axis=-1) for at in range(x.shape[-1])]
    return (layer.k + layer.alpha * np.stack(sums, axis=-1)) ** -layer.beta


def transposed_convolution(layer, x, slopes):
    out = np.zeros_like(x)
    kernel = np.asarray(layer.get_weights()[0], "float64")
    shared, maps = kernel.shape[2], kernel.shape[3] // layer.groups
    for i, j, top, left in corners(layer, layer.kernel_size, x.shape[:2]):
        for u, v in itertools.product(*map(range, layer.kernel_size)):
            if 0 <= top + u < x.shape[0] and 0 <= left + v < x.shape[1]:
                for group in range(layer.groups):
                    own = slice(group * maps, (group + 1) * maps)
                    below = slice(group * shared, (group + 1) * shared)
                    out[top + u, left + v, below] += kernel[u, v, :, own] @ slopes[i, j, own]
    return out


def unpooled(layer, x, slopes):
    out = np.zeros_like(x)
    for i, j, top, left in corners(layer, layer.pool_size, x.shape[:2]):
        rows, columns = inside(top, layer.pool_size[0], len(x)), inside(left, layer.pool_size[1], x.shape[1])
        window = x[np.ix_(rows, columns)]
        if isinstance(layer, layers.AveragePooling2D):
            out[np.ix_(rows, columns)] += slopes[i, j] / window[..., 0].size
            continue
        for channel in range(x.shape[-1]):  # the switch
            row, column = np.unravel_index(window[..., channel].argmax(), window.shape[:2])
            out[rows[row], columns[column], channel] += slopes[i, j, channel]
    return out


def back(layer, x, y, slopes, method):
    """Return what is reconstructed below a layer with the input x and the output y from what is above it."""
    if getattr(layer, "activation", None) is keras.activations.relu:
        slopes = np.where(slopes > 0, slopes, 0) if method != "gradient" else slopes
        slopes = np.where(y > 0, slopes, 0) if method != "deconvolution" else slopes
    if isinstance(layer, layers.Conv2D):
        return transposed_convolution(layer, x, slopes)
    if isinstance(layer, layers.MaxPooling2D | layers.AveragePooling2D):
        return unpooled(layer, x, slopes)
    if isinstance(layer, LocalResponseNormalization):
        assert method == "deconvolution"  # with the factors of this image
        return slopes * factors(layer, x)
    if isinstance(layer, layers.ZeroPadding2D):
        (above, _), (before, _) = layer.padding
        return slopes[above : above + x.shape[0], before : before + x.shape[1]]
    return slopes * layer.scale if isinstance(layer, layers.Rescaling) else slopes


def reconstruction(net, image, unit, position, method):
    """Return what the last layer's unit makes of an image, in float64."""
    values = [np.asarray(image, "float64")]
    chain = [layer for layer in net.layers if not isinstance(layer, layers.InputLayer)]
    for layer in chain:
        values.append(forward(layer, values[-1]))
    slopes = np.zeros_like(values[-1])
    top = values[-1][..., unit]
    at = np.unravel_index(top.argmax(), top.shape) if position is None else position
    slopes[(*at, unit)] = top[tuple(at)] if method == "deconvolution" else 1
    for layer, x, y in reversed(list(zip(chain, values[:-1], values[1:], strict=True))):
        slopes = back(layer, x, y, slopes, method)
    return slopes


def with_weights(net, seed):
    """Give a net random weights, with biases, and return it."""
    random = np.random.default_rng(seed)
    net.set_weights(
        [random.normal(0.02, 0.5 / np.sqrt(w.size / w.shape[-1]) + 0.05, w.shape) for w in net.get_weights()]
    )
    return net


def small_alexnet(normalized):
    """Return a net as AlexNet is: strides, normalization, overlapping pooling, padding, two columns."""
    norm = [LocalResponseNormalization(5, 0.3, 0.75, 1.0)] if normalized else [layers.Dropout(0.5)]
    return with_weights(
        stack(
            (33, 31, 3),
            layers.Rescaling(1 / 16),
            layers.Conv2D(6, 7, 2, activation="relu"),
            *norm,
            layers.MaxPooling2D(3, 2),
            ColumnConv2D(8, 5, padding="same", groups=2, activation="relu", name="columns"),
            layers.MaxPooling2D(3, 2, padding="same"),
            layers.ZeroPadding2D(((1, 0), (0, 2))),
            layers.Conv2D(5, 3, activation="relu", name="top"),
        ),
        seed=3,
    )


def test_an_alexnet_goes_back_as_loops_do_step_by_step():
    net = small_alexnet(normalized=True)
    images = np.random.default_rng(0).normal(0, 16, (3, 33, 31, 3))
    found = deconvolution(net, images, "top", 2)
    for one, image in zip(found, images, strict=True):
        assert np.abs(one).max() > 0
        assert reference.relative(one, reconstruction(net, image, 2, None, "deconvolution")) <= 1e-5


@pytest.mark.parametrize("method", ["gradient", "guided"])
def test_gradient_and_guided_backpropagation_go_back_as_loops_do(method):
    net = small_alexnet(normalized=False)
    images = np.random.default_rng(1).normal(0, 16, (2, 33, 31, 3))
    found = deconvolution(net, images, "top", 1, method=method)
    for one, image in zip(found, images, strict=True):
        assert np.abs(one).max() > 0
        assert reference.relative(one, reconstruction(net, image, 1, None, method)) <= 1e-5


@pytest.mark.parametrize("seed", range(8))
def test_any_strides_padding_and_pooling_go_back_as_loops_do(seed):
    random = np.random.default_rng(seed)

    def sides(most):
        return tuple(int(side) for side in random.integers(1, most + 1, 2))

    def pooling():
        kind = [layers.MaxPooling2D, layers.AveragePooling2D, AveragePooling2D][random.integers(3)]
        return kind(sides(3), sides(2), padding=str(random.choice(["valid", "same"])))

    def convolution(**options):
        padding = str(random.choice(["valid", "same"]))
        return layers.Conv2D(4, sides(4), sides(2), padding=padding, activation="relu", **options)

    body = [
        convolution(),
        pooling(),
        convolution(groups=2),
        PointwiseConv2D(3, sides(2)),
        layers.Conv2D(2, 1, name="top"),
    ]
    net = with_weights(stack((int(random.integers(14, 20)), int(random.integers(14, 20)), 2), *body), seed)
    image = random.normal(size=net.input_shape[1:])
    rows, columns = net.output_shape[1:3]
    position = (int(random.integers(rows)), int(random.integers(columns)))
    method = ["deconvolution", "guided", "gradient"][seed % 3]
    [found] = deconvolution(net, image[None], "top", 1, positions=[position], method=method)
    expected = reconstruction(net, image, 1, position, method)
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(np.abs(expected).max(), 1e-3))


def test_one_layer_gives_back_its_filter_where_it_fired():
    edge = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    net = stack((9, 9, 1), layers.Conv2D(2, 3, activation="relu", name="edges"))
    net.set_weights([np.stack([edge, edge.T], axis=-1)[:, :, None], np.zeros(2)])
    image = np.zeros((1, 9, 9, 1))
    image[0, 2:5, 6:] = 1.0  # the filter's window fits at rows 2 to 4, columns 4 to 6
    [found] = deconvolution(net, image, "edges", 0)
    expected = np.zeros((9, 9))
    expected[2:5, 4:7] = 4.0 * edge  # its activation times the filter
    first = activations(net, image, ["edges"])["edges"][0, ..., 0]
    assert first.max() == first[2, 4] == 4.0
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-6)


def test_nothing_is_reconstructed_outside_of_the_receptive_field():
    net = small_alexnet(normalized=True)
    images = np.random.default_rng(2).normal(0, 16, (6, 33, 31, 3))
    [top] = top_activations(net, images, "columns", [3], count=3)
    assert top.values[-1] > 0
    found = deconvolution(net, images, "columns", 3)
    for number, (rows, columns) in zip(top.images, top.regions, strict=True):
        outside = np.ones((33, 31), bool)
        outside[rows.start : rows.stop, columns.start : columns.stop] = False
        assert outside.any()
        assert found[number].any()
        assert not found[number][outside].any()


@pytest.mark.parametrize("method", ["deconvolution", "gradient", "guided"])
def test_of_a_silent_unit_there_is_nothing(method):
    net = small_alexnet(normalized=True)
    net.get_layer("top").bias.assign(np.full(5, -1e6))
    images = np.random.default_rng(0).normal(0, 16, (1, 33, 31, 3))
    assert not deconvolution(net, images, "top", 3, method=method).any()


def test_the_gradient_is_that_of_tensorflow_through_layers_of_any_kind():
    net = cnnzoo.lenet()
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = keras.Model(net.input, net.get_layer("C3").output)(x)
        total = tf.reduce_sum(tf.reduce_max(outputs[..., 4], axis=(1, 2)))
    found = deconvolution(net, images, "C3", 4, method="gradient")
    np.testing.assert_allclose(found, tape.gradient(total, x), rtol=1e-4, atol=1e-6)


def test_a_class_logit_goes_back_through_dense_layers_by_their_transposes():
    random = np.random.default_rng(0)
    net = stack(
        (2, 3, 1), layers.Flatten(), layers.Dense(4, "relu", name="hidden"), layers.Dense(3, "softmax", name="class")
    )
    first, second = random.normal(size=(6, 4)), random.normal(size=(4, 3))
    net.set_weights([first, np.zeros(4), second, np.ones(3)])
    image = random.normal(size=(1, 2, 3, 1))
    hidden = np.maximum(image.reshape(-1) @ first, 0)
    logit = hidden @ second[:, 2] + 1
    expected = first @ np.maximum(logit * second[:, 2], 0)
    [found] = deconvolution(net, image, "class", 2, before_activation=True)
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-5, atol=1e-6)


def test_a_relu_is_one_as_activation_layer_or_operation_and_inside_of_a_model():
    random = np.random.default_rng(4)
    images, kernels = (
        random.normal(size=(2, 8, 8, 1)),
        [random.normal(size=(3, 3, 1, 3)), random.normal(size=(3, 3, 3, 2))],
    )

    def net(rectified, **options):
        inputs = keras.Input((8, 8, 1))
        x = rectified(layers.Conv2D(3, 3, use_bias=False, **options)(inputs))
        model = keras.Model(inputs, layers.Conv2D(2, 3, use_bias=False, name="top")(x), name="inner")
        model.set_weights(kernels)
        return model

    expected = deconvolution(net(lambda x: x, activation="relu"), images, "top", 0)
    assert np.abs(expected).max() > 0
    for rectified in (layers.ReLU(), layers.Activation("relu"), keras.ops.relu):
        np.testing.assert_array_equal(deconvolution(net(rectified), images, "top", 0), expected)
    image = keras.Input((8, 8, 1))
    outer = keras.Model(image, layers.Flatten()(net(layers.ReLU())(image)))
    np.testing.assert_array_equal(deconvolution(outer, images, "inner/top", 0), expected)


def test_many_images_are_each_reconstructed_alone():
    net = small_alexnet(normalized=True)
    images = np.random.default_rng(5).normal(0, 16, (35, 33, 31, 3))  # more than a batch
    found = deconvolution(net, images, "top", 0)
    np.testing.assert_allclose(found[33:34], deconvolution(net, images[33:34], "top", 0), atol=1e-6)


def test_the_net_stays_as_it_is_also_where_it_is_refused():
    net = small_alexnet(normalized=True)
    before = net.get_weights()
    images = np.random.default_rng(0).normal(0, 16, (1, 33, 31, 3))
    deconvolution(net, images, "top", 0)
    assert all((one == other).all() for one, other in zip(net.get_weights(), before, strict=True))
    lenet = cnnzoo.lenet()
    with pytest.raises(cnnzoo.InputError):
        deconvolution(lenet, np.zeros((1, 32, 32, 1)), "C3", 0)
    convolutions = [layer for layer in (*net.layers, *lenet.layers) if isinstance(layer, layers.Conv2D)]
    assert {layer.activation for layer in convolutions} == {keras.activations.relu, keras.activations.tanh}


IMAGE = np.zeros((1, 32, 32, 3))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer": "conv7"}, "unknown layer of cuda_convnet 'conv7'"),
        ({"unit": 32}, "`units` must be integers from 0 to 31, the units of 'conv2'. Received: [32]"),
        ({"method": "deconvnet"}, "unknown method 'deconvnet'"),
        ({"positions": [(0, 16)]}, "`positions` must be for each of 1 images one of the 16×16 positions of 'conv2'"),
        ({"positions": [(0, 1), (0, 2)]}, "`positions` must be for each of 1 images one of the 16×16 positions"),
        (
            {"positions": 3},
            "`positions` must be for each of 1 images one of the 16×16 positions of 'conv2'. Received: 3",
        ),
        ({"images": np.zeros((1, 30, 32, 3))}, "`images` for cuda_convnet must be an array (batch, 32, 32, 3)"),
        ({"before_activation": 1}, "`before_activation` must be True or False. Received: 1"),
        (
            {"layer": "fc10", "unit": 3},
            "cannot go back through 'fc10' of cuda_convnet, a Dense with the activation softmax",
        ),
    ],
)
def test_bad_input_is_refused(options, words):
    arguments = {"images": IMAGE, "layer": "conv2", "unit": 0, **options}
    with pytest.raises(cnnzoo.InputError) as caught:
        deconvolution(cnnzoo.cuda_convnet(), **arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (layers.Conv2D(2, 3, activation="tanh", name="bent"), "'bent' of stack, a Conv2D with the activation tanh"),
        (layers.ReLU(max_value=6.0, name="six"), "'six' of stack, a ReLU"),
        (layers.LeakyReLU(name="leaky"), "'leaky' of stack, a LeakyReLU"),
        (cnnzoo.layers.LpPooling2D(name="norm"), "'norm' of stack, a LpPooling2D"),
    ],
)
def test_a_layer_that_cannot_be_undone_is_named(layer, words):
    net = stack((8, 8, 1), layer, layers.Conv2D(2, 2, name="top"))
    images = np.ones((1, 8, 8, 1))
    for method in ("deconvolution", "guided"):
        with pytest.raises(cnnzoo.InputError) as caught:
            deconvolution(net, images, "top", 0, method=method)
        assert words in str(caught.value)
        assert 'without an activation or with relu; method="gradient" takes every layer' in str(caught.value)
    assert deconvolution(net, images, "top", 0, method="gradient").shape == (1, 8, 8, 1)


def test_an_operation_that_cannot_be_undone_is_named():
    image = keras.Input((8, 8, 1))
    net = keras.Model(image, layers.Conv2D(2, 3, name="top")(keras.ops.sin(image)))
    with pytest.raises(cnnzoo.InputError, match="a Sin: it takes convolutions"):
        deconvolution(net, np.ones((1, 8, 8, 1)), "top", 0)
