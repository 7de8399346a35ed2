"""The picture of the deconvnet: patches of real images, and within the same pixels what is reconstructed."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import plots
from cnnzoo.analysis import deconvolution, top_activations


def drawn(axis):
    return [np.asarray(image.get_array()) for image in axis.images]


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(2)
    return cnnzoo.lenet(activation="relu")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-0.1, 1.2, (12, 32, 32, 1)).astype("float32")


@pytest.mark.parametrize("method", ["deconvolution", "guided"])
def test_each_patch_has_its_reconstruction_beside_it(net, images, method):
    figure = plots.deconvolved(net, images, "C3", [2, 9, 11], method=method)
    assert len(figure.axes) == 2 * 3
    for number, top in enumerate(top_activations(net, images, "C3", [2, 9, 11])):
        patches, parts = drawn(figure.axes[2 * number]), drawn(figure.axes[2 * number + 1])
        values = deconvolution(net, images[top.images], "C3", top.unit, method=method)
        assert len(patches) == len(parts) == 9
        for place, (rows, columns) in enumerate(top.regions):
            pixels = np.s_[rows.start : rows.stop, columns.start : columns.stop, 0]
            assert (patches[place] == images[top.images[place]][pixels]).all()
            part = values[place][pixels]
            assert np.abs(part).max() > 0
            np.testing.assert_allclose(parts[place], 0.5 + part / (2 * np.abs(part).max()), atol=1e-6)
        assert {image.get_clim() for image in figure.axes[2 * number + 1].images} == {(0.0, 1.0)}
        assert figure.axes[2 * number].get_title(loc="left") == f"unit {top.unit}"


def test_a_silent_unit_is_gray_and_a_patch_at_the_border_is_padded_there():
    net = keras.Sequential(
        [keras.Input((9, 9, 1)), keras.layers.Conv2D(2, 5, padding="same", activation="relu", name="conv")]
    )
    net.set_weights([np.ones((5, 5, 1, 2)), np.array([0.0, -100.0])])
    images = np.zeros((2, 9, 9, 1), "float32")
    images[0, 4, 4] = 2.0
    images[1, 0, 0] = 1.0  # the position in the corner is the first of nine with the same activation
    of_first, of_silent = (drawn(axis) for axis in plots.deconvolved(net, images, "conv", [0, 1]).axes[1::2])
    within = np.full((5, 5), 0.5)
    within[2:, 2:] = 1.0  # the kernel, where the image is
    np.testing.assert_allclose(of_first, [np.ones((5, 5)), within])
    assert (np.array(of_silent) == 0.5).all()


def test_units_are_those_that_stand_out_and_are_named_in_the_alternative(net, images):
    figure = plots.deconvolved(net, images)
    assert len(figure.axes) == 2 * 4
    values = [top.values for top in top_activations(net, images, "C3")]
    chosen = [int(axis.get_title(loc="left").split()[1]) for axis in figure.axes[::2]]
    low, high = min(values[unit].min() for unit in chosen), max(values[unit].max() for unit in chosen)
    assert figure.alternative == (
        "For 4 units of C3, with receptive fields of 14×14 pixels: the 9 patches of real images with its top "
        f"activations, from {low:.2f} to {high:.2f}, and beside each what the deconvnet shows of it."
    )


def test_colors_are_drawn_in_color():
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 3))
    shown = drawn(plots.deconvolved(cnnzoo.cuda_convnet(), images, "conv1", [4], method="gradient").axes[1])
    assert [each.shape for each in shown] == [(5, 5, 3)] * 3
    assert all(each.min() >= 0 and each.max() <= 1 for each in shown)


@pytest.mark.parametrize(
    ("build", "options", "words"),
    [
        (cnnzoo.lenet, {}, "cannot go back through 'C1' of lenet, a Conv2D with the activation tanh"),
        (lambda: cnnzoo.lenet(activation="relu"), {"chosen": [16]}, "`units` must be integers from 0 to 15"),
        (lambda: cnnzoo.lenet(activation="relu"), {"method": "saliency"}, "unknown method 'saliency'"),
    ],
)
def test_bad_input_is_refused(images, build, options, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        plots.deconvolved(build(), images, **options)
    assert words in str(caught.value)
