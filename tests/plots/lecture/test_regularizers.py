"""Dropout and local response normalization as drawn, against what the layers do."""

import itertools
import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection

from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.regularizers import dropped_units, normalized_across_maps


def panels(picture, count):
    """Return for each panel the number of units, of those left out, and of lines."""
    axis = picture.axes[0]
    circles = [patch for patch in axis.patches if patch.get_gid() in ("unit", "left out")]
    each = len(circles) // count
    lines = [part for part in axis.collections if isinstance(part, LineCollection)]
    parts = [circles[number * each : (number + 1) * each] for number in range(count)]
    return [
        ([part.get_gid() for part in some], len(drawn.get_segments())) for some, drawn in zip(parts, lines, strict=True)
    ]


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.9])
def test_only_hidden_units_are_left_out_with_their_lines(rate, legible):
    sizes = (4, 8, 6, 3)
    picture = dropped_units(sizes, rate, steps=3, seed=2)
    legible(picture)
    *training, (after, lines) = panels(picture, 4)
    assert "left out" not in after
    assert lines == 4 * 8 + 8 * 6 + 6 * 3
    counts = [int(each) for each in re.findall(r"(\d+) of 14 hidden units", picture.alternative)]
    for (units, drawn), count in zip(training, counts, strict=True):
        ends = np.cumsum((0, *sizes))
        layers = [units[start:stop] for start, stop in itertools.pairwise(ends)]
        assert "left out" not in layers[0] + layers[-1]
        assert units.count("left out") == count
        kept = [layer.count("unit") for layer in layers]
        assert drawn == sum(one * other for one, other in itertools.pairwise(kept))


def test_steps_leave_out_other_units_and_a_seed_the_same():
    one, other, _ = panels(dropped_units((5, 12, 12, 3), 0.5), 3)
    assert one != other
    assert panels(dropped_units((5, 12, 12, 3), 0.5), 3)[0] == one


def test_bars_are_the_formula_of_the_paper():
    activations = np.array([3.0, 5, 120, 8, 2, 40, 6, 1])
    figure = normalized_across_maps(activations, size=5, alpha=1e-3, beta=0.75, k=2.0)
    before, after = np.split(np.array([bar.get_height() for bar in figure.axes[0].patches]), 2)
    sums = np.array([np.square(activations[max(0, i - 2) : i + 3]).sum() for i in range(8)])
    expected = activations / (2 + 1e-3 * sums) ** 0.75
    np.testing.assert_allclose(before, 100 * activations / 120, rtol=1e-6)
    np.testing.assert_allclose(after, 100 * expected / expected.max(), rtol=1e-5)
    shown = [float(text.get_text()) for text in figure.axes[0].texts]
    assert shown == pytest.approx([*activations, *expected], rel=5e-3, abs=0.006)


@pytest.mark.parametrize("count", [2, 8, 20])
def test_numbers_above_bars_do_not_overlap(count):
    picture = normalized_across_maps(np.random.default_rng(0).uniform(0, 900, count))
    canvas = FigureCanvasAgg(picture)
    canvas.draw()  # which lays it out
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in picture.axes[0].texts]
    assert len(boxes) == 2 * count
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dropped_units((3, 4)), "`sizes` must be units of 3 to 5 layers"),
        (lambda: dropped_units((3, 20, 4)), "`sizes` must be an integer from 1 to 12. Received: 20"),
        (lambda: dropped_units(rate=1.0), "`rate` must be"),
        (lambda: normalized_across_maps([1.0]), "`activations` must be a row of two or more finite numbers"),
        (lambda: normalized_across_maps("ab"), "`activations` must be a row of numbers"),
        (lambda: normalized_across_maps([1, 2], size=2), "`size` must be a positive odd integer. Received: 2"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
