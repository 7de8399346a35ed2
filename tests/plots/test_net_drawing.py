"""The drawing of a net: each layer that the paper's table has, at its size, larger where the layer is."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers
from matplotlib.backends.backend_agg import FigureCanvasAgg

import cnnzoo
from cnnzoo import plots
from tests.small_nets import by_family


def polygons(picture, *, edged):
    """Return the corners of the faces of boxes, which have edges, or of windows, which have none."""
    patches = [patch for patch in picture.axes[0].patches if bool(patch.get_edgecolor()[3]) == edged]
    return [patch.get_xy()[:-1] for patch in patches]


def boxes(picture):
    """Return the front, the top and the side of each drawn layer, as corners."""
    faces = polygons(picture, edged=True)
    assert len(faces) % 3 == 0
    return list(zip(faces[::3], faces[1::3], faces[2::3], strict=True))


def extent(corners):
    return np.ptp(corners, axis=0)


def area(corners):
    """Return the area of a polygon, by the shoelace formula."""
    x, y = corners.T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def written(picture):
    return {text.get_text() for text in picture.axes[0].texts}


def test_lenet5_is_drawn_as_its_paper_lists_it():
    drawn = plots.architecture("lenet5")
    assert drawn.alternative.endswith(
        "images 32×32×1, C1 28×28×6, S2 14×14×6, C3 10×10×16, S4 5×5×16, C5 120, F6 84 and output 10."
    )
    fronts = [front for front, _, _ in boxes(drawn)]
    assert len(fronts) == 8
    heights = [extent(front)[1] for front in fronts]
    assert heights[:5] == sorted(heights[:5], reverse=True)
    assert heights[0] / heights[1] == pytest.approx((32 / 28) ** 0.5)  # by the root of the sides
    assert heights[5] > heights[6] > heights[7]
    assert extent(fronts[3])[0] > extent(fronts[2])[0]  # 16 maps and 6
    assert {"C1", "28×28×6\nwindow 5×5", "14×14×6\nwindow 2×2\nstride 2", "84", "input", "C5"} <= written(drawn)


def test_the_three_faces_of_a_box_are_its_height_width_and_maps():
    model = keras.Sequential([keras.Input((32, 8, 1)), layers.Conv2D(25, 1, name="a"), layers.Conv2D(100, 1, name="b")])
    (image, *_), (front, top, side), (more, _, _) = boxes(plots.architecture(model))
    assert extent(image)[1] == extent(front)[1] == extent(more)[1]
    assert extent(more)[0] / extent(front)[0] == pytest.approx(2.0)  # four times the maps
    # Both faces behind the front lead as far to the right and up: half as long as for a width of 32.
    back = extent(side) - [0, extent(front)[1]]
    np.testing.assert_allclose(extent(top) - [extent(front)[0], 0], back)
    square = keras.Sequential([keras.Input((32, 32, 1)), layers.Conv2D(25, 1)])
    _, (front, _, side) = boxes(plots.architecture(square))
    np.testing.assert_allclose(extent(side) - [0, extent(front)[1]], 2 * back)


def test_an_autoencoder_is_an_hourglass_of_columns():
    fronts = [front for front, _, _ in boxes(plots.architecture("deep_autoencoder"))[1:]]
    assert len({round(extent(front)[0], 6) for front in fronts}) == 1
    heights = [extent(front)[1] for front in fronts]
    narrowest = heights.index(min(heights))
    assert heights[: narrowest + 1] == sorted(heights[: narrowest + 1], reverse=True)
    assert heights[narrowest:-1] == sorted(heights[narrowest:-1])


@pytest.mark.parametrize(("dilation", "extents"), [(1, (2, 4)), (2, (3, 7))])
def test_a_window_is_drawn_on_the_maps_at_its_size_and_leads_to_its_layer(dilation, extents):
    layer = layers.Conv2D(4, (2, 4), dilation_rate=dilation, name="conv")
    drawn = plots.architecture(keras.Sequential([keras.Input((8, 16, 3)), layer]))
    (_, _, side), (front, _, _) = boxes(drawn)
    [window] = polygons(drawn, edged=False)
    assert area(window) / area(side) == pytest.approx(extents[0] * extents[1] / (8 * 16))
    np.testing.assert_allclose(window.mean(axis=0), side.mean(axis=0), atol=1e-12)
    lines = [line.get_xydata() for line in drawn.axes[0].lines]
    assert len(lines) == 4
    for line, corner in zip(lines, window, strict=True):
        np.testing.assert_allclose(line[0], corner, atol=1e-12)
        assert line[1, 0] == front[:, 0].min()
        assert front[:, 1].min() < line[1, 1] < front[:, 1].max()


def test_of_branches_all_layers_are_drawn_and_windows_only_on_the_maps_that_they_slide_over():
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(8, 3, name="first")(image)
    left, right = (
        layers.Conv2D(4, 5, padding="same", name="left")(x),
        layers.Conv2D(6, 3, padding="same", name="right")(x),
    )
    joined = layers.Conv2D(5, 1, name="joined")(layers.Concatenate()([left, right]))
    drawn = plots.architecture(keras.Model(image, layers.Dense(2, name="class")(layers.Flatten()(joined)), name="two"))
    assert {"input", "first", "left", "right", "joined", "class"} <= written(drawn)
    assert len(boxes(drawn)) == 6
    assert len(polygons(drawn, edged=False)) == 2  # of `first` on the image, and of one branch on `first`


def test_a_transposed_convolution_has_no_window_on_the_maps_that_it_spreads():
    body = [layers.Conv2D(4, 4, 2), layers.Conv2DTranspose(3, 4, 2)]
    assert len(polygons(plots.architecture(keras.Sequential([keras.Input((16, 16, 3)), *body])), edged=False)) == 1


def test_a_signal_is_a_plate_of_its_steps():
    drawn = plots.architecture(keras.Sequential([keras.Input((64, 2)), layers.Conv1D(8, 5, 2, name="conv")]))
    (image, *_), (front, _, _) = boxes(drawn)
    assert extent(image)[1] / extent(front)[1] == pytest.approx((64 / 30) ** 0.5)
    assert "30×8\nwindow 5\nstride 2" in written(drawn)
    assert len(polygons(drawn, edged=False)) == 1


def deep(layers_count):
    body = [layers.Conv2D(8, 3, padding="same", name=f"block_{number}_convolution") for number in range(layers_count)]
    return keras.Sequential([keras.Input((16, 16, 3)), *body])


@pytest.mark.parametrize("name", [*by_family(cnnzoo.list_models()), "a net of 23 layers"])
def test_no_text_or_box_overlaps_another_and_all_are_within_the_picture(name):
    drawn = plots.architecture(deep(23) if name not in cnnzoo.list_models() else name)
    width, height = drawn.get_size_inches()
    assert width <= 11
    renderer = FigureCanvasAgg(drawn).get_renderer()
    texts = [text.get_window_extent(renderer) for text in drawn.axes[0].texts]
    shapes = drawn.axes[0].transData
    faces = [shapes.transform(np.concatenate(box)) for box in boxes(drawn)]
    solid = [(*corners.min(axis=0), *corners.max(axis=0)) for corners in faces]
    solid += [(text.x0, text.y0, text.x1, text.y1) for text in texts]
    for one, other in itertools.combinations(solid, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    left, low, right, high = (np.array(each) for each in zip(*solid, strict=True))
    assert min(left.min(), low.min()) >= 0
    assert right.max() <= width * drawn.dpi
    assert high.max() <= height * drawn.dpi


def test_a_long_net_goes_on_in_further_rows_of_about_the_same_width():
    fronts = [front for front, _, _ in boxes(plots.architecture(deep(23)))]
    assert len(fronts) == 24
    rows = [len(list(row)) for _, row in itertools.groupby(fronts, lambda front: round(front[:, 1].min(), 3))]
    assert len(rows) > 1
    assert max(rows) - min(rows) <= 2


def test_a_net_of_nothing_to_draw_is_refused():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    with pytest.raises(cnnzoo.InputError, match="has no layers with weights or windows to draw"):
        plots.architecture(model)
