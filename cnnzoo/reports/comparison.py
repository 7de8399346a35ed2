"""Several runs on one page."""

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
from cnnzoo.reports.run_data import Answers, RunData, run_data_of
from cnnzoo.reports.sections import Section, Table, drawn

EXAMPLES = 10


def comparison_page(runs: list[Run], data_dir: str | Path | None) -> tuple[str, list[str], list[Section]]:
    """Return title, summary and sections of a page about several runs.

    Raises:
        InputError: a run is not finished, is there twice, or its data cannot be had.
    """
    named = names(runs)
    metrics = {name: _tested(run) for name, run in named.items()}
    units = {(error_of(each)[0], each["data"], each["test_examples"]) for each in metrics.values()}
    summary = [f"{len(runs)} runs, each of one seed: n=1 for every figure."]
    if len(units) == 1:  # else they are not of the same images
        best = min(metrics, key=lambda name: error_of(metrics[name])[1])
        summary.append(f"The lowest {units.pop()[0]} has {best}: {error_of(metrics[best])[1]:.3f}.")
    sections = [_figures(metrics), _differences(named), curves_of(named)]
    several = {name: run_data_of(run, data_dir) for name, run in named.items()}
    coding = {name: each for name, each in several.items() if each.answers is None}
    naming = {name: each for name, each in several.items() if each.answers is not None}
    if naming:
        sections.append(_classifiers(naming))
    if coding:
        sections += _autoencoders(coding)
    sections.append(_filters(several))
    return "Runs side by side", summary, sections


def _tested(run: Run) -> dict[str, Any]:
    """Return a run's metrics.

    Raises:
        InputError: the folder holds a study or a search, or a trial, which is not tested.
    """
    _ = run.recipe  # which a study and a search do not have
    if "test" not in run.metrics:
        raise InputError(f"{str(run.folder)!r} holds a trial, which was not tested; give runs of `cnnzoo train`")
    return run.metrics


def names(runs: list[Run]) -> dict[str, Run]:
    """Return runs by the shortest ends of their folders that tell them apart.

    Raises:
        InputError: a run is there twice.

    Example:
    >>> list(names([Run("runs/lenet/1"), Run("runs/lenet/2"), Run("runs/mlp/1")]))
    ['lenet/1', 'lenet/2', 'mlp/1']
    """
    parts = [Path(run.folder).resolve().parts for run in runs]
    if len(set(parts)) < len(runs):
        twice = next(run for run, part in zip(runs, parts, strict=True) if parts.count(part) > 1)
        raise InputError(f"each run must be given once, and {str(twice.folder)!r} is there several times")
    length = next(count for count in range(2, 99) if len({part[-count:] for part in parts}) == len(runs))
    return {"/".join(part[-length:]): run for part, run in zip(parts, runs, strict=True)}


def _figures(metrics: Mapping[str, Any]) -> Section:
    rows = []
    for name, each in metrics.items():
        unit, error = error_of(each)
        rows.append(
            (
                name,
                each["model"],
                f"{each['parameters']:,}",
                f"{unit.removeprefix('test ').removesuffix(' %')} {error:.3f}{' %' if unit.endswith('%') else ''}",
                f"{each['test_examples']:,}",
                each["epochs"],
                f"{each['train_seconds']:.0f} s",
                f"{each['images_per_second']:,}",
            )
        )
    headings = ("run", "model", "parameters", "test", "test images", "epochs", "training", "images/s")
    return Section("Figures", [Table(headings, rows)])


def _differences(named: Mapping[str, Run]) -> Section:
    recipes = {name: run.recipe for name, run in named.items()}
    values = sorted({value for recipe in recipes.values() for value in recipe})
    differing = [value for value in values if len({str(recipe.get(value)) for recipe in recipes.values()}) > 1]
    rows = [(value, *(str(recipe.get(value)) for recipe in recipes.values())) for value in differing]
    if not rows:
        return Section("What differs", ["Nothing: all runs are of one recipe and one seed."])
    return Section("What differs", [Table(("value", *recipes), rows, "All other values are the same.")])


def curves_of(named: Mapping[str, Run], of: str = "") -> Section:
    """Return the section of the learning curves of runs, over one another.

    Args:
        named: runs by their names.
        of: a further sentence for the caption.
    """
    caption = f"Training figures are means over an epoch, while the net changes.{of}"
    return Section("Learning", [drawn("learning_curves", caption, lambda: plots.learning_curves(named))])


def _classifiers(several: Mapping[str, RunData]) -> Section:
    """Return which images each is wrong about alone, and their confusion matrices."""
    parts: list[Any] = []
    every = list(several.values())
    same = all(
        np.array_equal(_answers(each).labels, _answers(every[0]).labels) and each.names == every[0].names
        for each in every
    )
    if same and len(every) > 1:
        wrong = {name: _wrong(each) for name, each in several.items()}
        by_all = np.logical_and.reduce(list(wrong.values()))
        rows = []
        for name, mask in wrong.items():
            others = np.logical_or.reduce([other for key, other in wrong.items() if key != name])
            rows.append((name, f"{mask.sum():,}", f"{(mask & ~others).sum():,}"))
        caption = f"{by_all.sum():,} images are wrong in every run, of {every[0].evaluated}."
        parts.append(Table(("run", "wrong", "wrong here alone"), rows, caption))
    for number, (name, each) in enumerate(several.items(), 1):
        answers = _answers(each)
        parts.append(
            drawn(
                f"confusion_matrix_{number}",
                f"{name}, {each.evaluated}.",
                functools.partial(plots.confusion_matrix, answers.labels, answers.found, each.names),
            )
        )
    return Section("Classes", parts)


def _answers(run_data: RunData) -> Answers:
    assert run_data.answers is not None  # a classifier's
    return run_data.answers


def _wrong(run_data: RunData) -> np.ndarray:
    return _answers(run_data).found != _answers(run_data).labels


def _autoencoders(several: Mapping[str, RunData]) -> list[Section]:
    """Return the same images as each codes them, and error over code size, for runs on the same images."""
    every = list(several.values())
    if any(not np.array_equal(each.inputs, every[0].inputs) for each in every):
        return [Section("What the codes keep", ["Not drawn: the runs are on different images."])]
    images = every[0].inputs[every[0].examples(EXAMPLES)]
    coders = {name: ModelCode(each.model) for name, each in several.items()}
    codes = {f"{name}: {coder.size} numbers": coder for name, coder in coders.items()}
    points = {name: (coders[name].size, each.run.metrics["test"]["squared_error"]) for name, each in several.items()}
    linear = autoencoder.components([size for size, _ in points.values()], every[0])
    return [
        Section(
            "What the codes keep",
            [
                drawn(
                    "reconstructions",
                    "The same test images as each run's net decodes them. Below stands the squared error, summed over "
                    "the image.",
                    lambda: decoded(images, codes),
                )
            ],
        ),
        Section(
            "Compression",
            [
                drawn(
                    "error_by_code_size",
                    f"Squared error of a test image over the numbers in its code. The curve is of {linear.name}, "
                    f"judged on {len(every[0].inputs):,} test images.",
                    lambda: plots.errors_by_code_size(points, linear, every[0].inputs),
                )
            ],
        ),
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
        _figures_of_variants(rows),
        Section("What varies", [Table(("variant", "changes of the recipe"), changes)]),
        curves_of(runs, f" Of seed {seed}."),
        *_pretraining(runs, seed),
    ]
    return f"Study {study.metrics['study']}", _summary(rows), sections


def _summary(rows: list[dict[str, Any]]) -> list[str]:
    best, count = min(rows, key=lambda row: row["mean"]), len(rows[0]["errors"])
    said = [f"{len(rows)} variants, {count} seed{'s' if count > 1 else ''} each."]
    if len({row["unit"] for row in rows}) == 1:
        said.append(f"The lowest mean {best['unit']} has {best['variant']}: {best['mean']:.3f}, n={count}.")
    return said


def _figures_of_variants(rows: list[dict[str, Any]]) -> Section:
    figures = [
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
        "Figures",
        [
            drawn("variants", caption, lambda: plots.variants(rows)),
            Table(headings, figures, "± is the standard deviation over the seeds."),
        ],
    )


def _pretraining(runs: Mapping[str, Run], seed: int) -> list[Section]:
    """Return the losses of pretrained layers, of the variants that pretrain."""
    parts = [
        drawn(
            f"pretraining_{number}",
            f"{name}, seed {seed}: each hidden layer's loss while it learned to reconstruct what enters it.",
            functools.partial(plots.pretraining_curves, run.metrics["pretraining"]),
        )
        for number, (name, run) in enumerate(runs.items(), 1)
        if run.metrics.get("pretraining")
    ]
    return [Section("Pretraining", parts)] if parts else []
