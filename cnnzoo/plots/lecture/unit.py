"""A single unit, and the functions that bend its sum."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.patches import Circle

from cnnzoo import checks
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.picture import COLORS, Picture, light_grid, picture

MOST = 12  # inputs, beyond which lines and numbers cannot be told apart
FUNCTIONS = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "silu", "gelu", "softplus")
RANGE = 4.0  # the sums that activation functions are drawn for, from −4 to 4


def neuron(inputs: Any, weights: Any, bias: float = 0.0, activation: str = "tanh") -> Picture:
    """Draw a unit with its numbers: each input times its weight, the sum with the bias, and the activation.

    A line is blue for a positive weight, red for a negative one, and the wider the larger the weight is.

    Args:
        inputs: up to 12 numbers.
        weights: as many.
        bias: a number.
        activation: one of Keras' activation functions that work number by number, such as `"relu"`.

    Returns:
        A picture; its `alternative` has the sum and the activation.

    Raises:
        InputError: too many inputs, another number of weights, or no such function.

    Source: Rosenblatt, "The Perceptron", Psychological Review 65, 1958, with a step in the place of the function.

    Example:
    >>> from cnnzoo import plots
    >>> plots.neuron([1.0, 0.5, -1.0], [0.8, -0.4, 0.3], bias=0.1, activation="relu").alternative
    'A unit with 3 inputs: 1·0.8 + 0.5·(−0.4) + (−1)·0.3 + 0.1 = 0.4, and relu(0.4) = 0.4.'
    """
    values, kernel = _row("inputs", inputs), _row("weights", weights)
    if not 1 <= len(values) <= MOST or len(values) != len(kernel):
        raise InputError(
            f"`inputs` and `weights` must be equally many numbers, 1 to {MOST}. Received: {len(values)} and "
            f"{len(kernel)}"
        )
    bias = checks.number("bias", bias)
    total = float(values.astype("float64") @ kernel + bias)
    output = float(function(activation, np.array([total]))[0])
    terms = [f"{_factor(value)}·{_factor(weight)}" for value, weight in zip(values, kernel, strict=True)]
    sums = f"{' + '.join([*terms, _factor(bias)])} = {cells.printed(total)}"
    named = f"{activation}({cells.printed(total)}) = {cells.printed(output)}"
    plural = "input" if len(values) == 1 else "inputs"
    alternative = f"A unit with {len(values)} {plural}: {sums}, and {named}."
    height = max(2.0, 0.5 * len(values) + 0.6)
    figure, axis = cells.sheet(8.2, height, 1.0, alternative)
    middle, largest = height / 2 + 0.12, float(np.abs(kernel).max()) or 1.0
    rows = middle + 0.5 * (np.arange(len(values)) - (len(values) - 1) / 2)
    for y, value, weight in zip(rows, values, kernel, strict=True):
        color = COLORS[0] if weight >= 0 else COLORS[3]
        width = 0.5 + 3.0 * abs(float(weight)) / largest
        axis.plot((1.0, 3.6), (y, middle), color=color, linewidth=width, zorder=1, gid="weight")
        _circle(axis, 0.8, y, 0.21, cells.printed(value))
        at = 0.3  # of the way, where lines are still apart
        axis.text(
            1.0 + at * 2.6, y + at * (middle - y), cells.printed(weight), ha="center", va="center", size=cells.PLAIN,
            color=color, bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"},
        )  # fmt: skip
    for x, heading in ((0.8, "inputs"), (1.0 + 0.3 * 2.6, "weights")):
        axis.text(x, rows[0] - 0.36, heading, ha="center", va="center", size=cells.PLAIN)
    axis.plot((3.6, 6.9), (middle, middle), color=cells.GRAY, linewidth=1.5, zorder=0)
    _circle(axis, 3.8, middle, 0.33, cells.printed(total))
    _circle(axis, 5.4, middle, 0.42, activation)
    _circle(axis, 6.9, middle, 0.33, cells.printed(output))
    axis.text(3.8, middle - 0.5, "sum", ha="center", va="center", size=cells.PLAIN)
    axis.text(3.8, middle + 0.52, f"bias {cells.printed(bias)}", ha="center", va="center", size=cells.PLAIN)
    axis.text(5.4, middle - 0.59, "function", ha="center", va="center", size=cells.PLAIN)
    axis.text(6.9, middle - 0.5, "activation", ha="center", va="center", size=cells.PLAIN)
    return figure


def activation_functions(names: Sequence[str] = ("sigmoid", "tanh", "relu")) -> Picture:
    """Draw activation functions, and below each its slope, by which a gradient is multiplied on its way back.

    Args:
        names: of Keras' activation functions that work number by number, one to five.

    Returns:
        A picture; its `alternative` has the largest slope of each, and the slope at −4 and 4.

    Raises:
        InputError: no names, too many, or no such function.

    Example:
    >>> from cnnzoo import plots
    >>> plots.activation_functions(["sigmoid", "relu"]).alternative
    'Activation functions and their slopes: sigmoid, slope at most 0.25, 0.02 at −4 and 0.02 at 4; relu, slope at most
     1, 0 at −4 and 1 at 4.'
    """
    if isinstance(names, str) or not 1 <= len(names) <= len(COLORS):
        raise checks.refusal("names", f"one to {len(COLORS)} names of activation functions", names)
    sums = np.linspace(-RANGE, RANGE, 401)
    step = 1e-3
    curves = {name: function(name, sums) for name in names}
    slopes = {name: (function(name, sums + step / 2) - function(name, sums - step / 2)) / step for name in names}
    ends = [
        f"{name}, slope at most {cells.printed(each.max())}, {cells.printed(each[0])} at −4 and "
        f"{cells.printed(each[-1])} at 4"
        for name, each in slopes.items()
    ]
    figure = picture(2.6 * len(names) + 0.4, 3.8, f"Activation functions and their slopes: {'; '.join(ends)}.")
    axes = figure.subplots(2, len(names), sharex=True, sharey="row", squeeze=False)
    for (above, below), name, color in zip(axes.T, names, COLORS, strict=False):
        above.plot(sums, curves[name], color=color)
        below.plot(sums, slopes[name], color=color, linestyle="--")
        above.set_title(name, fontsize=10)
        below.set_xlabel("sum", fontsize=9)
        for axis in (above, below):
            axis.axhline(0, color=cells.GRAY, linewidth=0.6)
            axis.axvline(0, color=cells.GRAY, linewidth=0.6)
            axis.tick_params(labelsize=8)
            light_grid(axis)
    axes[0, 0].set_ylabel("activation", fontsize=9)
    axes[1, 0].set_ylabel("slope", fontsize=9)
    return figure


def function(name: str, values: np.ndarray) -> np.ndarray:
    """Return an activation function of numbers, in double precision.

    Raises:
        InputError: no such function.

    Example:
    >>> function("relu", np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    checks.choice("activation", name, FUNCTIONS, plural="activation functions")
    numbers = keras.ops.convert_to_tensor(np.asarray(values, "float64"), dtype="float64")
    return keras.ops.convert_to_numpy(keras.activations.get(name)(numbers))


def _row(name: str, values: Any) -> np.ndarray:
    try:
        numbers = np.asarray(values, "float64")
    except (TypeError, ValueError):
        raise checks.refusal(name, "a row of numbers", values) from None
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise checks.refusal(name, "a row of finite numbers", values)
    return numbers


def _circle(axis, x: float, y: float, radius: float, text: str) -> None:
    axis.add_patch(Circle((x, y), radius, facecolor="#f0f0f0", edgecolor=cells.GRAY, linewidth=1.2, zorder=2))
    size = min(cells.PLAIN, 72 * 2 * radius / (0.62 * len(text)))
    axis.text(x, y, text, ha="center", va="center", size=max(7.0, size), color="#0a0a0a", zorder=3)


def _factor(number: float) -> str:
    text = cells.printed(number)
    return f"({text})" if text.startswith("−") else text
