"""What a page shows of a classifier."""

import functools

import numpy as np

from cnnzoo import plots
from cnnzoo.plots.classes import figures_by_class
from cnnzoo.plots.layers import map_layers
from cnnzoo.reports.run_data import Answers, RunData
from cnnzoo.reports.sections import Section, Shown, Table, drawn, first_layer

MAPS_OF = 2  # images whose maps are drawn
OCCLUDED = 10  # images that are covered part by part
COVERED_PIXELS = 10 * 32 * 32  # of all of them together, so that large images are fewer


def sections(run_data: RunData) -> list[Section]:
    """Return the sections about what a classifier gets wrong and what its layers do."""
    answers = run_data.answers
    assert answers is not None  # a classifier's
    return [_classes(run_data, answers), _misclassified(run_data, answers), _layers(run_data), _pixels(run_data)]


def _classes(run_data: RunData, answers: Answers) -> Section:
    labels, found = answers.labels, answers.found
    rows = [
        (each["class"], *_of_class(each), f"{each['images']:,}")
        for each in figures_by_class(labels, found, run_data.names)
    ]
    return Section(
        "Classes",
        [
            drawn(
                "confusion_matrix",
                f"Of {run_data.evaluated}: rows are what an image shows, columns what the net found; green is right.",
                lambda: plots.confusion_matrix(labels, found, run_data.names),
            ),
            drawn(
                "precision_recall",
                "Precision: of the images that were given a class, the share that have it. Recall: of the images that "
                "have a class, the share that were given it.",
                lambda: plots.precision_recall(labels, found, run_data.names),
            ),
            Table(("class", "precision", "recall", "F1", "images"), rows),
        ],
    )


def _of_class(figures: dict) -> list[str]:
    """Return a class' figures as texts; of a class without images there are none."""
    return [f"{figures[name]:.4f}" if figures["images"] else "–" for name in ("precision", "recall", "f1")]


def _misclassified(run_data: RunData, answers: Answers) -> Section:
    return Section(
        "Most confident mistakes",
        [
            drawn(
                "mistakes",
                f"Wrong, and most sure of it, among {run_data.in_words(len(run_data.pixels))}: what the image shows, "
                "what the net found, and the probability it gave.",
                lambda: plots.misclassified(run_data.pixels, run_data.labels, answers.of_shown, run_data.names),
            )
        ],
    )


def _layers(run_data: RunData) -> Section:
    model, inputs = run_data.model, run_data.inputs
    parts: list[Shown | Table | str] = [first_layer(model)]
    if map_layers(model):
        parts += [
            drawn(
                f"activation_maps_{number}",
                f"What each layer answers to a test image of class {run_data.names[run_data.labels[number]]}; each layer "
                "has a scale of its own.",
                functools.partial(plots.activation_maps, model, inputs[number]),
            )
            for number in run_data.examples(MAPS_OF)
        ]
        parts.append(
            drawn(
                "units",
                "What units of the last convolution that has several places look for. First an image made by climbing "
                f"the gradient of the unit's answer; then the parts of {len(inputs):,} test images exciting it most.",
                lambda: plots.units(model, inputs),
            )
        )
    return Section("What the layers do", parts)


def _pixels(run_data: RunData) -> Section:
    count = int(np.clip(COVERED_PIXELS // np.prod(run_data.inputs.shape[1:3]), 3, OCCLUDED))
    return Section(
        "What the pixels do to the class",
        [
            drawn(
                "occlusion",
                "A square slides over the image. Red: where it covers, the found class loses log-odds, at most as many "
                "nats as stand below; blue: it gains some. Each image has a scale of its own.",
                lambda: plots.occluded(run_data.model, run_data.inputs[run_data.examples(count)], run_data.names),
            )
        ],
    )
