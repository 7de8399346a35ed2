"""The parts of a page, and the sections about training: curves, recipe, the net's arithmetic."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from cnnzoo import plots
from cnnzoo.analysis import conv_report
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.plots import Picture


@dataclasses.dataclass(frozen=True)
class Table:
    """A table on a page.

    Attributes:
        headings: one for each column.
        rows: the cells of each row.
        caption: a sentence, or an empty string.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class PagePicture:
    """A picture on a page.

    Attributes:
        name: the name of its file, without an ending.
        picture: the figure.
        caption: how to read it.
    """

    name: str
    picture: Picture
    caption: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        title: its heading.
        parts: pictures, tables, and paragraphs as strings, in their order.
    """

    title: str
    parts: Sequence[PagePicture | Table | str]


def drawn(name: str, caption: str, draw: Callable[[], Picture]) -> PagePicture | str:
    """Return a picture, or a sentence on why it cannot be drawn, so that one picture does not make a page fail.

    Args:
        name: the name of its file.
        caption: how to read it.
        draw: the function that draws it.

    Example:
    >>> from cnnzoo import plots
    >>> drawn("filters", "The filters.", lambda: plots.variants([]))
    'Not drawn (filters): `rows` must be those of a finished study. Received none.'
    """
    try:
        return PagePicture(name, draw(), caption)
    except InputError as error:
        return f"Not drawn ({name}): {error}."


def curves(run: Run) -> Section:
    """Return the section of the learning curves, and of pretraining where there was some."""
    metrics = run.metrics
    parts = [
        drawn(
            "learning_curves",
            "Training metrics are means over an epoch, while the net changes. The red line is the metric of the "
            "trained net on the test images, evaluated once.",
            lambda: plots.learning_curves(run, test=metrics["test"]),
        )
    ]
    if metrics.get("pretraining"):
        parts.append(
            drawn(
                "pretraining",
                "Before that each hidden layer learned to reconstruct its input, without labels.",
                lambda: plots.pretraining_curves(metrics["pretraining"]),
            )
        )
    return Section("Learning", parts)


def machines(run: Run, images: np.ndarray) -> list[Section]:
    """Return the section of what the first Boltzmann machine of a run shows, or none where it has trained none.

    Args:
        run: the run.
        images: float array `(chains, height, width, 1)` from 0 to 1, where the chains start.
    """
    if not run.machines_file.is_file():
        return []
    try:
        layer, machine = next(iter(run.machines().items()))
    except InputError as error:
        return [Section("The first Boltzmann machine", [f"Not drawn (gibbs_chain): {error}."])]
    visible, hidden = machine.kernel.shape
    caption = (
        f"Before the fit the layer {layer} was trained as a Boltzmann machine of {visible:,} visible and {hidden:,} "
        f"{machine.hidden_units} hidden units. Each row is a Gibbs chain from a test image on: the probabilities "
        "of the visible units after as many steps as stand below. Step by step a chain leaves its image, and draws "
        "what the machine takes for likely."
    )
    draw = drawn("gibbs_chain", caption, lambda: plots.gibbs_chain(machine, images))
    return [Section("The first Boltzmann machine", [draw])]


def first_layer(model: keras.Model) -> PagePicture | str:
    """Return the picture of the first layer's filters."""
    return drawn(
        "filters",
        "The weights of the first layer's filters: dark is below zero, light above.",
        lambda: plots.filters(model),
    )


def arithmetic(model: keras.Model) -> Section:
    """Return the section with a net's sizes, layer by layer."""
    try:
        report = conv_report(model)
    except InputError as error:
        return Section("Arithmetic", [f"Not calculated: {error}."])
    rows = [
        (
            row.name,
            row.layer_type,
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
        "layer", "type", "output", "window", "stride", "receptive field", "parameters", "connections", "multiply-adds"
    )  # fmt: skip
    caption = (
        "Receptive field: pixels of the image that one value depends on. "
        "Connections are counted as LeCun et al. 1998 do."
    )
    drawing = drawn(
        "architecture",
        "The net from left to right. Boxes are maps: their sides grow with the square roots of the maps' height, width "
        "and number; columns are dense layers. A white window is what one value of the next layer depends on. Gray "
        "layers have no weights.",
        lambda: plots.architecture(model),
    )
    costs = drawn("costs", "Parameters and multiply-adds of each layer.", lambda: plots.layer_costs(model))
    return Section("Arithmetic", [drawing, costs, Table(headings, rows, caption), *report.warnings])


def recipe_and_environment(run: Run) -> Section:
    """Return the section with the recipe, the versions and the machine, by which a run can be repeated."""
    content = run.content
    recipe = [(name, _text(value)) for name, value in run.recipe.to_dict().items() if value not in (None, {}, [], "")]
    processes = [(name, _text(content[name])) for name in ("workers", "replicas") if content.get(name, 1) != 1]
    versions = [*content.get("versions", {}).items(), *content.get("machine", {}).items(), *processes]
    return Section(
        "Recipe",
        [
            Table(("value", "of this run"), recipe, "Values that are empty are left out."),
            Table(("package or machine", ""), [(name, _text(value)) for name, value in versions]),
        ],
    )


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return str(value)
