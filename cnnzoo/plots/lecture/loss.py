"""How a net learns: softmax and cross-entropy, gradient descent, and backpropagation through a chain of units."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from cnnzoo import checks
from cnnzoo.errors import InputError
from cnnzoo.plots.lecture import cells
from cnnzoo.plots.lecture.unit import function
from cnnzoo.plots.picture import COLORS, Picture, light_grid, picture, plain

CLASSES = 20
PATHS = 5  # learning rates
STEPS = 1000
CONTOURS = 12
ROOM = 1.7  # how far from the lowest point a path is drawn, by the distance of the start
SLOPE_STEP = 1e-4  # of the differences that the gradient is computed by


def cross_entropy(logits: Any, label: int, class_names: Sequence[str] | None = None) -> Picture:
    """Draw the outputs of a net, their softmax, and the cross-entropy: −log of the true class' probability.

    Args:
        logits: 2 to 20 numbers, one for each class.
        label: index of the true class, whose bar is colored.
        class_names: name of each class; default their indices.

    Returns:
        A picture; its `alternative` has the probability and the loss.

    Raises:
        InputError: too few or too many numbers, or no such class.

    Source: Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs", 1990.

    Example:
    >>> from cnnzoo import plots
    >>> plots.cross_entropy([2.0, 1.0, -1.0], 0, ["cat", "dog", "emu"]).alternative
    'The outputs 2, 1 and −1, and their softmax: cat 71 %, dog 26 % and emu 4 %. The true class is cat, and the
     cross-entropy −log 0.705 = 0.349.'
    """
    try:
        outputs = np.asarray(logits, "float64")
    except (TypeError, ValueError):
        raise checks.refusal("logits", "a row of numbers", logits) from None
    if outputs.ndim != 1 or not 2 <= len(outputs) <= CLASSES or not np.isfinite(outputs).all():
        raise checks.refusal("logits", f"2 to {CLASSES} finite numbers", logits)
    label = checks.integer("label", label, 0, len(outputs) - 1)
    names = [str(number) for number in range(len(outputs))] if class_names is None else [*map(str, class_names)]
    if len(names) != len(outputs):
        raise InputError(f"`class_names` must be one for each of {len(outputs)} logits. Received: {len(names)}")
    shares = np.exp(outputs - outputs.max())
    shares /= shares.sum()
    loss = float(outputs.max() + math.log(np.exp(outputs - outputs.max()).sum()) - outputs[label])
    *first, last = [cells.printed(each) for each in outputs]
    percent = [f"{name} {100 * share:.0f} %" for name, share in zip(names, shares, strict=True)]
    formula = f"−log {shares[label]:.3f} = {loss:.3f}"
    figure = picture(
        7.6,
        1.2 + 0.28 * len(outputs),
        f"The outputs {', '.join(first)} and {last}, and their softmax: {', '.join(percent[:-1])} and {percent[-1]}. "
        f"The true class is {names[label]}, and the cross-entropy {formula}.",
    )
    left, right = figure.subplots(1, 2, sharey=True)
    colors = [COLORS[1] if number == label else "#9aa0a6" for number in range(len(outputs))]
    left.barh(range(len(outputs)), outputs, color=colors)
    right.barh(range(len(outputs)), shares, color=colors)
    for row, share in enumerate(shares):
        inside = share > 0.8
        right.text(
            share + (-0.02 if inside else 0.02), row, f"{100 * share:.1f} %", va="center", fontsize=8,
            ha="right" if inside else "left", color="#0a0a0a" if inside else "black",
        )  # fmt: skip
    left.set(yticks=range(len(outputs)), yticklabels=[plain(name) for name in names], xlabel="output (logit)")
    right.set(xlim=(0, 1), xlabel="probability, by softmax")
    left.set_title(f"the true class is {plain(names[label])}", fontsize=9)
    right.set_title(f"cross-entropy: {formula}", fontsize=9)
    left.invert_yaxis()
    for axis in (left, right):
        light_grid(axis)
    return figure


def gradient_descent(
    loss: Callable[..., float],
    start: float | Sequence[float],
    learning_rates: Sequence[float] = (0.1,),
    *,
    steps: int = 10,
    names: Sequence[str] | None = None,
) -> Picture:
    """Draw gradient descent on a loss of one or two weights: on its curve, or on its contours.

    Each step subtracts the learning rate times the slope. The slope is computed from differences, so that any function
    of numbers can be the loss. A path that leaves what is drawn ends there.

    Args:
        loss: a function of one number, or of two.
        start: the weight that it starts from, or a pair of them.
        learning_rates: one to five; each has a panel.
        steps: of descent, 1 to 1,000.
        names: of the weights, for the axes; default "weight", or "first weight" and "second weight".

    Returns:
        A picture; its `alternative` has the loss before and after.

    Raises:
        InputError: an argument out of range, or a loss that is no number at the start.

    Source: Cauchy, "Méthode générale pour la résolution des systèmes d'équations simultanées", 1847.

    Example:
    >>> from cnnzoo import plots
    >>> plots.gradient_descent(lambda w: w**2, 2.0, [0.1, 1.1], steps=5).alternative
    'Gradient descent on a loss of one weight, from 2: with learning rate 0.1 the loss falls from 4 to 0.43 in 5 steps;
     with learning rate 1.1 it rises from 4 to 24.77.'
    """
    position = np.atleast_1d(np.asarray(start, "float64"))
    if position.ndim != 1 or len(position) not in (1, 2) or not np.isfinite(position).all():
        raise checks.refusal("start", "a number or a pair of numbers", start)
    steps = checks.integer("steps", steps, 1, STEPS)
    if isinstance(learning_rates, str) or not 1 <= len(learning_rates) <= PATHS:
        raise checks.refusal("learning_rates", f"one to {PATHS} numbers", learning_rates)
    rates = [checks.number("learning_rates", rate, above=0) for rate in learning_rates]
    if not math.isfinite(_value(loss, position)):
        raise checks.refusal("loss", "a function that is finite at the start", _value(loss, position))
    paths = [descended(loss, position, rate, steps) for rate in rates]
    ends = [
        _described(loss, path, rate, steps, first=not number)
        for number, (path, rate) in enumerate(zip(paths, rates, strict=True))
    ]
    at = " and ".join(cells.printed(each) for each in position)
    kind = "one weight" if len(position) == 1 else "two weights"
    names = names or (["weight"] if len(position) == 1 else ["first weight", "second weight"])
    figure = picture(
        2.9 * len(rates) + 0.5, 3.1, f"Gradient descent on a loss of {kind}, from {at}: {'; '.join(ends)}."
    )
    axes = np.atleast_1d(figure.subplots(1, len(rates), sharey=True))
    reach = _reach(loss, paths)
    draw = _curve if len(position) == 1 else _contours
    for axis, path, rate in zip(axes, paths, rates, strict=True):
        draw(axis, loss, path, reach)
        axis.set_title(f"learning rate {rate:g}", fontsize=9)
        axis.set_xlabel(names[0], fontsize=9)
        axis.tick_params(labelsize=8)
    axes[0].set_ylabel("loss" if len(position) == 1 else names[1], fontsize=9)
    return figure


def descended(loss: Callable[..., float], start: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """Return the positions of gradient descent, the start included: `(steps + 1, weights)`.

    It ends early where the loss is no finite number any more.

    Example:
    >>> descended(lambda w: w**2, np.array([2.0]), 0.25, 2).round(3).tolist()
    [[2.0], [1.0], [0.5]]
    """
    path = [np.asarray(start, "float64")]
    for _ in range(steps):
        here = path[-1]
        step = SLOPE_STEP * np.maximum(1.0, np.abs(here))
        sides = [(here + each, here - each) for each in np.diag(step)]
        slope = np.array([(_value(loss, up) - _value(loss, down)) for up, down in sides]) / (2 * step)
        after = here - rate * slope
        if not (np.isfinite(after).all() and math.isfinite(_value(loss, after))):
            break
        path.append(after)
    return np.stack(path)


def _value(loss: Callable[..., float], position: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        try:
            return float(loss(*map(float, position)))
        except OverflowError:
            return math.inf


def _described(loss: Callable[..., float], path: np.ndarray, rate: float, steps: int, *, first: bool) -> str:
    before, after = _value(loss, path[0]), _value(loss, path[-1])
    goes = "stays" if abs(after - before) < 5e-3 else "falls" if after < before else "rises"
    what, during = ("the loss", f" in {steps} step{'s' if steps > 1 else ''}") if first else ("it", "")
    way = (
        f"at {cells.printed(before)}" if goes == "stays" else f"from {cells.printed(before)} to {cells.printed(after)}"
    )
    return f"with learning rate {rate:g} {what} {goes} {way}{during}"


def _reach(loss: Callable[..., float], paths: Sequence[np.ndarray]) -> np.ndarray:
    """Return the smallest and the largest weights that are drawn, `(2, weights)`.

    The lowest point that was found is in the middle of what is drawn. Around it there is room for the start, and for
    what is up to `ROOM` times as far away: of a path that goes away, the first points.
    """
    points = np.concatenate(paths)
    lowest = points[int(np.argmin([_value(loss, point) for point in points]))]
    far = max(float(np.abs(points[0] - lowest).max()), 1e-3)
    near = points[(np.abs(points - lowest) <= ROOM * far).all(axis=1)]
    low, high = np.minimum(near.min(axis=0), lowest - 0.5 * far), np.maximum(near.max(axis=0), lowest + 0.5 * far)
    return np.stack([low - 0.15 * far, high + 0.15 * far])


def _curve(axis: Axes, loss: Callable[..., float], path: np.ndarray, reach: np.ndarray) -> None:
    (low,), (high,) = reach
    weights = np.linspace(low, high, 300)
    values = [_value(loss, np.array([weight])) for weight in weights]
    axis.plot(weights, values, color=cells.GRAY, linewidth=1.4)
    losses = [_value(loss, point) for point in path]
    axis.plot(path[:, 0], losses, "o-", color=COLORS[1], markersize=4, linewidth=1.0)
    axis.plot(path[0, 0], losses[0], "o", color=COLORS[3], markersize=7)
    top, bottom = max(values), min(values)
    axis.set(xlim=(low, high), ylim=(bottom - 0.06 * (top - bottom), top + 0.06 * (top - bottom)))
    light_grid(axis)


def _contours(axis: Axes, loss: Callable[..., float], path: np.ndarray, reach: np.ndarray) -> None:
    (left, bottom), (right, top) = reach
    x, y = np.linspace(left, right, 80), np.linspace(bottom, top, 80)
    values = np.array([[_value(loss, np.array([one, other])) for one in x] for other in y])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    levels = low + (high - low) * np.linspace(0, 1, CONTOURS) ** 2  # closer together in the valley
    axis.contour(x, y, values, levels=levels[1:], colors=cells.GRAY, linewidths=0.8)
    row, column = np.unravel_index(int(np.nanargmin(values)), values.shape)
    axis.plot(path[:, 0], path[:, 1], "o-", color=COLORS[1], markersize=3.5, linewidth=1.1)
    axis.plot(path[0, 0], path[0, 1], "o", color=COLORS[3], markersize=7)
    axis.plot(x[column], y[row], "+", color=cells.GRAY, markersize=8, zorder=1)  # the lowest
    axis.set(xlim=(left, right), ylim=(bottom, top))


def backpropagation(
    x: float, weights: Sequence[float], biases: Sequence[float], target: float, activation: str = "tanh"
) -> Picture:
    """Draw a chain of units with its numbers forwards, and the slope of the loss backwards, by the chain rule.

    Each unit has one input: its activation is f(w·x + b). The loss is half the squared difference from the target.
    Below each value stands the slope of the loss by it: by how much the loss changes per change of this value.

    Args:
        x: the input.
        weights: of each unit, one to four.
        biases: as many.
        target: what the last activation is to be.
        activation: one of Keras' activation functions that work number by number.

    Returns:
        A picture; its `alternative` has the numbers, the loss and the slopes by all weights.

    Raises:
        InputError: too many weights, another number of biases, or no such function.

    Source: Rumelhart, Hinton and Williams, "Learning Representations by Back-Propagating Errors", Nature 323, 1986.

    Example:
    >>> from cnnzoo import plots
    >>> plots.backpropagation(1.0, [0.5, 2.0], [0.0, 0.0], target=0.0, activation="linear").alternative
    'A chain of 2 units with f = linear, the input 1, the weights 0.5 and 2 and the biases 0 and 0: activations 0.5 and
     1, loss 0.5. Backwards, the slope of the loss by the weights is 2 and 0.5.'
    """
    if not 1 <= len(weights) <= 4 or len(weights) != len(biases):
        raise InputError(
            f"`weights` and `biases` must be equally many numbers, 1 to 4. Received: {len(weights)} and {len(biases)}"
        )
    chain = chain_rule(x, weights, biases, target, activation)
    activations, by_weights = (
        " and ".join(cells.printed(each) for each in values)
        for values in (chain["activations"][1:], chain["by_weights"])
    )
    given = [" and ".join(cells.printed(each) for each in values) for values in (weights, biases)]
    units, plural = ("1 unit", "") if len(weights) == 1 else (f"{len(weights)} units", "s")
    figure, axis = cells.sheet(
        1.7 + 1.75 * len(weights),
        2.7,
        1.0,
        f"A chain of {units} with f = {activation}, the input {cells.printed(x)}, the weight{plural} {given[0]} and "
        f"the bias{'es' if plural else ''} {given[1]}: activation{plural} {activations}, "
        f"loss {cells.printed(chain['loss'])}. Backwards, the slope of the loss by the weight{plural} is {by_weights}.",
    )
    line = 1.3
    axis.plot((0.5, 0.85 + 1.75 * len(weights)), (line, line), color=cells.GRAY, linewidth=1.2, zorder=0)
    forwards = f"forwards →  a1 = f(w1·x + b1){', …' if len(weights) > 1 else ''};  f = {activation}"
    axis.text(0.12, 0.3, forwards, size=cells.PLAIN, va="center", color=COLORS[0])
    axis.text(0.12, 2.45, "← backwards: slope of the loss", size=cells.PLAIN, va="center", color=COLORS[3])
    for number, (value, slope) in enumerate(zip(chain["activations"], chain["by_activations"], strict=True)):
        at = 0.5 + 1.75 * number
        _node(axis, at, line, "x" if not number else f"a{number}", value, slope)
        if number:
            weight, by_weight = weights[number - 1], chain["by_weights"][number - 1]
            middle = at - 0.875
            axis.text(middle, line - 0.36, f"w{number} = {cells.printed(weight)}", ha="center", va="center", size=8)
            bias = f"b{number} = {cells.printed(biases[number - 1])}"
            axis.text(middle, line - 0.15, bias, ha="center", va="center", size=8)
            axis.text(
                middle,
                line + 0.2,
                f"slope {cells.printed(by_weight)}",
                ha="center",
                va="center",
                size=8,
                color=COLORS[3],
            )
    end = 0.5 + 1.75 * len(weights) + 0.72
    text = f"target {cells.printed(target)}\nloss {cells.printed(chain['loss'])}"
    axis.text(end - 0.28, line, text, ha="left", va="center", size=8)
    return figure


def chain_rule(x: float, weights: Sequence[float], biases: Sequence[float], target: float, activation: str) -> dict:
    """Return the activations of a chain of units, the loss, and its slopes by activations and by weights.

    Example:
    >>> [round(slope, 6) for slope in chain_rule(1.0, [0.5], [0.0], 0.0, "linear")["by_weights"]]
    [0.5]
    """
    activations, sums = [float(x)], []
    for weight, bias in zip(weights, biases, strict=True):
        sums.append(weight * activations[-1] + bias)
        activations.append(float(function(activation, np.array([sums[-1]]))[0]))
    slope = activations[-1] - target
    by_activations, by_weights = [slope], list[float]()
    for number in reversed(range(len(weights))):
        near = np.array([sums[number] + SLOPE_STEP, sums[number] - SLOPE_STEP])
        bend = float(np.subtract(*function(activation, near)) / (2 * SLOPE_STEP))
        by_weights.insert(0, slope * bend * activations[number])
        slope *= bend * weights[number]
        by_activations.insert(0, slope)
    loss = (activations[-1] - target) ** 2 / 2
    return {"activations": activations, "loss": loss, "by_activations": by_activations, "by_weights": by_weights}


def _node(axis: Axes, x: float, y: float, name: str, value: float, slope: float) -> None:
    axis.add_patch(Circle((x, y), 0.2, facecolor="#f0f0f0", edgecolor=cells.GRAY, linewidth=1.2, zorder=2))
    axis.text(x, y, name, ha="center", va="center", size=cells.PLAIN, color="#0a0a0a", zorder=3)
    axis.text(x, y - 0.42, cells.printed(value), ha="center", va="center", size=cells.PLAIN, color=COLORS[0])
    axis.text(x, y + 0.45, cells.printed(slope), ha="center", va="center", size=cells.PLAIN, color=COLORS[3])
