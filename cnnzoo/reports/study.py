"""The page of a study."""

import functools
from collections.abc import Mapping
from typing import Any

from cnnzoo import plots
from cnnzoo.reports.section import Section, Table, drawn
from cnnzoo.reports.side_by_side import curves_of
from cnnzoo.run import Run


def page(study: Run) -> tuple[str, list[str], list[Section]]:
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
        _figures(rows),
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


def _figures(rows: list[dict[str, Any]]) -> Section:
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
