"""Which maps of a layer are connected to which maps before it."""

import keras
import numpy as np
from matplotlib.colors import ListedColormap

from cnnzoo.errors import InputError, unknown
from cnnzoo.layers import PartiallyConnectedConv2D
from cnnzoo.plots.picture import COLORS, Picture, picture

NUMBERED = 24  # maps up to which each has its number


def connection_table(model: keras.Model, layer: str) -> Picture:
    """Draw which maps of a convolution are connected to which maps before it: the table of LeNet-5's C3, or columns.

    Args:
        model: a Keras model.
        layer: name of a convolution: one that is partially connected, one in groups, or an ordinary one, whose table
            is full.

    Returns:
        A picture; its `alternative` counts the connected pairs of maps.

    Raises:
        InputError: no such layer, or one that is no convolution of maps.

    Source: LeCun et al. 1998, table I; Krizhevsky et al. 2012, figure 2, for columns.

    Example:
    >>> import cnnzoo
    >>> from cnnzoo import plots
    >>> plots.connection_table(cnnzoo.lenet5(), "C3").alternative
    'The connections of C3: 60 of 96 pairs of its 16 maps with the 6 maps before it. Maps of C3 have 3, 4 or 6 of them.'
    """
    layers = {each.name: each for each in model.layers}
    if layer not in layers:
        raise unknown(f"layer of {model.name}", layer, layers, plural=f"layers of {model.name}")
    connected = maps_connected(layers[layer])
    before, after = connected.shape
    each = sorted({int(count) for count in connected.sum(axis=0)})
    counts = ", ".join(map(str, each[:-1])) + (" or " if len(each) > 1 else "") + str(each[-1])
    width = min(8.0, 1.6 + 0.3 * after)
    height = min(6.0, 1.1 + 0.3 * before)
    figure = picture(
        width,
        height,
        f"The connections of {layer}: {int(connected.sum()):,} of {connected.size:,} pairs of its {after} maps with "
        f"the {before} maps before it. Maps of {layer} have {counts} of them.",
    )
    axis = figure.subplots()
    axis.imshow(
        connected, cmap=ListedColormap(["#f3f3f3", COLORS[0]]), vmin=0, vmax=1, interpolation="none", aspect="auto"
    )
    axis.set(xlabel=f"maps of {layer}", ylabel="maps before it")
    for side, count in ((axis.xaxis, after), (axis.yaxis, before)):
        if count <= NUMBERED:
            side.set_ticks(range(count), labels=map(str, range(count)), fontsize=8)
            side.set_ticks(np.arange(count + 1) - 0.5, minor=True)
            side.set_tick_params(which="minor", length=0)
            axis.grid(which="minor", axis="x" if side is axis.xaxis else "y", color="white", linewidth=1.5)
    return figure


def maps_connected(layer: keras.Layer) -> np.ndarray:
    """Return which maps a layer connects, `(maps before, maps)` of 0 and 1.

    Raises:
        InputError: it is no convolution of maps.

    Example:
    >>> layer = keras.layers.Conv2D(4, 3, groups=2)
    >>> layer.build((None, 8, 8, 2))
    >>> maps_connected(layer).tolist()
    [[1, 1, 0, 0], [0, 0, 1, 1]]
    """
    if isinstance(layer, PartiallyConnectedConv2D):
        before = layer.input.shape[-1]
        table = np.zeros((before, len(layer.connections)), int)
        for number, row in enumerate(layer.connections):
            table[list(row), number] = 1
        return table
    if not isinstance(layer, keras.layers.Conv2D) or not layer.built:
        raise InputError(f"{layer.name!r} is no convolution of maps, but a {type(layer).__name__}")
    before, after, groups = layer.kernel.shape[2] * layer.groups, layer.filters, layer.groups
    return np.kron(np.eye(groups, dtype=int), np.ones((before // groups, after // groups), int))
