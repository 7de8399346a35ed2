"""Images between codes, and the activity of codes, against the halves of the net."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import plots


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(0)
    return cnnzoo.deep_autoencoder(input_shape=(8, 8, 1), units=(20,), code=3)


@pytest.fixture(scope="module")
def digits():
    return cnnzoo.data.load("digits").test.images


def drawn(axis):
    return np.stack([np.asarray(image.get_array()) for image in axis.images])


def test_decoded_images_are_those_of_codes_on_the_line_between(net, digits):
    above, below = plots.decoded_between(net, digits[0], digits[1], steps=5).axes
    start, stop = cnnzoo.encoder(net).predict(digits[:2] / np.float32(255), verbose=0)
    codes = np.stack([start + (stop - start) * part for part in (0, 0.25, 0.5, 0.75, 1)])
    np.testing.assert_allclose(drawn(above), cnnzoo.decoder(net).predict(codes, verbose=0)[..., 0], atol=1e-5)
    np.testing.assert_allclose(drawn(below)[2], digits[:2].mean(axis=0)[..., 0] / 255, atol=1e-6)
    assert [text.get_text() for text in below.texts] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    assert above.get_title(loc="left") == "decoded from codes of 3 numbers"


def test_histograms_and_moves_are_those_of_the_codes(digits):
    models = {
        "wide": cnnzoo.autoencoder(input_shape=(8, 8, 1), units=(), code=12),
        "narrow": cnnzoo.autoencoder(input_shape=(8, 8, 1), units=(), code=4, code_activation="relu"),
    }
    images = digits[:100] / np.float32(255)
    figure = plots.code_activity(models, images, seed=3)
    left, right = figure.axes
    noise = np.random.default_rng(3).normal(size=images.shape).astype("float32")
    for number, (title, model) in enumerate(models.items()):
        codes = cnnzoo.encoder(model).predict(images, verbose=0)
        heights, edges, _ = left.patches[number].get_data()
        counts, _ = np.histogram(codes, edges)
        np.testing.assert_allclose(heights, 100 * counts / codes.size, atol=0.2)  # a value at an edge may go either way
        deviations, moves = right.lines[number].get_data()
        for deviation, move in zip(deviations, moves, strict=True):
            noisy = np.clip(images + np.float32(deviation) * noise, 0, 1)
            moved = cnnzoo.encoder(model).predict(noisy, verbose=0) - codes
            assert move == pytest.approx(float(np.linalg.norm(moved, axis=1).mean()), rel=1e-4)
        assert f"{title}, mean value {codes.mean():.2f}, moved by {moves[2]:.2f}" in figure.alternative


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda net, images: plots.decoded_between(net, images[0], images[:2]),
            "must be images (height, width, channels)",
        ),
        (
            lambda net, images: plots.decoded_between(net, images[0], images[1], steps=1),
            "`steps` must be an integer from 2",
        ),
        (lambda net, images: plots.decoded_between(cnnzoo.lenet(), images[0], images[1]), "lenet"),
        (lambda net, images: plots.code_activity({}, images), "`models` must be a mapping from titles"),
    ],
)
def test_bad_input_is_refused(net, digits, call, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        call(net, digits)
    assert words in str(caught.value)
