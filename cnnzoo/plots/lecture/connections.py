"""Connections between two rows of neurons: a dense layer, a locally connected one, and a convolution."""

import colorsys
import dataclasses

from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection

from cnnzoo import checks
from cnnzoo.analysis import Window
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.lecture.arguments import LARGEST
from cnnzoo.plots.picture import COLORS, Picture

MOST = 32  # neurons, beyond which lines cannot be told apart
PANEL, GAP, HEIGHT = 3.2, 0.3, 3.1  # inches


@dataclasses.dataclass(frozen=True)
class Connections:
    """The connections of a layer between two rows of neurons, with the index of the weight of each.

    Attributes:
        name: of the layer.
        lines: `(input, output, weight)`.
        biases: number of biases.

    Example:
    >>> Connections("convolution", ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1)), biases=1).parameters
    3
    """

    name: str
    lines: tuple[tuple[int, int, int], ...]
    biases: int

    @property
    def weights(self) -> int:
        """The number of different weights."""
        return len({weight for _, _, weight in self.lines})

    @property
    def parameters(self) -> int:
        """The number of weights and biases."""
        return self.weights + self.biases


def dense_beside_convolution(size: int = 7, window: int = 3, stride: int = 1) -> Picture:
    """Draw the connections of a dense layer, of a locally connected one, and of a convolution side by side.

    All three have the same neurons. Each weight has its own color, so that lines of one color share a weight.

    Args:
        size: W, neurons in the row below, 2 to 32.
        window: F, neurons in a window, 1 to W.
        stride: S, neurons from one window to the next.

    Returns:
        A picture with the numbers of connections, weights and parameters, which are in its `alternative`, too.

    Raises:
        InputError: an argument is out of range.

    Source: LeCun 1989, "Generalization and Network Design Strategies", nets 2 to 4. Connections are counted here
    without biases, which have no lines; `cnnzoo.conv_report` counts them, as LeCun et al. 1998 do.

    Example:
    >>> from cnnzoo import plots
    >>> plots.dense_beside_convolution(7, 3).alternative
    'Connections from 7 neurons to 5. Dense: 35 connections, 35 different weights, 40 parameters with the biases.
     Locally connected (windows of 3): 15 connections, 15 different weights, 20 parameters with the biases.
     Convolution (windows of 3, shared): 15 connections, 3 different weights, 4 parameters with the bias.'
    """
    size = checks.integer("size", size, 2, MOST)
    window = checks.integer("window", window, 1, size, of="the neurons of the row below")
    along = Window(size, window, checks.integer("stride", stride, 1, LARGEST))
    layers = connections(along)
    described = [f"{layer.name[0].upper()}{layer.name[1:]}: {', '.join(counts(layer))}." for layer in layers]
    alternative = f"Connections from {size} neurons to {along.outputs}. {' '.join(described)}"
    figure, axis = cells.sheet(3 * PANEL + 2 * GAP + 0.4, HEIGHT, 1.0, alternative)
    for number, layer in enumerate(layers):
        _draw(axis, 0.2 + number * (PANEL + GAP), along, layer)
    return figure


def connections(window: Window) -> tuple[Connections, Connections, Connections]:
    """Return the connections of a dense layer, of a locally connected one and of a convolution.

    Args:
        window: along the row of neurons; a neuron of the dense layer is connected to all of them instead.
    """
    outputs = range(window.outputs)
    dense = tuple((i, o, o * window.size + i) for o in outputs for i in range(window.size))
    shared = [(i, o, tap) for o in outputs for tap, i in enumerate(window.receptive_field(o))]
    local = tuple((i, o, o * window.window + tap) for i, o, tap in shared)
    return (
        Connections("dense", dense, len(outputs)),
        Connections(f"locally connected (windows of {window.window})", local, len(outputs)),
        Connections(f"convolution (windows of {window.window}, shared)", tuple(shared), 1),
    )


def counts(layer: Connections) -> list[str]:
    """Return the captions of a panel: connections, weights and parameters."""
    plural = "connection" if len(layer.lines) == 1 else "connections"
    different = "1 weight" if layer.weights == 1 else f"{layer.weights} different weights"
    biases = "the bias" if layer.biases == 1 else "the biases"
    return [f"{len(layer.lines)} {plural}", different, f"{layer.parameters} parameters with {biases}"]


def _draw(axis: Axes, left: float, window: Window, layer: Connections) -> None:
    """Draw one panel: rows of neurons, connections, name and captions."""
    step = min(PANEL / window.size, 0.5)
    start = left + (PANEL - step * (window.size - 1)) / 2
    below, above = 1.95, 0.75
    shift = (window.size - 1 - (window.outputs - 1) * window.stride) / 2
    inputs = [(start + step * i, below) for i in range(window.size)]
    outputs = [(start + step * (o * window.stride + shift), above) for o in range(window.outputs)]
    colors = _colors(layer.weights)
    axis.add_collection(
        LineCollection(
            [(inputs[i], outputs[o]) for i, o, _ in layer.lines],
            colors=[colors[weight] for _, _, weight in layer.lines],
            linewidths=1.8 if window.size <= 12 else 1.0,
            zorder=1,
        )
    )
    side = min(0.2, step * 0.6)
    axis.add_collection(
        EllipseCollection(
            side,
            side,
            0,
            units="xy",
            offsets=inputs + outputs,
            offset_transform=axis.transData,
            facecolors=cells.GRAY,
            zorder=2,
        )
    )
    middle = left + PANEL / 2
    axis.text(middle, 0.32, layer.name, ha="center", va="center", size=cells.LARGE)
    for number, text in enumerate(counts(layer)):
        axis.text(middle, 2.35 + 0.22 * number, text, ha="center", va="center", size=cells.PLAIN)


def _colors(number: int) -> list:
    """Return different colors, legible on white and on black."""
    if number <= len(COLORS):
        return list(COLORS[:number])
    return [colorsys.hls_to_rgb(n / number, 0.38 + 0.16 * (n % 2), 0.75) for n in range(number)]
