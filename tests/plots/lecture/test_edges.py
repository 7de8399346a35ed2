"""A convolved image against a loop over windows in NumPy."""

import numpy as np
import pytest

from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.edges import KERNELS, convolved


def convolution(image, kernel, stride, zeros):
    padded = np.pad(image, zeros)
    rows, columns = (range(0, side - own + 1, stride) for side, own in zip(padded.shape, kernel.shape, strict=True))
    high, wide = kernel.shape
    return np.array([[(padded[y : y + high, x : x + wide] * kernel).sum() for x in columns] for y in rows])


@pytest.mark.parametrize("kernel", [*KERNELS, np.arange(-10, 10).reshape(4, 5) / 3])
@pytest.mark.parametrize(("stride", "zeros"), [(1, 0), (2, 1)])
def test_the_result_is_that_of_windows_one_by_one(kernel, stride, zeros, legible):
    image = np.random.default_rng(3).integers(0, 256, (21, 30)).astype("uint8")
    picture = convolved(image, kernel, stride, zeros)
    legible(picture)
    weights = np.array(KERNELS[kernel] if isinstance(kernel, str) else kernel)
    shown = [np.asarray(drawn.get_array()) for drawn in picture.axes[0].images]
    assert (shown[0] == image).all()
    assert np.allclose(shown[1], weights)
    assert np.allclose(shown[2], convolution(image.astype(float), weights, stride, zeros), atol=1e-2)


def test_zero_is_white_where_there_are_negative_values_and_black_where_there_are_none():
    image = np.eye(8)
    *_, signed = convolved(image, "all edges").axes[0].images
    assert signed.norm(0.0) == pytest.approx(0.5)
    *_, unsigned = convolved(image, "blur").axes[0].images
    assert unsigned.norm(0.0) == 0
    assert unsigned.cmap.name == "gray"


def test_colors_are_averaged_and_one_channel_is_unchanged():
    image = np.random.default_rng(0).random((9, 9, 3))
    for pixels, expected in ((image, image.mean(-1)), (image[..., :1], image[..., 0])):
        assert np.allclose(convolved(pixels).axes[0].images[0].get_array(), expected)


def test_large_kernels_have_no_numbers(legible, texts):
    picture = convolved(np.zeros((20, 40)), np.ones((11, 11)), padding="same")
    legible(picture)
    assert "1" not in texts(picture)


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (
            np.zeros((4, 4, 2)),
            {},
            r"`image` must be \(height, width\) or \(height, width, 1 or 3\)\. Received the shape: \(4, 4, 2\)",
        ),
        ("photo.jpg", {}, "`image` must be numbers"),
        (np.full((4, 4), np.nan), {}, "`image` must be finite numbers. Received: nan"),
        (np.zeros((4, 4)), {"kernel": "blurr"}, "unknown kernel 'blurr'; did you mean 'blur'?"),
        (np.zeros((2, 2)), {}, "a window of 3 is larger than 2 pixels"),
        (np.zeros((4, 4)), {"stride": 0}, "`stride` must be an integer from 1"),
    ],
)
def test_bad_input_is_refused(image, options, message):
    with pytest.raises(InputError, match=message):
        convolved(image, **options)
