"""Counts of connections and parameters, against layers of Keras."""

import keras
import numpy as np
import pytest
from matplotlib.collections import LineCollection

from cnnzoo import layers
from cnnzoo.analysis import conv_report
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture.connections import dense_beside_convolution

CASES = [(7, 3, 1), (16, 5, 2), (9, 9, 1), (5, 1, 2), (2, 1, 1), (32, 3, 1), (8, 2, 3)]


@pytest.mark.parametrize(("size", "window", "stride"), CASES)
def test_counts_are_those_of_layers_of_keras(size, window, stride, texts, legible):
    picture = dense_beside_convolution(size, window, stride)
    legible(picture)
    row = keras.Input((1, size, 1))
    convolution = keras.layers.Conv2D(1, (1, window), (1, stride), name="layer")
    outputs = convolution(row).shape[2]
    nets = [
        keras.Model(row, keras.layers.Dense(outputs, name="layer")(keras.layers.Flatten()(row))),
        keras.Model(row, layers.LocallyConnected2D(1, (1, window), (1, stride), name="layer")(row)),
        keras.Model(row, convolution(row)),
    ]
    # A report counts biases as connections, the picture does not.
    lines = [conv_report(net)["layer"].connections - outputs for net in nets]
    shown = texts(picture)
    assert [int(text.split()[0]) for text in shown if " connection" in text] == lines
    assert [int(text.split()[0]) for text in shown if " parameters" in text] == [net.count_params() for net in nets]

    drawn = [part for part in picture.axes[0].collections if isinstance(part, LineCollection)]
    assert [len(part.get_segments()) for part in drawn] == lines
    weights = [len(np.unique(part.get_colors(), axis=0)) for part in drawn]
    assert weights == [int(text.split()[0]) for text in shown if "weight" in text and "connected" not in text]
    biases = [outputs, outputs, 1]
    assert weights == [net.count_params() - bias for net, bias in zip(nets, biases, strict=True)]


def test_lines_of_one_color_share_a_position_in_the_window():
    *_, shared = [
        part for part in dense_beside_convolution(6, 3).axes[0].collections if isinstance(part, LineCollection)
    ]
    slopes = {}
    for segment, color in zip(shared.get_segments(), shared.get_colors(), strict=True):
        slopes.setdefault(tuple(color), set()).add(round(segment[1][0] - segment[0][0], 6))
    assert len(slopes) == 3
    assert all(len(slope) == 1 for slope in slopes.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1,), "`size` must be an integer from 2 to 32. Received: 1"),
        ((40,), "`size` must be an integer from 2 to 32. Received: 40"),
        ((7, 8), "`window` must be an integer from 1 to 7, the neurons of the row below. Received: 8"),
        ((7, 0), "`window` must be an integer from 1"),
        ((7, 3, 0), "`stride` must be an integer from 1"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        dense_beside_convolution(*arguments)
