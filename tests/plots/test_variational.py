"""Samples, planes and active units, against the decoder and NumPy."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import plots


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(0)
    return cnnzoo.variational_autoencoder(input_shape=(8, 8, 1), units=(20,), code=2)


@pytest.fixture(scope="module")
def digits():
    return cnnzoo.data.load("digits").test.images / np.float32(255)


def drawn(axis):
    return np.stack([np.asarray(image.get_array()) for image in axis.images])


def test_samples_are_those_of_the_model_in_rows(net):
    figure = plots.samples(net, n=7, columns=3, seed=4)
    np.testing.assert_array_equal(drawn(figure.axes[0]), cnnzoo.sample(net, 7, seed=4)[..., 0])
    tops = {image.get_extent()[3] for image in figure.axes[0].images}
    assert len(tops) == 3
    assert figure.alternative == "7 images decoded from codes that were drawn from N(0, 1)."


def test_plane_has_the_image_of_each_code_where_its_numbers_are(net):
    axis = plots.decoded_plane(net, steps=5).axes[0]
    [whole] = drawn(axis)
    for column, first in enumerate(np.linspace(-2, 2, 5)):
        for row, second in enumerate(np.linspace(2, -2, 5)):
            image = cnnzoo.decoder(net).predict([[first, second]], verbose=0)[0, ..., 0]
            at = whole[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            np.testing.assert_allclose(at, image, atol=1e-6)
    left, right, bottom, top = axis.images[0].get_extent()
    assert (left, right, bottom, top) == (-2.5, 2.5, -2.5, 2.5)  # half of a step beyond the outermost codes


def test_plane_of_images_spans_their_codes(digits):
    model = cnnzoo.deep_autoencoder(input_shape=(8, 8, 1), units=(20,), code=2)
    codes = cnnzoo.encoder(model).predict(digits, verbose=0)
    figure = plots.decoded_plane(model, digits, steps=3)
    left, right, *_ = figure.axes[0].images[0].get_extent()
    low, high = np.percentile(codes[:, 0], [2, 98])
    assert (left, right) == pytest.approx((low - (high - low) / 4, high + (high - low) / 4), rel=1e-4)


def test_bars_are_the_divergences_in_their_order(net, digits):
    features = np.tanh(digits.reshape(-1, 64) @ net.get_layer("encoder_1").kernel.numpy())
    kernel, bias, variance_kernel, variance_bias = (np.asarray(each) for each in net.get_layer("code").weights)
    mean, log_variance = features @ kernel + bias, features @ variance_kernel + variance_bias
    expected = ((mean**2 + np.exp(log_variance) - 1 - log_variance) / 2).mean(axis=0)
    figure = plots.active_units(net, digits)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    np.testing.assert_allclose(heights, np.sort(expected)[::-1], rtol=1e-4)
    active = int((mean.var(axis=0) > 0.01).sum())
    assert f"{active} of 2 units are active" in figure.alternative


def test_a_picture_of_units_computes_each_code_once(net, digits, monkeypatch):
    seen, distribution = [], type(net).distribution
    monkeypatch.setattr(
        type(net), "distribution", lambda model, images: seen.append(len(images)) or distribution(model, images)
    )
    plots.active_units(net, digits)
    assert sum(seen) == len(digits)


def test_units_of_a_code_of_vectors_are_drawn_though_values_are_no_pixels():
    net = cnnzoo.variational_autoencoder(input_shape=(6,), units=(), code=3)
    values = np.random.default_rng(0).normal(scale=5, size=(20, 6))
    assert len(plots.active_units(net, values).axes[0].patches) == 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: plots.samples(cnnzoo.autoencoder()), "only the codes of a variational_autoencoder"),
        (lambda net: plots.samples(net, 0), "`n` must be an integer from 1 to 100"),
        (lambda net: plots.decoded_plane(cnnzoo.autoencoder()), "codes of 2 numbers"),
        (lambda net: plots.decoded_plane(net, steps=1), "`steps` must be an integer from 2 to 30"),
        (lambda net: plots.active_units(cnnzoo.lenet(), np.zeros((2, 32, 32, 1))), "only a variational_autoencoder"),
    ],
)
def test_bad_input_is_refused(net, call, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        call(net)
