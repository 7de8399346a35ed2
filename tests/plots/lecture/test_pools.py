"""Pooled numbers against a loop over windows in NumPy."""

import itertools

import numpy as np
import pytest
from matplotlib.patches import Circle, Rectangle

from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.cells import printed
from cnnzoo.plots.lecture.pools import pooling

DEFINITIONS = {
    "max": np.max,
    "average": np.mean,
    "lp": lambda window: np.sqrt(np.mean(np.square(window))),
    "l2": lambda window: np.sqrt(np.sum(np.square(window))),
}


def pooled(values, side, stride, definition):
    rows, columns = (range(0, length - side + 1, stride) for length in values.shape)
    return np.array([[definition(values[y : y + side, x : x + side]) for x in columns] for y in rows])


@pytest.mark.parametrize("kind", DEFINITIONS)
@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (2, 1), (1, 1), (2, 3), (3, 3)])
def test_numbers_are_those_of_windows_one_by_one(kind, window, stride, texts, legible):
    rng = np.random.default_rng(window * 10 + stride)
    values = rng.integers(-9, 10, rng.integers(3, 9, 2)).astype(float)
    expected = pooled(values, window, stride, DEFINITIONS[kind])
    picture = pooling(values, window, stride, kind)
    legible(picture)
    shown = [text for text in texts(picture) if text.lstrip("−").replace(".", "").isdigit()]
    assert shown[: values.size] == [printed(number) for number in values.ravel()]
    assert shown[-expected.size :] == [printed(number) for number in expected.astype("float32").ravel()]
    assert any(text.endswith(f" = {printed(np.float32(expected[0, 0]))}") for text in texts(picture))


def test_the_power_is_an_argument():
    values = np.arange(16.0).reshape(4, 4)
    expected = pooled(values, 2, 2, lambda window: np.mean(window**3) ** (1 / 3))
    outputs = "; ".join(", ".join(map(printed, row)) for row in expected)
    assert outputs in pooling(values, 2, kind="lp", p=3).alternative


def test_each_window_has_the_color_of_its_output_and_neighbors_differ():
    picture = pooling(np.arange(36).reshape(6, 6), 2)
    patches = [patch for patch in picture.axes[0].patches if isinstance(patch, Rectangle)]
    inside, outside = patches[:9], patches[9:]
    colors = [patch.get_edgecolor() for patch in inside]
    assert colors == [patch.get_edgecolor() for patch in outside]
    grid = np.array(colors).reshape(3, 3, 4)
    for down, right in itertools.product((0, 1), (0, 1)):
        if down or right:
            assert (grid[down:, right:] != grid[: 3 - down, : 3 - right]).any(axis=-1).all()


def test_overlapping_windows_are_drawn_apart(texts, legible):
    values = np.arange(25).reshape(5, 5)
    picture = pooling(values, 3, 2)
    legible(picture)
    shown = [int(text) for text in texts(picture) if text.isdigit()]
    apart = np.array(shown[25:-4]).reshape(4, 3, 3)
    assert (apart == [values[y : y + 3, x : x + 3] for y in (0, 2) for x in (0, 2)]).all()


def test_the_first_maximum_is_circled():
    picture = pooling([[1, 7], [7, 0]], 2)
    (circle,) = [patch for patch in picture.axes[0].patches if isinstance(patch, Circle)]
    seven = next(text for text in picture.axes[0].texts if text.get_text() == "7")
    assert np.allclose(circle.center, seven.get_position(), atol=0.05)
    assert not [patch for patch in pooling([[1, 7], [7, 0]], 2, kind="l2").axes[0].patches if isinstance(patch, Circle)]


def test_of_many_overlapping_windows_one_is_colored(legible):
    picture = pooling(np.random.default_rng(0).normal(size=(12, 12)), 3, 1, "average")
    legible(picture)
    assert len(picture.axes[0].patches) == 2


@pytest.mark.parametrize(
    ("numbers", "options", "message"),
    [
        ([], {}, r"`numbers` must be rows of numbers\. Received an array of shape: \(0,\)"),
        ([1, 2, 3], {}, r"`numbers` must be rows of numbers\. Received an array of shape: \(3,\)"),
        ([["a"]], {}, r"`numbers` must be rows of numbers of one length\. Received: \[\['a'\]\]"),
        ([[1, np.inf]], {"window": 1}, "`numbers` must be finite numbers. Received: inf"),
        (np.zeros((13, 4)), {}, "`numbers` must be at most 12 × 12 to be legible. Received: 13 × 4"),
        ([[1, 2], [3, 4]], {"kind": "maximum"}, "unknown kind 'maximum'"),
        ([[1, 2], [3, 4]], {"kind": "min"}, "unknown kind 'min'"),
        ([[1, 2], [3, 4]], {"window": 3}, "a window of 3 is larger than 2 pixels"),
        ([[1, 2], [3, 4]], {"stride": 0}, "`stride` must be an integer from 1"),
        ([[1, 2], [3, 4]], {"kind": "lp", "p": 0.5}, "`p` must be a number of at least 1. Received: 0.5"),
    ],
)
def test_bad_input_is_refused(numbers, options, message):
    with pytest.raises(InputError, match=message):
        pooling(numbers, **options)
