"""What connects two rows of neurons: a dense layer beside one with windows, without sharing and with it."""

import colorsys
import dataclasses

from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection

from cnnzoo.analysis import Window
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import cells, given
from cnnzoo.plots.picture import COLORS, Picture

MOST = 32  # neurons, beyond which lines are a gray mass
PANEL, GAP, HEIGHT = 3.2, 0.3, 3.1  # inches


@dataclasses.dataclass(frozen=True)
class Connections:
    """Lines between two rows of neurons, with the number of the weight that each has.

    Attributes:
        name: of the layer.
        lines: `(input, output, weight)`.
        biases: how many.

    Example:
    >>> Connections("convolution", ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1)), biases=1).parameters
    3
    """

    name: str
    lines: tuple[tuple[int, int, int], ...]
    biases: int

    @property
    def weights(self) -> int:
        """How many different ones there are."""
        return len({weight for _, _, weight in self.lines})

    @property
    def parameters(self) -> int:
        """The weights and the biases."""
        return self.weights + self.biases


def dense_beside_convolution(size: int = 7, field: int = 3, stride: int = 1) -> Picture:
    """Draw a dense layer's connections beside those of a layer with windows, without sharing and with it.

    All three have the same neurons. Each weight has a color of its own, so that lines of one color share a weight.

    Args:
        size: W, neurons in the row below, 2 to 32.
        field: F, neurons in a window, 1 to W.
        stride: S, neurons from one window to the next.

    Returns:
        A picture with the numbers of connections, weights and parameters; its `alternative` says them in words.

    Raises:
        InputError: an argument is out of range.

    Source: LeCun 1989, "Generalization and Network Design Strategies", nets 2 to 4. Connections are counted here
    without biases, which are no lines; `cnnzoo.conv_report` counts them, as LeCun et al. 1998 do.

    Example:
    >>> from cnnzoo import plots
    >>> plots.dense_beside_convolution(7, 3).alternative
    'Connections from 7 neurons to 5. Dense: 35 connections, 35 different weights, 40 parameters with the biases.
     Locally connected (windows of 3): 15 connections, 15 different weights, 20 parameters with the biases.
     Convolution (windows of 3, shared): 15 connections, 3 different weights, 4 parameters with the bias.'
    """
    size = given.integer("size", size, 2, MOST)
    window = Window(size, given.integer("field", field, 1), given.integer("stride", stride, 1))
    if window.outputs < 1:
        raise InputError(f"field must be at most the {size} neurons of the row below, not {field}")
    kinds = connections(window)
    told = [f"{kind.name[0].upper()}{kind.name[1:]}: {', '.join(counts(kind))}." for kind in kinds]
    upper = window.outputs
    alternative = f"Connections from {size} neuron{'s' if size > 1 else ''} to {upper}. {' '.join(told)}"
    width = 3 * PANEL + 2 * GAP + 0.4
    made, axis = cells.sheet(width, HEIGHT, 1.0, alternative)
    for number, kind in enumerate(kinds):
        _draw(axis, 0.2 + number * (PANEL + GAP), window, kind)
    return made


def connections(window: Window) -> tuple[Connections, Connections, Connections]:
    """Return the lines of a dense layer, of a locally connected one and of a convolution.

    Args:
        window: along the row of neurons; the dense layer sees all of them instead.
    """
    outputs = range(window.outputs)
    dense = tuple((i, o, o * window.size + i) for o in outputs for i in range(window.size))
    seen = [(i, o, tap) for o in outputs for tap, i in enumerate(window.seen(o))]
    local = tuple((i, o, o * window.window + tap) for i, o, tap in seen)
    return (
        Connections("dense", dense, len(outputs)),
        Connections(f"locally connected (windows of {window.window})", local, len(outputs)),
        Connections(f"convolution (windows of {window.window}, shared)", tuple(seen), 1),
    )


def counts(kind: Connections) -> list[str]:
    """Return the figures under a panel, in words."""
    plural = "connection" if len(kind.lines) == 1 else "connections"
    different = "1 weight" if kind.weights == 1 else f"{kind.weights} different weights"
    biases = "the bias" if kind.biases == 1 else "the biases"
    return [f"{len(kind.lines)} {plural}", different, f"{kind.parameters} parameters with {biases}"]


def _draw(axis: Axes, left: float, window: Window, kind: Connections) -> None:
    """Draw one panel: rows of neurons, lines, name and figures."""
    step = min(PANEL / window.size, 0.5)
    start = left + (PANEL - step * (window.size - 1)) / 2
    below, above = 1.95, 0.75
    shift = (window.size - 1 - (window.outputs - 1) * window.stride) / 2
    inputs = [(start + step * i, below) for i in range(window.size)]
    outputs = [(start + step * (o * window.stride + shift), above) for o in range(window.outputs)]
    colors = _colors(kind.weights)
    axis.add_collection(
        LineCollection(
            [(inputs[i], outputs[o]) for i, o, _ in kind.lines],
            colors=[colors[weight] for _, _, weight in kind.lines],
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
            facecolors=cells.GREY,
            zorder=2,
        )
    )
    middle = left + PANEL / 2
    axis.text(middle, 0.32, kind.name, ha="center", va="center", size=cells.LARGE)
    for number, text in enumerate(counts(kind)):
        axis.text(middle, 2.35 + 0.22 * number, text, ha="center", va="center", size=cells.PLAIN)


def _colors(number: int) -> list:
    """Return as many different colors as that, legible on white and on black."""
    if number <= len(COLORS):
        return list(COLORS[:number])
    return [colorsys.hls_to_rgb(n / number, 0.38 + 0.16 * (n % 2), 0.75) for n in range(number)]
