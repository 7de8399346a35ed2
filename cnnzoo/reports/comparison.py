"""A page about several runs, or about a study."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo import plots
from cnnzoo.analysis import ModelCode
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run, error_of
from cnnzoo.plots.codes import decoded
from cnnzoo.reports import autoencoder
from cnnzoo.reports.run_data import RunData, run_data_of
from cnnzoo.reports.sections import Section, Table, drawn
from cnnzoo.weights.shipped_models import formatted_metrics

EXAMPLES = 10


def comparison_page(runs: list[Run]) -> tuple[str, list[str], list[Section]]:
    """Return title, summary and sections of a page about several runs.

    Raises:
        InputError: a run is not finished, is given twice, or its data cannot be had.
    """
    named = names(runs)
    metrics = {name: _tested(run) for name, run in named.items()}
    units = {(error_of(each)[0], each["data"], each["test_examples"]) for each in metrics.values()}
    summary = [f"{len(runs)} runs, each of one seed: n=1 for every metric."]
    if len(units) == 1:  # else they are not of the same images
        best = min(metrics, key=lambda name: error_of(metrics[name])[1])
        summary.append(f"Lowest {units.pop()[0]}: {error_of(metrics[best])[1]:.3f}, {best}.")
    sections = [_metrics(metrics), _differences(named), curves_of(named)]
    several = {name: run_data_of(run) for name, run in named.items()}
    classifiers = {name: each for name, each in several.items() if each.predictions is not None}
    autoencoders = {name: each for name, each in several.items() if each.predictions is None}
    if classifiers:
        sections.append(_classifiers(classifiers))
    if autoencoders:
        sections += _autoencoders(autoencoders)
    sections.append(_filters(several))
    return "Runs compared", summary, sections


def _tested(run: Run) -> dict[str, Any]:
    """Return a run's metrics.

    Raises:
        InputError: the folder holds a study or a search, or a trial, which has no test metrics.
    """
    _ = run.recipe  # it raises the error for a study and a search
    if "test" not in run.metrics:
        raise InputError(f"{str(run.folder)!r} holds a trial, which has no test metrics; give runs of `cnnzoo train`")
    return run.metrics


def names(runs: list[Run]) -> dict[str, Run]:
    """Return runs by the ends of their folders' paths, as short as they differ.

    Raises:
        InputError: a run is given twice.

    Example:
    >>> list(names([Run("runs/lenet/1"), Run("runs/lenet/2"), Run("runs/mlp/1")]))
    ['lenet/1', 'lenet/2', 'mlp/1']
    """
    parts = [Path(run.folder).resolve().parts for run in runs]
    if len(set(parts)) < len(runs):
        twice = next(run for run, part in zip(runs, parts, strict=True) if parts.count(part) > 1)
        raise InputError(f"each run must be given once. Received several times: {str(twice.folder)!r}")
    length = next(count for count in range(2, 99) if len({part[-count:] for part in parts}) == len(runs))
    return {"/".join(part[-length:]): run for part, run in zip(parts, runs, strict=True)}


def _metrics(metrics: Mapping[str, Any]) -> Section:
    rows = [
        (
            name,
            each["model"],
            f"{each['parameters']:,}",
            formatted_metrics({**each["test"], "images": each["test_examples"]}),
            each["epochs"],
            f"{each['train_seconds']:.0f} s",
            f"{each['images_per_second']:,}",
        )
        for name, each in metrics.items()
    ]
    headings = ("run", "model", "parameters", "test", "epochs", "training", "images/s")
    return Section("Metrics", [Table(headings, rows)])


def _differences(named: Mapping[str, Run]) -> Section:
    recipes = {name: run.recipe.to_dict() for name, run in named.items()}
    values = sorted({value for recipe in recipes.values() for value in recipe})
    differing = [value for value in values if len({str(recipe.get(value)) for recipe in recipes.values()}) > 1]
    rows = [(value, *(str(recipe.get(value)) for recipe in recipes.values())) for value in differing]
    if not rows:
        return Section("Recipe differences", ["None: all runs have the same recipe and seed."])
    return Section("Recipe differences", [Table(("value", *recipes), rows, "All other values are the same.")])


def curves_of(named: Mapping[str, Run], of: str = "") -> Section:
    """Return the section with the learning curves of several runs in the same axes.

    Args:
        named: runs by their names.
        of: a further sentence for the caption.
    """
    caption = f"Training metrics are means over an epoch, while the net changes.{of}"
    return Section("Learning", [drawn("learning_curves", caption, lambda: plots.learning_curves(named))])


def _classifiers(several: Mapping[str, RunData]) -> Section:
    """Return the section with the errors of each run alone, and the confusion matrices."""
    parts: list[Any] = []
    predictions = {name: each.predictions for name, each in several.items() if each.predictions is not None}
    first, *others = several.values()
    labels = predictions[next(iter(several))].labels
    if others and all(
        np.array_equal(predictions[name].labels, labels)
        and each.class_names == first.class_names
        and np.array_equal(each.pixels, first.pixels)
        for name, each in several.items()
    ):
        wrong = {name: each.classes != labels for name, each in predictions.items()}
        counts = np.sum(list(wrong.values()), axis=0)  # of runs that misclassify each image
        rows = [(name, f"{mask.sum():,}", f"{(mask & (counts == 1)).sum():,}") for name, mask in wrong.items()]
        every = (counts == len(wrong)).sum()
        caption = f"{every:,} images are misclassified by every run, of {first.describe(len(labels))}."
        parts.append(Table(("run", "errors", "errors of this run alone"), rows, caption))
    for number, (name, each) in enumerate(predictions.items(), 1):
        run_data = several[name]
        parts.append(
            drawn(
                f"confusion_matrix_{number}",
                f"{name}, {run_data.describe(len(each.labels))}.",
                functools.partial(plots.confusion_matrix, each.labels, each.classes, run_data.class_names),
            )
        )
    return Section("Classes", parts)


def _autoencoders(several: Mapping[str, RunData]) -> list[Section]:
    """Return the sections with the reconstructions of the same images, and with error over code size."""
    first, *others = several.values()
    if any(not np.array_equal(each.inputs, first.inputs) for each in others):
        return [Section("Reconstructions", ["Not drawn: the runs have different test images."])]
    images = first.inputs[first.examples(EXAMPLES)]
    coders = {name: ModelCode(each.model) for name, each in several.items()}
    rows = {f"{name}: {coder.size} numbers": coder for name, coder in coders.items()}
    points = {name: (coders[name].size, each.run.metrics["test"]["squared_error"]) for name, each in several.items()}
    linear = autoencoder.components([size for size, _ in points.values()], first)
    caption = "The same test images reconstructed by each run. Below each is its squared error, the sum over pixels."
    return [
        Section("Reconstructions", [drawn("reconstructions", caption, lambda: decoded(images, rows))]),
        autoencoder.error_by_code_size(points, linear, first.inputs),
    ]


def _filters(several: Mapping[str, RunData]) -> Section:
    return Section(
        "First layers",
        [
            drawn(f"filters_{number}", name, functools.partial(plots.filters, each.model))
            for number, (name, each) in enumerate(several.items(), 1)
        ],
    )


def study_page(study: Run) -> tuple[str, list[str], list[Section]]:
    """Return title, summary and sections of the page of a study.

    Raises:
        InputError: the study is not finished.
    """
    rows, content = study.metrics["rows"], study.content
    seed = content["seeds"][0]
    runs = {name: Run(study.folder / name / f"seed{seed}") for name in content["variants"]}
    changes = [
        (name, ", ".join(f"{key}={value}" for key, value in each.items()) or "nothing")
        for name, each in content["variants"].items()
    ]
    sections = [
        _metrics_of_variants(rows),
        Section("Variants", [Table(("variant", "changes of the recipe"), changes)]),
        curves_of(runs, f" Of seed {seed}."),
        *_pretraining(runs, seed),
    ]
    return f"Study {study.metrics['study']}", _summary(rows), sections


def _summary(rows: list[dict[str, Any]]) -> list[str]:
    best, count = min(rows, key=lambda row: row["mean"]), len(rows[0]["errors"])
    sentences = [f"{len(rows)} variants, {count} seed{'s' if count > 1 else ''} each."]
    if len({row["unit"] for row in rows}) == 1:
        sentences.append(f"Lowest mean {best['unit']}: {best['mean']:.3f}, {best['variant']}, n={count}.")
    return sentences


def _metrics_of_variants(rows: list[dict[str, Any]]) -> Section:
    cells = [
        (
            row["variant"],
            row["model"],
            f"{row['parameters']:,}",
            row["unit"].removeprefix("test "),
            ", ".join(f"{error:.3f}" for error in row["errors"]),
            f"{row['mean']:.3f}",
            "–" if row["deviation"] is None else f"{row['deviation']:.3f}",
            len(row["errors"]),
        )
        for row in rows
    ]
    headings = ("variant", "model", "parameters", "unit", "test, each seed", "mean", "±", "n")
    caption = "Dots: each seed. Red: the mean. Line: the standard deviation."
    return Section(
        "Metrics",
        [
            drawn("variants", caption, lambda: plots.variants(rows)),
            Table(headings, cells, "± is the standard deviation over the seeds."),
        ],
    )


def _pretraining(runs: Mapping[str, Run], seed: int) -> list[Section]:
    """Return the section with the losses of pretrained layers, if any variant pretrains."""
    parts = [
        drawn(
            f"pretraining_{number}",
            f"{name}, seed {seed}: each hidden layer's loss while it learned to reconstruct its input.",
            functools.partial(plots.pretraining_curves, run.metrics["pretraining"]),
        )
        for number, (name, run) in enumerate(runs.items(), 1)
        if run.metrics.get("pretraining")
    ]
    return [Section("Pretraining", parts)] if parts else []
