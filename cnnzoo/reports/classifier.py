"""What a page shows of a classifier."""

import functools

import numpy as np

from cnnzoo import plots
from cnnzoo.plots.classes import figures_by_class
from cnnzoo.plots.layers import map_layers
from cnnzoo.reports.run_data import Answers, Subject
from cnnzoo.reports.sections import Section, Shown, Table, drawn, first_layer

MAPS_OF = 2  # images whose maps are drawn
OCCLUDED = 10  # images that are covered part by part
COVERED_PIXELS = 10 * 32 * 32  # of all of them together, so that large images are fewer


def sections(subject: Subject) -> list[Section]:
    """Return the sections about what a classifier gets wrong and what its layers do."""
    answers = subject.answers
    assert answers is not None  # a classifier's
    return [_classes(subject, answers), _mistakes(subject, answers), _layers(subject), _pixels(subject)]


def _classes(subject: Subject, answers: Answers) -> Section:
    labels, found = answers.labels, answers.found
    rows = [
        (each["class"], *_of_class(each), f"{each['images']:,}")
        for each in figures_by_class(labels, found, subject.names)
    ]
    return Section(
        "Classes",
        [
            drawn(
                "confusion_matrix",
                f"Of {subject.judged}: rows are what an image shows, columns what the net found; green is right.",
                lambda: plots.confusion_matrix(labels, found, subject.names),
            ),
            drawn(
                "class_figures",
                "Precision: of the images that were given a class, the share that have it. Recall: of the images that "
                "have a class, the share that were given it.",
                lambda: plots.class_figures(labels, found, subject.names),
            ),
            Table(("class", "precision", "recall", "F1", "images"), rows),
        ],
    )


def _of_class(figures: dict) -> list[str]:
    """Return a class' figures as texts; of a class without images there are none."""
    return [f"{figures[name]:.4f}" if figures["images"] else "–" for name in ("precision", "recall", "f1")]


def _mistakes(subject: Subject, answers: Answers) -> Section:
    return Section(
        "Most confident mistakes",
        [
            drawn(
                "mistakes",
                f"Wrong, and most sure of it, among {subject.in_words(len(subject.pixels))}: what the image shows, "
                "what the net found, and the probability it gave.",
                lambda: plots.mistakes(subject.pixels, subject.labels, answers.of_shown, subject.names),
            )
        ],
    )


def _layers(subject: Subject) -> Section:
    model, inputs = subject.model, subject.inputs
    parts: list[Shown | Table | str] = [first_layer(model)]
    if map_layers(model):
        parts += [
            drawn(
                f"activation_maps_{number}",
                f"What each layer answers to a test image of class {subject.names[subject.labels[number]]}; each layer "
                "has a scale of its own.",
                functools.partial(plots.activation_maps, model, inputs[number]),
            )
            for number in subject.examples(MAPS_OF)
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


def _pixels(subject: Subject) -> Section:
    count = int(np.clip(COVERED_PIXELS // np.prod(subject.inputs.shape[1:3]), 3, OCCLUDED))
    return Section(
        "What the pixels do to the class",
        [
            drawn(
                "occlusion",
                "A square slides over the image. Red: where it covers, the found class loses log-odds, at most as many "
                "nats as stand below; blue: it gains some. Each image has a scale of its own.",
                lambda: plots.occluded(subject.model, subject.inputs[subject.examples(count)], subject.names),
            )
        ],
    )
