"""Cross-correlation, convolution and channels, against loops and a layer of Keras."""

import keras
import numpy as np
import pytest

from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.channels import convolved_channels, cross_correlation


def correlated(values, kernel):
    high, wide = kernel.shape
    rows, columns = values.shape[0] - high + 1, values.shape[1] - wide + 1
    return np.array(
        [[(values[y : y + high, x : x + wide] * kernel).sum() for x in range(columns)] for y in range(rows)]
    )


def convolved(values, kernel):
    """The definition of mathematics, by indices that run backwards."""
    high, wide = kernel.shape
    rows, columns = values.shape[0] - high + 1, values.shape[1] - wide + 1
    return np.array(
        [
            [
                sum(kernel[u, v] * values[y + high - 1 - u, x + wide - 1 - v] for u in range(high) for v in range(wide))
                for x in range(columns)
            ]
            for y in range(rows)
        ]
    )


def listed(table):
    return "; ".join(", ".join(f"{value:g}".replace("-", "−") for value in row) for row in table)


def test_both_are_their_definitions(texts, legible):
    rng = np.random.default_rng(0)
    values, kernel = rng.integers(-3, 4, (5, 6)), rng.integers(-2, 3, (2, 3))
    picture = cross_correlation(values, kernel)
    legible(picture)
    assert f"by cross-correlation: {listed(correlated(values, kernel))}." in picture.alternative
    assert f"a convolution: {listed(convolved(values, kernel))}." in picture.alternative
    shown = texts(picture)
    for number in kernel.ravel():
        assert f"{number:g}".replace("-", "−") in shown


def test_cells_are_tinted_where_a_number_is_not_zero():
    numbers = np.zeros((5, 5))
    numbers[1, 1] = 1
    picture = cross_correlation(numbers, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert len(picture.axes[0].patches) == 1 + 2 * 9 + 2 * 4  # the 1, both kernels, and what both results keep of them


def test_a_kernel_that_is_the_same_turned_gives_the_same():
    assert cross_correlation(np.eye(4), np.ones((2, 2))).alternative.endswith("a convolution: the same.")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_are_summed_as_a_layer_does(channels, legible):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (9, 14, channels)).astype("float32")
    kernels = rng.integers(-2, 3, (channels, 3, 3)).astype("float32")
    picture = convolved_channels(image, list(kernels))
    legible(picture)
    layer = keras.layers.Conv2D(1, 3)
    layer.build(image[None].shape)
    layer.set_weights([np.moveaxis(kernels, 0, -1)[..., None], np.zeros(1)])
    expected = keras.ops.convert_to_numpy(layer(image[None]))[0, ..., 0]
    shown = [np.asarray(drawn.get_array()) for drawn in picture.axes[0].images]
    np.testing.assert_allclose(shown[-1], expected, rtol=1e-5, atol=1e-3)
    parts = shown[2:-1:2]
    for number, part in enumerate(parts):
        np.testing.assert_allclose(part, correlated(image[..., number], kernels[number]), rtol=1e-5, atol=1e-3)
    scales = {drawn.get_clim() for drawn in picture.axes[0].images[2::2]}
    assert len(scales) == 1  # so that parts and sum can be compared
    assert f"{9 * channels} weights for a map, and a bias." in picture.alternative


def test_kernels_can_be_named(legible):
    legible(convolved_channels(np.random.default_rng(0).random((20, 30, 3)), ["blur", "all edges", "sharpen"]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cross_correlation(np.eye(10), np.eye(2)), "`numbers` must be at most 9 × 9"),
        (lambda: cross_correlation(np.eye(2), np.eye(3)), "`kernel` must be no larger than the numbers, (2, 2)"),
        (lambda: convolved_channels(np.zeros((4, 4))), "Received the shape: (4, 4)"),
        (lambda: convolved_channels("x"), "`image` must be numbers"),
        (lambda: convolved_channels(np.zeros((4, 4, 3)), ["blur"]), "`kernels` must be 3 tables of one shape"),
        (lambda: convolved_channels(np.zeros((4, 4, 1)), ["blurr"]), "did you mean 'blur'?"),
        (lambda: convolved_channels(np.zeros((2, 2, 1)), ["blur"]), "`kernels` must be no larger than the image"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
