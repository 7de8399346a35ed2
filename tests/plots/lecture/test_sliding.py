"""The sliding window against windows that are laid down one by one, in NumPy."""

import gc
import itertools

import numpy as np
import pytest
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle
from PIL import Image, ImageSequence

from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.cells import printed
from cnnzoo.plots.lecture.sliding import sliding_window, sliding_window_animation

ORANGE = "#e07b00"


def convolution(values, kernel, strides, pads):
    """Return the sums of all windows, one by one, and which pixels of the padded image they read."""
    padded = np.pad(values, pads)
    rows = range(0, padded.shape[0] - kernel.shape[0] + 1, strides[0])
    columns = range(0, padded.shape[1] - kernel.shape[1] + 1, strides[1])
    sums, read = np.zeros((len(rows), len(columns))), np.zeros(padded.shape, bool)
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            part = slice(y, y + kernel.shape[0]), slice(x, x + kernel.shape[1])
            sums[i, j], read[part] = (padded[part] * kernel).sum(), True
    return sums, read


def windows(picture):
    """Return (left, top, width, height) of the window and of its cell in the output."""
    return [
        (*patch.get_xy(), patch.get_width(), patch.get_height())
        for patch in picture.axes[0].patches
        if isinstance(patch, Rectangle) and patch.get_linewidth() == 2.0 and patch.get_visible()
    ]


def cases(number):
    rng = np.random.default_rng(7)
    while number:
        height, width, down, right = rng.integers(1, 10, 4)
        high, wide, zeros = *rng.integers(1, 5, 2), rng.integers(0, 3)
        if high <= height + 2 * zeros and wide <= width + 2 * zeros:
            number -= 1
            values, kernel = rng.integers(-9, 10, (height, width)), rng.integers(-3, 4, (high, wide))
            yield values, kernel, (int(down) % 4 + 1, int(right) % 4 + 1), int(zeros)


@pytest.mark.parametrize(("values", "kernel", "strides", "zeros"), list(cases(12)))
def test_numbers_are_those_of_windows_one_by_one(values, kernel, strides, zeros, texts, legible):
    sums, read = convolution(values, kernel, strides, zeros)
    step = sums.size // 2
    picture = sliding_window(
        values.shape, kernel.shape, strides, zeros, step=step, values=values.tolist(), kernel=kernel
    )
    legible(picture)
    shown = texts(picture)
    expected = [printed(number) for table in (np.pad(values, zeros), kernel, sums) for number in table.ravel()]
    assert [text for text in shown if text.lstrip("−").isdigit()] == expected
    assert any(text.endswith(f"= {printed(sums.flat[step])}") for text in shown) or kernel.size > 9

    (left, top, *size), (x, y, *cell) = windows(picture)
    assert (size, cell) == ([kernel.shape[1], kernel.shape[0]], [1, 1])
    row, column = divmod(step, sums.shape[1])
    (left0, top0, *_), (x0, y0, *_) = windows(
        sliding_window(values.shape, kernel.shape, strides, zeros, values=values, kernel=kernel)
    )
    assert np.allclose((left - left0, top - top0), (column * strides[1], row * strides[0]))
    assert np.allclose((x - x0, y - y0), (column, row))

    hatched = sum(
        len(part.get_paths())
        for part in picture.axes[0].collections
        if isinstance(part, PatchCollection) and part.get_hatch()
    )
    assert hatched == (~read.any(axis=0)).sum() + (~read.any(axis=1)).sum()


@pytest.mark.parametrize(
    ("arguments", "formulas"),
    [
        ((7, 3, 2, 1), ["1 + (7 − 3 + 2·1)/2 = 4"]),
        ((7, 3), ["1 + (7 − 3)/1 = 5"]),
        ((8, 3, 2, "same"), ["1 + (8 − 3 + 0 + 1)/2 = 4"]),
        ((227, 11, 4), ["1 + (227 − 11)/4 = 55"]),
        ((224, 11, 4), ["1 + (224 − 11)/4 = 54.25: windows fit 54 times, 1 row and 1 column unread"]),
        (
            (224, 7, 2, 3),
            ["1 + (224 − 7 + 2·3)/2 = 112.5: windows fit 112 times, 1 row and 1 column of zeros unread"],
        ),
        ((6, 2, 3, 1), ["1 + (6 − 2 + 2·1)/3 = 3: between two windows 1 row and 1 column unread"]),
        (
            ((6, 9), (2, 3), (2, 4)),
            [
                "height: 1 + (6 − 2)/2 = 3",
                "width: 1 + (9 − 3)/4 = 2.5: windows fit 2 times, 2 columns unread, "
                "between two windows 1 column unread",
            ],
        ),
        (
            (9, 3, 5, 1),
            [
                "1 + (9 − 3 + 2·1)/5 = 2.6: windows fit 2 times, 3 rows and 3 columns (1 of zeros) unread, "
                "between two windows 2 rows and 2 columns unread"
            ],
        ),
        ((8, 2, 7), ["1 + (8 − 2)/7 ≈ 1.86: windows fit 1 time, 6 rows and 6 columns unread"]),
    ],
)
def test_the_formula_has_the_numbers(arguments, formulas, texts, legible):
    picture = sliding_window(*arguments)
    legible(picture)
    assert [text for text in texts(picture) if "1 + (" in text] == formulas
    assert "; ".join(formulas) in picture.alternative


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding"), [(227, 11, 4, 0), (224, 11, 4, 0), (224, 7, 2, 3), (40, 3, 5, 1)]
)
def test_a_large_image_has_a_line_at_every_start(size, window, stride, padding, legible, texts):
    picture = sliding_window(size, window, stride, padding)
    legible(picture)
    assert "0" not in texts(picture)
    lines = next(part for part in picture.axes[0].collections if part.get_gid() == "starts")
    drawn = np.array([segment[0][0] for segment in lines.get_segments()])
    starts = np.arange(0, size + 2 * padding - window + 1, stride)
    (left, _, wide, _), *_ = windows(picture)
    assert len(drawn) == len(starts)
    assert np.allclose((drawn - left) * window / wide, starts)
    unread = size + 2 * padding - (starts[-1] + window)
    hatched = [part for part in picture.axes[0].collections if isinstance(part, PatchCollection) and part.get_hatch()]
    assert bool(hatched) == bool(unread or stride > window)


def test_sides_of_a_large_image_that_differ_are_drawn_apart(texts, legible):
    picture = sliding_window((60, 160), (3, 5), 1, "same", step=170)
    legible(picture)
    assert len([part for part in picture.axes[0].collections if part.get_gid() == "starts"]) >= 2
    assert [text[:10] for text in texts(picture) if text.startswith("the height")] == ["the height"]
    assert "height: 1 + (60 − 3 + 2·1)/1 = 60; width: 1 + (160 − 5 + 2·2)/1 = 160" in picture.alternative


def test_very_large_images_are_drawn_without_brackets(legible):
    legible(sliding_window(4096, 3))
    legible(sliding_window(224, 200, 1))


def test_default_values_are_always_the_same_and_the_kernel_is_the_first_column_minus_the_last(texts):
    once, twice = (texts(sliding_window(5, 3)) for _ in range(2))
    assert once == twice
    numbers = [text for text in once if text.lstrip("−").isdigit()]
    assert numbers[25:34] == ["1", "0", "−1"] * 3


def test_an_animation_has_a_frame_for_every_position_with_the_sums_computed_so_far(tmp_path):
    animation = sliding_window_animation(5, 3, 2, 1)
    assert list(animation.new_frame_seq()) == list(range(9))
    animation.save(tmp_path / "window.gif")
    with Image.open(tmp_path / "window.gif") as written:
        frames = [np.asarray(frame.convert("L"), int) for frame in ImageSequence.Iterator(written)]
    assert len(frames) == 9
    assert all(np.abs(one - other).max() > 50 for one, other in itertools.pairwise(frames))
    # The last cell of the output is empty until the window is there.
    animation._func(7)
    hidden = [text for text in animation.picture.axes[0].texts if not text.get_visible()]
    animation._func(8)
    assert len(hidden) == 1
    assert hidden[0].get_visible()


def test_an_animation_of_a_large_image_slides_along_one_row():
    assert len(list(sliding_window_animation(227, 11, 4).new_frame_seq())) == 55


def test_a_notebook_shows_the_animation_with_its_alternative_text():
    page = sliding_window_animation(2, 1, 1, interval=100)._repr_html_()
    assert page.startswith('<div role="figure" aria-label="A window of 1 × 1 slides')
    assert page.count("data:image/png;base64") == 4


def test_an_animation_that_is_never_rendered_is_deleted_without_a_warning():
    animation = sliding_window_animation(3, 2)
    del animation
    gc.collect()  # a warning is an error here


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3, 5), {}, "a window of 5 is larger than 3 pixels with 0 zeros: `window` must be at most 3"),
        ((3, 6, 1, 1), {}, "a window of 6 is larger than 3 pixels with 2 zeros: `window` must be at most 5"),
        ((7, 3, 0), {}, "`stride` must be an integer from 1 to 4096. Received: 0"),
        ((7, 3, 1, -1), {}, "`padding` must be an integer from 0 to 4096. Received: -1"),
        ((7, 3, 1, "full"), {}, "`padding` must be a number of zeros, 'valid' or 'same'. Received: 'full'"),
        ((7.5, 3), {}, "`size` must be an integer from 1 to 4096. Received: 7.5"),
        (((7, 7, 3), 3), {}, r"`size` must be an integer or \(height, width\)\. Received: \(7, 7, 3\)"),
        ((True, 1), {}, "`size` must be an integer from 1 to 4096. Received: True"),
        ((7, 3), {"step": 25}, "`step` must be an integer from 0 to 24. Received: 25"),
        ((7, 3), {"values": [[1, 2], [3]]}, "`values` must be rows of numbers of one length"),
        ((2, 1), {"values": [[1, float("nan")], [3, 4]]}, "`values` must be finite numbers. Received: nan"),
        ((7, 3), {"values": np.zeros((7, 6))}, r"`values` must be of shape \(7, 7\)\. Received: \(7, 6\)"),
        ((7, 3), {"kernel": "edges"}, "`kernel` must be rows of numbers of one length. Received: 'edges'"),
        ((227, 11, 4), {"kernel": np.ones((11, 11))}, "227 × 227 pixels and a window of 11 × 11 are too many"),
    ],
)
def test_bad_input_is_refused(arguments, options, message):
    with pytest.raises(InputError, match=message):
        sliding_window(*arguments, **options)


def test_an_interval_of_zero_is_refused():
    with pytest.raises(InputError, match=r"`interval` must be an integer from 1 to 60000\. Received: 0"):
        sliding_window_animation(5, 3, interval=0)


def test_only_the_brackets_of_the_window_have_its_color():
    axis = sliding_window(7, 3, 2, step=5).axes[0]
    brackets = [line.get_color() == ORANGE for line in axis.lines]
    assert brackets == [False, False, True, False, True, False]  # three columns, then three rows
