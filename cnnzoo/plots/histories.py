"""Training as curves: epoch by epoch, layer by layer, and variant by variant."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cnnzoo.errors import InputError
from cnnzoo.plots.picture import COLORS, Picture, lines, listed, picture, plain

Columns = dict[str, np.ndarray]
PANELS = {
    "loss": "loss",
    "accuracy": "wrong (%)",
    "squared_error": "squared error of an image",
    "learning_rate": "learning rate",
}
LOGARITHMIC = 20  # of the largest value to the smallest, from which on a panel is


def learning_curves(history: Any, *, test: Mapping[str, float] | None = None) -> Picture:
    """Draw loss, what the task is judged by, and the learning rate over the epochs.

    Training figures are means over each epoch, while the net changes; those of validation are of its end.

    Args:
        history: a `cnnzoo.Run`; what `model.fit` returns, or its `history`; a list of rows, one an epoch; or several
            of these in a mapping from their names, to be laid over one another.
        test: figures on the test images, by the names of the metrics, drawn as a line; of one history only.

    Returns:
        The figure.

    Raises:
        InputError: there is no epoch, or `history` is none of these.

    Example:
    >>> figure = learning_curves({"loss": [2.0, 1.0, 0.5], "accuracy": [0.5, 0.8, 0.9]})
    >>> [axis.get_ylabel() for axis in figure.axes]
    ['loss', 'wrong (%)']
    """
    named = {name: columns(each) for name, each in _named(history).items()}
    shown = [name for name in PANELS if any({name, f"val_{name}"} & set(each) for each in named.values())]
    if not shown:
        names = sorted({name for each in named.values() for name in each})
        raise InputError(f"history has none of {', '.join(PANELS)}, which are drawn, but {', '.join(names)}")
    epochs = max(len(next(iter(each.values()))) for each in named.values())
    made = picture(3.2 * len(shown), 2.7, _curves_in_words(named, shown, epochs))
    for axis, name in zip(np.atleast_1d(made.subplots(1, len(shown))), shown, strict=True):
        for (label, each), color in zip(named.items(), _colors(len(named)), strict=False):
            for key, style in ((name, "-"), (f"val_{name}", "--")):
                if key in each:
                    values = as_shown(name, each[key])
                    what = "validation" if key.startswith("val_") else "training"
                    text = what if len(named) == 1 else plain(f"{label}, {what}")
                    dot = "." if len(values) == 1 else ""
                    axis.plot(range(1, len(values) + 1), values, style, color=color, label=text, marker=dot)
        if test and name in test and len(named) == 1:
            axis.axhline(float(as_shown(name, test[name])), color=COLORS[3], linewidth=1, label="test, at the end")
        _finish(axis, PANELS[name], legend=name != "learning_rate")
    return made


def columns(history: Any) -> Columns:
    """Return a history as a mapping from its names to one value an epoch.

    Raises:
        InputError: there is no epoch, or it is no history.

    Example:
    >>> columns([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    {'epoch': array([1., 2.]), 'loss': array([2., 1.])}
    """
    found = getattr(history, "history", history)
    if isinstance(found, Sequence) and found and all(isinstance(row, Mapping) for row in found):
        names = [name for name in found[0] if all(name in row for row in found)]
        found = {name: [row[name] for row in found] for name in names}
    if isinstance(found, Mapping) and found and all(_numbers(values) for values in found.values()):
        return {str(name): np.asarray(values, "float64") for name, values in found.items()}
    raise InputError(
        "history must be a run, what model.fit returns, or rows with at least one epoch, such as [{'loss': 0.5}], "
        f"not {history!r:.200}"
    )


def _numbers(values: Any) -> bool:
    return (
        isinstance(values, Sequence | np.ndarray)
        and not isinstance(values, str)
        and len(values) > 0
        and all(isinstance(value, int | float | np.number) for value in values)
    )


def _named(history: Any) -> dict[str, Any]:
    if isinstance(history, Mapping) and history and not any(_numbers(values) for values in history.values()):
        return {str(name): each for name, each in history.items()}
    return {"": history}


def as_shown(name: str, value: Any) -> Any:
    """Return a figure as it is drawn: an accuracy as the share in per cent that is wrong."""
    return 100 * (1 - value) if name == "accuracy" else value


def _colors(count: int) -> list[str]:
    return [COLORS[number % len(COLORS)] for number in range(count)]


def _finish(axis: Axes, label: str, *, legend: bool, over: str = "epoch") -> None:
    values = [value for line in axis.lines for value in np.asarray(line.get_ydata(), "float64")]
    positive = [value for value in values if value > 0]
    if positive and max(positive) > LOGARITHMIC * min(positive) and label != PANELS["learning_rate"]:
        axis.set_yscale("log")
    axis.set(xlabel=over, ylabel=label)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if legend:
        axis.legend(fontsize=7, frameon=False)
    lines(axis)


def _curves_in_words(named: Mapping[str, Columns], shown: Sequence[str], epochs: int) -> str:
    ends = []
    for label, each in named.items():
        name = next((name for name in ("accuracy", "squared_error", "loss") if name in each), None)
        if name:
            first, last = (float(as_shown(name, each[name][place])) for place in (0, -1))
            ends.append(f"{label + ': ' if label else ''}{PANELS[name]} in training from {first:.3g} to {last:.3g}")
    return f"Curves of {listed([PANELS[name] for name in shown])} over {epochs} epochs. {'; '.join(ends)}."


def pretraining_curves(history: Mapping[str, Mapping[str, Sequence[float]]]) -> Picture:
    """Draw the loss of every layer in layer-wise pretraining over its epochs.

    Args:
        history: the `history` of a `cnnzoo.LayerwisePretraining`, or `run.metrics["pretraining"]`.

    Returns:
        The figure.

    Raises:
        InputError: it is no such history.

    Example:
    >>> figure = pretraining_curves({"encoder_1": {"loss": [0.4, 0.3]}, "code": {"loss": [0.2, 0.1]}})
    >>> [axis.get_title() for axis in figure.axes]
    ['encoder_1', 'code']
    """
    if not isinstance(history, Mapping) or not history:
        raise InputError(f"history must name the loss of each pretrained layer, not be {history!r:.200}")
    layers = {name: columns(each)["loss"] for name, each in history.items() if columns(each).get("loss") is not None}
    if not layers:
        raise InputError(f"history has the loss of no layer: {history!r:.200}")
    ends = [f"{name} from {loss[0]:.3g} to {loss[-1]:.3g}" for name, loss in layers.items()]
    made = picture(max(3.2, 2.1 * len(layers)), 2.3, f"Loss of each pretrained layer over its epochs: {listed(ends)}.")
    for axis, (name, loss) in zip(np.atleast_1d(made.subplots(1, len(layers))), layers.items(), strict=True):
        axis.plot(range(1, len(loss) + 1), loss, color=COLORS[0], marker="." if len(loss) == 1 else "")
        _finish(axis, "loss" if name == next(iter(layers)) else "", legend=False)
        axis.set_title(plain(name), fontsize=9)
    return made


def variants(rows: Sequence[Mapping[str, Any]]) -> Picture:
    """Draw what the variants of a study reach on the test images: every seed, the mean, and the standard deviation.

    Args:
        rows: those of a `cnnzoo.training.study.Comparison`; of each are read `variant`, `unit`, `errors` and `mean`.

    Returns:
        The figure.

    Raises:
        InputError: there are no rows.

    Example:
    >>> figure = variants([{"variant": "plain", "unit": "test error %", "errors": [1.2, 1.4], "mean": 1.3}])
    >>> figure.axes[0].get_xlabel()
    'test error %'
    """
    if not rows:
        raise InputError("rows must be those of a finished study, and there are none")
    if len(units := {row["unit"] for row in rows}) > 1:
        raise InputError(f"variants must be judged alike to be drawn on one axis, not by {listed(sorted(units))}")
    said = [f"{row['variant']} {row['mean']:.3g} (n={len(row['errors'])})" for row in rows]
    made = picture(6.4, 0.9 + 0.34 * len(rows), f"{rows[0]['unit']} of each variant, mean: {listed(said)}.")
    axis = made.subplots()
    for place, row in enumerate(rows):
        errors = np.asarray(row["errors"], "float64")
        if len(errors) > 1:
            axis.errorbar(row["mean"], place, xerr=errors.std(ddof=1), color=COLORS[0], capsize=3, linewidth=1)
        axis.plot(errors, np.full(len(errors), place), "o", color=COLORS[0], alpha=0.5, markersize=4)
        axis.plot(row["mean"], place, "|", color=COLORS[3], markersize=14, markeredgewidth=2)
    axis.set(
        yticks=range(len(rows)), yticklabels=[plain(row["variant"]) for row in rows], xlabel=plain(rows[0]["unit"])
    )
    axis.invert_yaxis()
    lines(axis)
    return made
