"""Which maps are connected, against gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import plots
from cnnzoo.layers import ColumnConv2D, PartiallyConnectedConv2D
from cnnzoo.models.lenet import C3_TABLE


def by_gradients(layer, channels):
    """Return on which channels each map depends."""
    images = tf.Variable(tf.random.normal((1, 9, 9, channels), seed=0))
    rows = []
    for number in range(layer(images).shape[-1]):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(images)[..., number])
        rows.append(np.abs(tape.gradient(total, images).numpy()).sum(axis=(0, 1, 2)) > 0)
    return np.array(rows).T


@pytest.mark.parametrize(
    "layer",
    [
        lambda: PartiallyConnectedConv2D(C3_TABLE, 3, name="layer"),
        lambda: ColumnConv2D(8, 3, groups=2, name="layer"),
        lambda: keras.layers.Conv2D(6, 3, groups=3, name="layer"),
        lambda: keras.layers.Conv2D(5, 3, name="layer"),
    ],
)
def test_squares_are_where_gradients_are_not_zero(layer):
    net = keras.Sequential([keras.Input((9, 9, 6)), layer()])
    figure = plots.connection_table(net, "layer")
    expected = by_gradients(net.get_layer("layer"), 6)
    assert (np.asarray(figure.axes[0].images[0].get_array()) == expected).all()
    assert f"{expected.sum()} of {expected.size} pairs" in figure.alternative
    figure.canvas.draw()


def test_the_table_is_that_of_the_paper():
    net = cnnzoo.lenet5()
    drawn = np.asarray(plots.connection_table(net, "C3").axes[0].images[0].get_array())
    assert [tuple(np.flatnonzero(column)) for column in drawn.T] == list(C3_TABLE)


def test_other_layers_are_refused():
    net = cnnzoo.lenet5()
    with pytest.raises(cnnzoo.InputError, match="'S2' is no convolution of maps, but a Subsampling2D"):
        plots.connection_table(net, "S2")
    with pytest.raises(cnnzoo.InputError, match="unknown layer of lenet5 'C4'"):
        plots.connection_table(net, "C4")
