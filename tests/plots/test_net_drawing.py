"""The drawing of a net: each layer that the paper's table has, at its size, larger where the layer is."""

import keras
import pytest

import cnnzoo
from cnnzoo import plots


def boxes(picture):
    """Return the width and the height of the front of each drawn layer."""
    fronts = [patch for patch in picture.axes[0].patches if patch.get_alpha() == 0.9]
    return [(round(front.get_width(), 6), round(front.get_height(), 6)) for front in fronts]


def test_lenet5_is_drawn_as_its_paper_lists_it():
    drawn = plots.architecture("lenet5")
    assert drawn.alternative.endswith(
        "images 32×32×1, C1 28×28×6, S2 14×14×6, C3 10×10×16, S4 5×5×16, C5 120, F6 84 and output 10."
    )
    sizes = boxes(drawn)
    assert len(sizes) == 8
    sides = [side for _, side in sizes[:5]]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] / sides[1] == pytest.approx((32 / 28) ** 0.5)  # squares by the root of their sides
    assert sizes[5][1] > sizes[6][1] > sizes[7][1]
    texts = {text.get_text() for text in drawn.axes[0].texts}
    assert {"C1", "28×28×6\nwindow 5×5", "84", "input"} <= texts


def test_an_autoencoder_is_an_hourglass():
    heights = [height for _, height in boxes(plots.architecture("deep_autoencoder"))[1:]]
    narrowest = heights.index(min(heights))
    assert heights[: narrowest + 1] == sorted(heights[: narrowest + 1], reverse=True)
    assert heights[narrowest:-1] == sorted(heights[narrowest:-1])


def test_more_maps_are_more_sheets_up_to_five():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(40, 3)(x))
    assert len(plots.architecture(model).axes[0].patches) == 1 + 2 + 5


def test_a_net_of_nothing_to_draw_is_refused():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    with pytest.raises(cnnzoo.InputError, match="has no layers with weights or windows to draw"):
        plots.architecture(model)
