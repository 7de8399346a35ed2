"""`plots.images` shows the pixels that it is given, with their captions."""

import io

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo import plots


def rendered(figure):
    """Return the picture's pixels as a viewer shows them, gray, from 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(figure._repr_png_())).convert("L"), float)


@pytest.mark.parametrize(
    ("kind", "limits"),
    [("uint8", (0, 255)), ("fraction", (0, 1)), ("input", (-0.1, 1.175)), ("int64", (0, 16)), ("flat", (0, 1))],
)
def test_pixels_are_drawn_on_one_scale(kind, limits):
    rng = np.random.default_rng(0)
    images = {
        "uint8": rng.integers(3, 99, (5, 4, 6, 1)).astype("uint8"),
        "fraction": rng.uniform(0.2, 0.8, (5, 4, 6)),
        "input": rng.choice([-0.1, 0.5, 1.175], (5, 4, 6, 1)),
        "int64": rng.choice([0, 9, 16], (5, 4, 6)),
        "flat": np.zeros((5, 4, 6)),
    }[kind]
    shown = plots.images(images).axes[0].images
    assert [np.asarray(each.get_array()).tolist() for each in shown] == images.reshape(5, 4, 6).tolist()
    assert {each.get_clim() for each in shown} == {limits}


def test_colors_outside_of_0_to_1_are_scaled_together():
    images = np.random.default_rng(0).normal(size=(3, 4, 5, 3))
    expected = (images - images.min()) / (images.max() - images.min())
    for image, each in zip(plots.images(images).axes[0].images, expected, strict=True):
        np.testing.assert_allclose(np.asarray(image.get_array()), each, rtol=1e-12)


def test_captions_stand_below_their_images_in_rows():
    images = np.random.default_rng(0).integers(0, 256, (7, 5, 5, 3)).astype("uint8")
    axis = plots.images(list(images), np.arange(7), columns=3).axes[0]
    assert [text.get_text() for text in axis.texts] == list("0123456")
    corners = [image.get_extent() for image in axis.images]
    assert len({top for *_, top in corners}) == 3
    for (left, right, low, _), text in zip(corners, axis.texts, strict=True):
        assert text.get_position() == (pytest.approx((left + right) / 2), pytest.approx(low, abs=0.5))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 16), (16, 4)])
def test_captions_of_two_lines_stay_clear_of_the_images_below(height, width):
    images = np.zeros((6, height, width), "uint8")
    figure = plots.images(images, ["dog\n99 %"] * 6, columns=3)
    figure.canvas.draw()
    axis = figure.axes[0]
    first, below = axis.texts[0].get_window_extent(), axis.images[3].get_window_extent()
    assert first.y0 >= below.y1 - 1  # pixels of the screen count upwards


def test_black_is_black_and_white_is_white():
    images = np.zeros((2, 8, 8), "uint8")
    images[1] = 255
    pixels = rendered(plots.images(images))
    left, right = np.split(pixels, 2, axis=1)
    assert np.median(left) < 5
    assert np.median(right) > 250


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros((28, 28, 1)),), "`images` must have an axis for the examples; give image[None]"),
        ((np.zeros((2, 4, 4, 2)),), "Received: float64 of shape (2, 4, 4, 2)"),
        ((np.zeros((4, 4)),), "Received: float64 of shape (4, 4)"),
        ((["a"],), "`images` must be numbers"),
        ((np.zeros((0, 4, 4)),), "`images` must be 1 to 500 images to be drawn. Received: 0"),
        ((np.zeros((501, 4, 4)),), "Received: 501"),
        (([np.zeros((4, 4)), np.zeros((5, 4))],), "`images` must be of one size"),
        ((np.zeros((2, 4, 4)), ["a"]), "`captions` must be one for each of 2 images. Received: 1"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        plots.images(*arguments)
    assert words in str(caught.value)
    with pytest.raises(cnnzoo.InputError, match=r"`columns` must be a positive integer\. Received: 0"):
        plots.images(np.zeros((2, 4, 4)), columns=0)
