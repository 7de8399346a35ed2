"""Receptive fields as drawn, against gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.patches import Polygon

from cnnzoo.analysis import conv_report
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.receptive_field import receptive_fields


def span(model, layer, shape):
    """Return the sides of the part of the image on which one value in the middle of a layer depends."""
    inner = keras.Model(model.inputs, model.get_layer(layer).output)
    images = tf.Variable(tf.random.uniform((1, *shape)))
    with tf.GradientTape() as tape:
        maps = inner(images)
        value = tf.reduce_sum(maps[0, maps.shape[1] // 2, maps.shape[2] // 2])
    nonzero = np.abs(tape.gradient(value, images)[0].numpy()).sum(-1) > 0
    return tuple(int(np.ptp(np.flatnonzero(nonzero.any(axis)))) + 1 for axis in (1, 0))


def test_receptive_fields_are_where_gradients_are_not_zero(texts, legible):
    shape = (60, 80, 1)
    weights = {"kernel_initializer": "ones"}
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(2, (3, 5), **weights, name="a"),
            keras.layers.AveragePooling2D(2, name="b"),
            keras.layers.Conv2D(2, 3, dilation_rate=2, **weights, name="c"),
        ]
    )
    picture = receptive_fields(model)
    legible(picture)
    expected = {name: span(model, name, shape) for name in "abc"}
    for name, (height, width) in expected.items():
        assert f"{name} {height} × {width}" in picture.alternative
    bars = {
        patch.get_gid().split()[1]: patch.get_width()
        for patch in picture.axes[0].patches
        if str(patch.get_gid()).startswith("bar")
    }
    for name, (_, width) in expected.items():
        assert bars[name] / bars["image"] == pytest.approx(width / 80)
    fields = [patch for patch in picture.axes[0].patches if patch.get_gid() == "field"]
    image = next(patch for patch in picture.axes[0].patches if patch.get_gid() == "image")
    drawn = [
        (patch.get_height() / image.get_height() * 60, patch.get_width() / image.get_width() * 80) for patch in fields
    ]
    assert np.allclose(drawn, list(expected.values())[::-1])  # the largest first, so that no one hides another


@pytest.mark.parametrize(
    "name",
    [
        "lenet5",
        pytest.param("alexnet", marks=pytest.mark.slow),
        "all_cnn_c",
        "stacked_convolutional_autoencoder",
        "mlp",
    ],
)
def test_nets_of_the_zoo_are_legible_with_the_numbers_of_the_report(name, texts, legible):
    picture = receptive_fields(name)
    legible(picture)
    report, shown = conv_report(name), texts(picture)
    for row in report.rows:
        if row.window:
            assert " × ".join(map(str, row.receptive_field)) in shown
            assert any(text.startswith(f"{row.name} ") for text in shown)


def test_each_layer_has_a_unit_that_fans_down_to_its_patch():
    axis = receptive_fields("lenet5").axes[0]
    units = [line.get_xydata()[0] for line in axis.lines if line.get_marker() == "o"]
    fans = [patch.get_xy()[:-1] for patch in axis.patches if isinstance(patch, Polygon)]
    patches = [
        patch for patch in axis.patches if str(patch.get_gid()).startswith("bar ") and "image" not in patch.get_gid()
    ]
    assert len(units) == len(fans) == len(patches) == 5
    for unit, corners, patch in zip(units, fans, patches, strict=True):
        ends = patch.get_x(), patch.get_x() + patch.get_width()
        assert corners[0] == pytest.approx(unit)
        assert sorted(corners[1:, 0]) == pytest.approx(ends)
        assert unit[0] == pytest.approx(sum(ends) / 2)
    tops = [unit[1] for unit in units]
    assert tops == sorted(tops)  # the first layer is on top


def test_of_one_side_only_the_fans_is_drawn_and_long_names_are_cut(texts, legible):
    long = "a_name_that_is_longer_than_a_picture_is_wide"
    model = keras.Sequential(
        [
            keras.Input((100, 3)),
            keras.layers.Conv1D(4, 9, 2, name=long),
            keras.layers.GlobalAveragePooling1D(name="mean"),
        ]
    )
    picture = receptive_fields(model)
    legible(picture)
    assert not [patch for patch in picture.axes[0].patches if patch.get_gid() == "field"]
    assert f"{long[:35]}…  9/2" in texts(picture)


def test_strides_that_differ_are_both_named(texts):
    model = keras.Sequential([keras.Input((20, 90, 3)), keras.layers.Conv2D(4, (3, 9), (2, 1), name="wide")])
    assert "wide  3×9/2×1" in texts(receptive_fields(model))


def test_what_has_no_receptive_fields_is_refused():
    for shape, layer in (((4, 4, 1), keras.layers.ReLU()), ((10,), keras.layers.Dense(3))):
        with pytest.raises(InputError, match="plain has no receptive fields to draw"):
            receptive_fields(keras.Sequential([keras.Input(shape), layer], name="plain"))
    with pytest.raises(InputError, match="lenet6"):
        receptive_fields("lenet6")
