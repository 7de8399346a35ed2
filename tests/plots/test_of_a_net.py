"""Pictures of a net show its weights and activations, number by number."""

import keras
import numpy as np
import pytest
from keras import layers

import cnnzoo
from cnnzoo import plots
from cnnzoo.analysis import top_activations
from cnnzoo.plots.layers import map_layers
from tests.small_nets import CLASSIFIERS, by_function, small, thin


def drawn(axis):
    return [np.asarray(image.get_array()) for image in axis.images]


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(1)
    return cnnzoo.lenet5()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-0.1, 1.2, (12, 32, 32, 1)).astype("float32")


def test_filters_are_the_kernels_of_the_layer(net):
    figure = plots.filters(net)
    kernel = net.get_layer("C1").kernel.numpy()
    shown = drawn(figure.axes[0])
    assert len(shown) == kernel.shape[-1] == 6
    for number, filter in enumerate(shown):
        assert (filter == kernel[:, :, 0, number]).all()
    # One scale for all, with zero in its middle.
    assert {image.get_clim() for image in figure.axes[0].images} == {(-np.abs(kernel).max(), np.abs(kernel).max())}


def test_color_filters_have_one_scale_and_are_a_hundred_at_most():
    net = keras.Sequential(
        [keras.Input((20, 20, 3)), layers.Conv2D(120, 5, name="first"), layers.Conv2D(2, 3, name="then")]
    )
    kernel = net.get_layer("first").kernel.numpy()
    shown = drawn(plots.filters(net).axes[0])
    assert len(shown) == 100
    # Zero is middle gray, in colors, too.
    np.testing.assert_allclose(shown[7], 0.5 + kernel[..., 7] / (2 * np.abs(kernel[..., :100]).max()), rtol=1e-6)


def test_weights_of_a_dense_layer_have_the_shape_of_the_image():
    net = cnnzoo.mlp(input_shape=(6, 5, 1), units=(4,))
    kernel = next(layer for layer in net.layers if layer.weights).kernel.numpy()
    shown = drawn(plots.filters(net).axes[0])
    for unit in range(4):
        assert (shown[unit] == kernel[:, unit].reshape(6, 5)).all()


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("C3", "the input of layer 'C3' of lenet5 is no image of one or three channels"),
        ("S9", "unknown layer of lenet5 with weights 'S9'"),
    ],
)
def test_filters_that_are_no_images_are_refused(net, layer, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        plots.filters(net, layer)
    assert words in str(caught.value)


def test_activation_maps_are_the_outputs_of_each_layer(net, images):
    figure = plots.activation_maps(net, images[3])
    assert [axis.get_title(loc="left").partition(":")[0] for axis in figure.axes[1:]] == ["C1", "S2", "C3", "S4", "C5"]
    assert (drawn(figure.axes[0])[0] == images[3, ..., 0]).all()
    for axis, name in zip(figure.axes[1:], ("C1", "S2", "C3", "S4", "C5"), strict=True):
        own = keras.Model(net.input, net.get_layer(name).output).predict(images[3:4], verbose=0)[0]
        shown = drawn(axis)
        assert len(shown) == min(16, own.shape[-1])
        for number, output in enumerate(shown):
            np.testing.assert_allclose(output, own[..., number], rtol=1e-5, atol=1e-6)


def test_activation_maps_of_a_layer_without_maps_are_refused(net, images):
    with pytest.raises(
        cnnzoo.InputError, match=r"layer 'F6' of lenet5 has no maps: its outputs have the shape \(84,\)"
    ):
        plots.activation_maps(net, images[0], ["F6"])
    with pytest.raises(cnnzoo.InputError, match="mlp has no layer of maps"):
        plots.activation_maps(cnnzoo.mlp(), np.zeros((28, 28, 1)))


def test_units_show_the_patches_with_their_top_activations(net, images):
    figure = plots.units(net, images, "C3", [2, 9])
    shown = drawn(figure.axes[0])
    assert len(shown) == 2 * 10
    axis = figure.axes[0]
    for row, top in enumerate(top_activations(net, images, "C3", [2, 9], before_activation=True)):
        for column, (number, (rows, columns)) in enumerate(zip(top.images, top.regions, strict=True), 1):
            patch = images[number, rows.start : rows.stop, columns.start : columns.stop, 0]
            assert (shown[10 * row + column] == patch).all()
            written = axis.texts[10 * row + column].get_text()
            assert written == f"{top.values[column - 1]:.2f}".replace("-", "−")


def test_units_are_ranked_before_a_tanh_that_makes_all_of_them_one():
    net = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(1, 3, activation="tanh", name="conv")])
    net.get_layer("conv").set_weights([np.ones((3, 3, 1, 1)), np.zeros(1)])
    images = np.ones((4, 6, 6, 1), "float32") * np.array([10, 40, 20, 30], "float32")[:, None, None, None]
    assert len({float(value) for value in top_activations(net, images, "conv", count=4)[0].values}) == 1
    [top] = top_activations(net, images, "conv", count=4, before_activation=True)
    assert top.images.tolist() == [1, 3, 2, 0]
    assert top.values.tolist() == [360, 270, 180, 90]
    figure = plots.units(net, images, "conv", [0])
    assert [text.get_text() for text in figure.axes[0].texts[1:]] == ["360.00", "270.00", "180.00", "90.00"]
    assert figure.alternative.endswith("from 90.00 to 360.00 before squashing.")
    assert net.get_layer("conv").activation is keras.activations.tanh  # as it was


def test_a_patch_at_the_border_is_padded_on_the_side_of_the_border():
    net = keras.Sequential([keras.Input((9, 9, 1)), layers.Conv2D(1, 5, padding="same", name="conv")])
    net.get_layer("conv").set_weights([np.ones((5, 5, 1, 1)), np.zeros(1)])
    images = np.zeros((1, 9, 9, 1), "float32")
    images[0, :2, -1] = 1.0  # positions around the top right corner have the same activation: the first is taken
    shown = drawn(plots.units(net, images, "conv", [0]).axes[0])[1]
    top = top_activations(net, images, "conv", [0], count=1)[0]
    rows, columns = top.regions[0]
    assert shown.shape == (5, 5)
    assert shown.sum() == images[0, rows.start : rows.stop, columns.start : columns.stop].sum() == 2
    assert (shown[:, -1].sum() == 2) == (columns.stop - columns.start == 5)
    assert not shown[: 5 - len(rows)].any()  # above the image there is nothing


def test_occluded_shows_the_decrease_of_the_log_odds(net, images):
    figure = plots.occluded(net, images[:2], class_names=list("abcdefghij"))
    expected = cnnzoo.analysis.occlusion(net, images[:2])
    above, below, bar = figure.axes
    assert (drawn(above)[1] == images[1, ..., 0]).all()
    most = np.abs(expected).max()
    assert {image.norm for image in below.images} == {below.images[0].norm}  # one scale for all, which a bar shows
    assert below.images[0].norm(most) <= 1
    assert below.images[0].norm(0.0) == pytest.approx(0.5)
    assert "decrease of the log-odds" in bar.get_xlabel()
    assert all((one == other).all() for one, other in zip(drawn(below), expected, strict=True))
    predicted = net.predict(images[:2], verbose=0).argmax(axis=-1)
    assert [text.get_text()[0] for text in below.texts] == ["abcdefghij"[number] for number in predicted]


def test_occluded_draws_the_outline_of_gray_images_alone():
    from matplotlib.contour import ContourSet

    for channels in (1, 3):
        net = keras.Sequential([keras.Input((12, 12, channels)), layers.Flatten(), layers.Dense(3, "softmax")])
        images = np.zeros((2, 12, 12, channels), "float32")
        images[0, 4:8, 4:8] = 1  # the second image is empty, and has no outline
        below = plots.occluded(net, images).axes[1]
        outlines = [part for part in below.collections if isinstance(part, ContourSet)]
        assert len(outlines) == (channels == 1)
        for outline in outlines:
            corners = np.concatenate([path.vertices for path in outline.get_paths()])
            np.testing.assert_allclose([corners.min(axis=0), corners.max(axis=0)], [[4, 4], [8, 8]], atol=0.01)


def test_costs_are_those_of_the_report(net):
    left, right = plots.layer_costs(net).axes
    report = cnnzoo.conv_report(net)
    names = [label.get_text() for label in left.get_yticklabels()]
    assert [bar.get_width() for bar in left.patches] == [report[name].parameters for name in names]
    assert [bar.get_width() for bar in right.patches] == [report[name].multiply_adds for name in names]


@pytest.mark.parametrize("name", by_function(CLASSIFIERS))
def test_every_classifier_can_be_drawn(name):
    """Filters, activation maps, costs and occlusion of each model of the zoo that has them."""
    net = thin(name)
    image = np.random.default_rng(0).uniform(0, 1, (1, *net.input_shape[1:])).astype("float32")
    pictures = [plots.filters(net), plots.layer_costs(net), plots.occluded(net, image)]
    if map_layers(net):
        pictures.append(plots.activation_maps(net, image[0]))
    for picture in pictures:
        assert picture.alternative.endswith(".")
        assert len(picture.alternative) > 30
        picture.canvas.draw()


def test_three_maps_are_no_image_of_three_channels():
    net = keras.Sequential([keras.Input((9, 9, 1)), layers.Conv2D(3, 3), layers.Conv2D(2, 3, name="second")])
    with pytest.raises(cnnzoo.InputError, match=r"the input of layer 'second' of .* is no image"):
        plots.filters(net, "second")


@pytest.mark.parametrize("name", ["all_cnn_a", "conv_pool_cnn_c", "cuda_convnet", "alexnet"])
def test_units_of_nets_that_pad_and_stride(name, monkeypatch):
    """Where layers pad, the receptive field in the middle is not the largest; optimized images are replaced here."""
    net = small(name)
    images = np.random.default_rng(0).normal(size=(3, *net.input_shape[1:])).astype("float32")
    monkeypatch.setattr(
        "cnnzoo.plots.deep_units.feature_visualization", lambda net, layer, units, images, seed: images[: len(units)]
    )
    shown = drawn(plots.units(net, images, chosen=[0, 1, 2]).axes[0])
    assert len(shown) == 3 * 4
    assert len({patch.shape for patch in shown}) == 1


def test_a_picture_is_neither_kept_open_nor_shown(net):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    picture = plots.filters(net)
    assert plt.get_fignums() == before
    assert picture._repr_png_().startswith(b"\x89PNG")
