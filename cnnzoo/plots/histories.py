"""Training histories: learning curves, pretraining curves, and the results of variants."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.plots.picture import COLORS, Picture, label_logarithms, light_grid, listed, picture, plain

Columns = dict[str, np.ndarray]
PANELS = {
    "loss": "loss",
    "accuracy": "error (%)",
    "reconstruction": "reconstruction (nats)",
    "kl": "KL (nats)",
    "squared_error": "squared error per image",
    "learning_rate": "learning rate",
}
LOGARITHMIC = 20  # a panel is logarithmic from this ratio of its largest to its smallest value on


def learning_curves(history: Any, *, test: Mapping[str, Any] | None = None) -> Picture:
    """Draw the loss, the task's metric, and the learning rate over the epochs.

    Training metrics are means over each epoch, while the net changes; validation metrics are of the epoch's end.

    Args:
        history: a `cnnzoo.Run`; the `History` that `model.fit` returns, or its `history`; a list of rows, one per
            epoch; or a mapping from names to several of these, which are drawn over one another.
        test: metrics on the test images, by name, each drawn as a line with its value; of several histories, a mapping
            from their names to these.

    Returns:
        The figure.

    Raises:
        InputError: there is no run or no epoch, or `history` is none of these.

    Example:
    >>> figure = learning_curves({"loss": [2.0, 1.0, 0.5], "accuracy": [0.5, 0.8, 0.9]})
    >>> [axis.get_ylabel() for axis in figure.axes]
    ['loss', 'error (%)']
    """
    named = {name: columns(each) for name, each in _named(history).items()}
    metrics = [name for name in PANELS if any({name, f"val_{name}"} & set(each) for each in named.values())]
    if not metrics:
        names = sorted({name for each in named.values() for name in each})
        raise InputError(f"`history` must have one of {', '.join(PANELS)}. Received: {', '.join(names)}")
    epochs = max(len(next(iter(each.values()))) for each in named.values())
    tests: Mapping[str, Mapping[str, float]] = {"": test or {}} if len(named) == 1 else test or {}
    if len(named) > 1 and not (set(tests) <= set(named) and all(isinstance(each, Mapping) for each in tests.values())):
        raise InputError(
            f"`test` must have metrics by the names of the histories, {listed(list(named))}. Received: {test!r:.200}"
        )
    figure = picture(3.2 * len(metrics), 2.7, _curves_description(named, metrics, epochs, tests))
    for axis, name in zip(np.atleast_1d(figure.subplots(1, len(metrics))), metrics, strict=True):
        for (label, each), color in zip(named.items(), itertools.cycle(COLORS), strict=False):
            for key, style in ((name, "-"), (f"val_{name}", "--")):
                if key in each:
                    values = as_drawn(name, each[key])
                    split = "validation" if key.startswith("val_") else "training"
                    text = split if len(named) == 1 else plain(f"{label}, {split}")
                    marker = "." if len(values) == 1 else ""
                    axis.plot(range(1, len(values) + 1), values, style, color=color, label=text, marker=marker)
        for (label, metrics_of), color in zip(tests.items(), itertools.cycle(COLORS), strict=False):
            if name in metrics_of:
                value = float(as_drawn(name, metrics_of[name]))
                text = f"test, at the end: {value:.3g}"
                line = {"color": COLORS[3]} if len(named) == 1 else {"color": color, "linestyle": ":"}
                axis.axhline(value, linewidth=1, label=text if len(named) == 1 else plain(f"{label}, {text}"), **line)
        _finish(axis, PANELS[name], legend=name != "learning_rate")
    return figure


def columns(history: Any) -> Columns:
    """Return a history as a mapping from its metrics to one value per epoch.

    Raises:
        InputError: there is no epoch, or it is no history.

    Example:
    >>> columns([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    {'epoch': array([1., 2.]), 'loss': array([2., 1.])}
    """
    epochs = getattr(history, "history", history)
    if isinstance(history, Run) and not epochs:
        _ = history.content  # it raises the error for a folder without a run
        raise InputError(f"the run in {str(history.folder)!r} has not completed an epoch yet")
    if isinstance(epochs, Sequence) and epochs and all(isinstance(row, Mapping) for row in epochs):
        names = [name for name in epochs[0] if all(name in row for row in epochs)]
        epochs = {name: [row[name] for row in epochs] for name in names}
    if isinstance(epochs, Mapping) and epochs and all(_are_numbers(values) for values in epochs.values()):
        return {str(name): np.asarray(values, "float64") for name, values in epochs.items()}
    raise InputError(
        "`history` must be a run, the History of model.fit, or rows of at least one epoch, such as [{'loss': 0.5}]. "
        f"Received: {history!r:.200}"
    )


def _are_numbers(values: Any) -> bool:
    return (
        isinstance(values, Sequence | np.ndarray)
        and not isinstance(values, str)
        and len(values) > 0
        and all(isinstance(value, int | float | np.number) for value in values)
    )


def _named(history: Any) -> dict[str, Any]:
    if isinstance(history, Mapping) and history and not any(_are_numbers(values) for values in history.values()):
        return {str(name): each for name, each in history.items()}
    return {"": history}


def as_drawn(name: str, value: Any) -> Any:
    """Return a metric as it is drawn: an accuracy as the error in per cent."""
    return 100 * (1 - value) if name == "accuracy" else value


def _finish(axis: Axes, label: str, *, legend: bool) -> None:
    """Set scale, labels and legend of a panel over the epochs."""
    values = [value for line in axis.lines for value in np.asarray(line.get_ydata(), "float64")]
    positive = [value for value in values if value > 0]
    # Values below zero, such as the loss of `MaximumAPosteriori`, have no logarithm; a zero is drawn below the axis.
    drawable = positive and not any(value < 0 for value in values) and label != PANELS["learning_rate"]
    if drawable and max(positive) > LOGARITHMIC * min(positive):
        axis.set_yscale("log")
        label_logarithms(axis.yaxis)
    axis.set(xlabel="epoch", ylabel=label)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if legend:
        axis.legend(fontsize=7, frameon=False)
    light_grid(axis)


def _curves_description(named: Mapping[str, Columns], metrics: Sequence[str], epochs: int, tests: Mapping) -> str:
    ends = []
    for label, each in named.items():
        name = next((name for name in ("accuracy", "squared_error", "loss") if name in each), None)
        alone = next((name for name in ("accuracy", "squared_error", "loss") if f"val_{name}" in each), None)
        if not name and alone:
            of_validation = as_drawn(alone, each[f"val_{alone}"])
            values = f"to {float(of_validation[-1]):.3g}, at best {float(of_validation.min()):.3g}"
            ends.append(f"{label + ': ' if label else ''}{PANELS[alone]} in validation {values}")
        if name:
            first, last = (float(as_drawn(name, each[name][epoch])) for epoch in (0, -1))
            final = tests.get(label, {}).get(name)
            test = "" if final is None else f", {float(as_drawn(name, final)):.3g} on the test images"
            validation = each.get(f"val_{name}")
            if validation is not None:
                of_validation = as_drawn(name, validation)
                test = (
                    f", in validation to {float(of_validation[-1]):.3g}, at best {float(of_validation.min()):.3g}{test}"
                )
            prefix = f"{label}: " if label else ""
            ends.append(f"{prefix}{PANELS[name]} in training from {first:.3g} to {last:.3g}{test}")
    return f"Curves of {listed([PANELS[name] for name in metrics])} over {epochs} epochs. {'; '.join(ends)}."


def pretraining_curves(history: Mapping[str, Mapping[str, Sequence[float]]]) -> Picture:
    """Draw the loss of every layer in layer-wise pretraining over its epochs, in per cent of its first epoch.

    Each layer reconstructs what enters it, with a loss of its own: the shapes of the curves can be compared, and not
    the losses themselves, which are in the legend.

    Args:
        history: the `history` of a `cnnzoo.LayerwisePretraining`, or `run.metrics["pretraining"]`.

    Returns:
        The figure.

    Raises:
        InputError: it is no such history.

    Example:
    >>> figure = pretraining_curves({"encoder_1": {"loss": [0.4, 0.3]}, "code": {"loss": [0.2, 0.1]}})
    >>> [line.get_ydata().round(1).tolist() for line in figure.axes[0].lines]
    [[100.0, 75.0], [100.0, 50.0]]
    """
    if not isinstance(history, Mapping) or not history:
        raise InputError(f"`history` must be a mapping from layers to their losses. Received: {history!r:.200}")
    layers = {name: columns(each)["loss"] for name, each in history.items() if columns(each).get("loss") is not None}
    if not layers:
        raise InputError(f"`history` must have the loss of a layer. Received: {history!r:.200}")
    ends = [f"{name} from {loss[0]:.3g} to {loss[-1]:.3g}" for name, loss in layers.items()]
    description = f"Loss of each pretrained layer over its epochs, in % of its first epoch: {listed(ends)}."
    figure = picture(5.4, 3.0, description)
    axis = figure.subplots()
    for end, loss, color in zip(ends, layers.values(), itertools.cycle(COLORS), strict=False):
        percent = 100 * loss / (loss[0] or 1.0)
        axis.plot(range(1, len(loss) + 1), percent, color=color, label=plain(end), marker="." if len(loss) == 1 else "")
    _finish(axis, "loss (% of the first epoch)", legend=True)
    return figure


def variants(rows: Sequence[Mapping[str, Any]]) -> Picture:
    """Draw the test results of a study's variants: every seed, the mean, and the standard deviation.

    Args:
        rows: those of a `cnnzoo.training.study.Comparison`; of each are read `variant`, `unit`, `errors` and `mean`.

    Returns:
        The figure.

    Raises:
        InputError: there are no rows.

    Example:
    >>> figure = variants([{"variant": "plain", "unit": "test error (%)", "errors": [1.2, 1.4], "mean": 1.3}])
    >>> figure.axes[0].get_xlabel()
    'test error (%)'
    """
    if not rows:
        raise InputError("`rows` must be those of a finished study. Received none")
    if len(units := {row["unit"] for row in rows}) > 1:
        raise InputError(f"`rows` must have one metric to be drawn on one axis. Received: {listed(sorted(units))}")
    means = [f"{row['variant']} {row['mean']:.3g} (n={len(row['errors'])})" for row in rows]
    figure = picture(6.4, 0.9 + 0.34 * len(rows), f"{rows[0]['unit']} of each variant, mean: {listed(means)}.")
    axis = figure.subplots()
    for y, row in enumerate(rows):
        errors = np.asarray(row["errors"], "float64")
        if len(errors) > 1:
            axis.errorbar(row["mean"], y, xerr=errors.std(ddof=1), color=COLORS[0], capsize=3, linewidth=1)
        axis.plot(errors, np.full(len(errors), y), "o", color=COLORS[0], alpha=0.5, markersize=4)
        axis.plot(row["mean"], y, "|", color=COLORS[3], markersize=14, markeredgewidth=2)
    axis.set(
        yticks=range(len(rows)), yticklabels=[plain(row["variant"]) for row in rows], xlabel=plain(rows[0]["unit"])
    )
    axis.set_ylim(len(rows) - 0.4, -0.6)  # from the first row downwards, with room for its marks
    light_grid(axis)
    return figure
