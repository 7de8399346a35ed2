"""How a run was trained: its curves, its recipe, its net's arithmetic."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from cnnzoo import plots
from cnnzoo.analysis import conv_report
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.plots import Picture


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of texts below their headings.

    Attributes:
        headings: one for each column.
        rows: as many texts each.
        caption: a sentence, or nothing.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Shown:
    """A picture on a page.

    Attributes:
        name: the name of its file, without an ending.
        picture: the figure.
        caption: what a reader should know to read it.
    """

    name: str
    picture: Picture
    caption: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        title: its heading.
        parts: pictures, tables, and paragraphs as texts, in their order.
    """

    title: str
    parts: Sequence[Shown | Table | str]


def drawn(name: str, caption: str, draw: Callable[[], Picture]) -> Shown | str:
    """Return a picture, or a sentence that says why there is none: a page must not fail for one of its pictures.

    Args:
        name: the name of its file.
        caption: what a reader should know to read it.
        draw: what makes it.

    Example:
    >>> from cnnzoo import plots
    >>> drawn("filters", "The filters.", lambda: plots.variants([]))
    'Not drawn (filters): rows must be those of a finished study, and there are none.'
    """
    try:
        return Shown(name, draw(), caption)
    except InputError as error:
        return f"Not drawn ({name}): {error}."


def curves(run: Run) -> Section:
    """Return the section of the learning curves, and of pretraining where there was some."""
    metrics = run.metrics
    parts = [
        drawn(
            "learning_curves",
            "Training figures are means over an epoch, while the net changes. The red line is what the trained net "
            "reaches on the test images, at which it was judged once.",
            lambda: plots.learning_curves(run, test=metrics["test"]),
        )
    ]
    if metrics.get("pretraining"):
        parts.append(
            drawn(
                "pretraining",
                "Before that each hidden layer learned to reconstruct what enters it, without labels.",
                lambda: plots.pretraining_curves(metrics["pretraining"]),
            )
        )
    return Section("Learning", parts)


def first_layer(model: keras.Model) -> Shown | str:
    """Return the picture of what a net looks at the image with."""
    return drawn(
        "filters",
        "The first layer's filters, the weights with which it looks at the image: dark is below zero, light above.",
        lambda: plots.filters(model),
    )


def arithmetic(model: keras.Model) -> Section:
    """Return the section of a net's sizes, layer by layer."""
    try:
        report = conv_report(model)
    except InputError as error:
        return Section("Arithmetic", [f"Not calculated: {error}."])
    rows = [
        (
            row.name,
            row.kind,
            "×".join(map(str, row.output_shape)),
            "×".join(map(str, row.window)),
            "×".join(map(str, row.stride)),
            "×".join(map(str, row.receptive_field)),
            f"{row.parameters:,}",
            f"{row.connections:,}",
            f"{row.multiply_adds:,}",
        )
        for row in report.rows
    ]
    totals = report.totals
    rows.append(
        ("all", "", "", "", "", "", f"{totals.parameters:,}", f"{totals.connections:,}", f"{totals.multiply_adds:,}")
    )
    headings = (
        "layer", "kind", "output", "window", "stride", "field", "parameters", "connections", "multiply-adds"
    )  # fmt: skip
    caption = "Field: pixels of the image that one value sees. Connections are counted as LeCun et al. 1998 do."
    costs = drawn("costs", "Where the parameters are, and where the work is done.", lambda: plots.layer_costs(model))
    return Section("Arithmetic", [costs, Table(headings, rows, caption), *report.warnings])


def circumstances(run: Run) -> Section:
    """Return the section of the recipe and of all that a run needs to be repeated."""
    content = run.content
    recipe = [(name, _said(value)) for name, value in run.recipe.items() if value not in (None, {}, [], "")]
    others = [(name, _said(content[name])) for name in ("workers", "replicas") if content.get(name, 1) != 1]
    versions = [*content.get("versions", {}).items(), *content.get("machine", {}).items(), *others]
    return Section(
        "Recipe",
        [
            Table(("value", "of this run"), recipe, "Whatever else a recipe has is at its default, as nothing."),
            Table(("package or machine", ""), [(name, _said(value)) for name, value in versions]),
        ],
    )


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return str(value)
