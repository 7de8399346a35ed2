"""The formulas against windows that are laid down one by one."""

import itertools
import random

import pytest

from cnnzoo.analysis.window import Border, Resampling, TransposedWindow, Window


def starts(window):
    """Return where windows begin that lie inside the padded input."""
    before, after = window.pads
    return range(-before, window.size + after - (window.window - 1) * window.dilation, window.stride)


CASES = list(
    itertools.product(range(1, 15), range(1, 6), range(1, 5), ["valid", "same", "causal", (0, 2), (3, 1)], range(1, 4))
)


def test_outputs_and_unread_values_are_those_of_windows_laid_down_one_by_one():
    for case in CASES:
        window = Window(*case)
        expected = len(starts(window))
        assert max(window.outputs, 0) == expected, window
        if expected:
            last = starts(window)[-1] + (window.window - 1) * window.dilation
            assert window.unread == window.size + window.pads[1] - 1 - last, window
            assert window.whole == (window.unread == 0)


def test_same_gives_as_many_outputs_as_strides_fit():
    for size, window, stride in itertools.product(range(1, 15), range(1, 6), range(1, 5)):
        same = Window(size, window, stride, "same")
        assert same.outputs == -(-size // stride)
        assert same.pads[1] - same.pads[0] in (0, 1)


def test_nearest_whole_sizes_are_the_nearest():
    for case in CASES:
        window = Window(*case)
        if window.outputs < 1:
            continue
        whole = [
            size
            for size in range(1, 40)
            if Window(size, *case[1:]).whole and Window(size, *case[1:]).outputs >= 1 and size != window.size
        ]
        below, above = window.nearest_whole()
        assert below == max((size for size in whole if size < window.size), default=None), window
        assert above == min(size for size in whole if size > window.size), window


def test_stride_1_always_divides():
    assert all(Window(*case).whole for case in CASES if case[2] == 1)


@pytest.mark.parametrize(
    ("window", "outputs"),
    [
        (Window(7, 3, 1), 5),
        (Window(7, 3, 2), 3),
        (Window(7, 3, 1, (1, 1)), 7),
        (Window(32, 5, 1, (2, 2)), 32),
        (Window(227, 11, 4), 55),
        (Window(224, 11, 4), 54),
        (Window(224, 11, 4, (2, 2)), 55),
        (Window(224, 2, 2), 112),
    ],
)
def test_examples_of_the_lectures(window, outputs):
    assert window.outputs == outputs


def test_receptive_fields_of_transposed_windows_are_the_inputs_that_write_an_output():
    generator = random.Random(0)
    for _ in range(300):
        size, window, stride, dilation = (generator.randint(*span) for span in ((1, 9), (1, 5), (1, 4), (1, 3)))
        step = TransposedWindow(size, window, stride, "valid", dilation)
        seen = {}
        for start, tap in itertools.product(range(size), range(window)):
            seen.setdefault(start * stride + tap * dilation, []).append(start)
        assert step.outputs == max(max(seen) + 1, (size - 1) * stride + max(stride, step.extent))
        widest = max(max(sources) - min(sources) for sources in seen.values())
        if size > step.spread:
            assert widest == step.spread


def test_receptive_fields_are_the_inputs_that_change_an_output():
    """A window the padded values under it; a transposed window the inputs that lay it down over an output."""
    for case in CASES:
        window = Window(*case)
        taps = range(0, window.window * window.dilation, window.dilation)
        for output, start in enumerate(starts(window)):
            assert list(window.receptive_field(output)) == [start + tap for tap in taps], window
    for size, window, stride, padding in itertools.product(range(1, 6), range(1, 5), range(1, 4), ["valid", "same"]):
        step = TransposedWindow(size, window, stride, padding)
        for output in range(step.outputs):
            laid = [start for start in range(-9, 20) if 0 <= output + step.pads[0] - start * stride < window]
            assert sorted(step.receptive_field(output)) == laid, step


def test_receptive_fields_of_borders_and_resampling():
    assert [list(Border(3, (1, 1)).receptive_field(output)) for output in range(5)] == [[-1], [0], [1], [2], [3]]
    assert list(Border(5, (-2, 0)).receptive_field(0)) == [2]
    assert [list(Resampling(2, 4).receptive_field(output)) for output in range(4)] == [[0], [0], [1], [1]]
    bilinear = [list(Resampling(2, 4, 1).receptive_field(output)) for output in range(4)]
    assert bilinear == [[-1, 0], [0, 1], [0, 1], [1, 2]]
    assert list(Resampling(4, 8, 3).receptive_field(4)) == [0, 1, 2, 3]


def test_borders_and_resampling():
    assert Border(5, (1, 2)).outputs == 8
    assert Border(5, (-1, -2)).outputs == 2
    assert Resampling(8, 4).pace == 2
