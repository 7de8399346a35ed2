"""The sections of a page about a classifier."""

import functools

import numpy as np

from cnnzoo import plots
from cnnzoo.analysis import deconvolution
from cnnzoo.errors import InputError
from cnnzoo.plots.classes import class_metrics
from cnnzoo.plots.deep_units import deep_layer
from cnnzoo.plots.layers import map_layers
from cnnzoo.reports.run_data import Predictions, RunData
from cnnzoo.reports.sections import PagePicture, Section, Table, drawn, first_layer

WITH_MAPS = 2  # images whose activation maps are drawn
OCCLUDED = 10  # images that are occluded
OCCLUDED_PIXELS = 10 * 32 * 32  # of all of them together, so that large images are fewer
DECONVOLVED_PIXELS = 2000 * 32 * 32  # of the images that a deconvnet's are chosen from
LEAST_DECONVOLVED = 100  # of these images, however large they are


def sections(run_data: RunData) -> list[Section]:
    """Return the sections about what a classifier misclassifies, and about its layers."""
    predictions = run_data.predictions
    assert predictions is not None  # a classifier's
    return [
        _classes(run_data, predictions),
        _calibration(run_data, predictions),
        _misclassified(run_data, predictions),
        _layers(run_data),
        _occlusion(run_data),
    ]


def _classes(run_data: RunData, predictions: Predictions) -> Section:
    labels, predicted, names = predictions.labels, predictions.classes, run_data.class_names
    rows = []
    for each in class_metrics(labels, predicted, names):
        # A class without images has none of the three.
        metrics = [f"{each[name]:.4f}" if each["images"] else "–" for name in ("precision", "recall", "f1")]
        rows.append((each["class"], *metrics, f"{each['images']:,}"))
    return Section(
        "Classes",
        [
            drawn(
                "confusion_matrix",
                f"On {run_data.describe(len(labels))}: rows are true classes, columns are predicted classes; green is "
                "correct; counts are written, and colors are fractions of the row, on a scale of the cube root.",
                lambda: plots.confusion_matrix(labels, predicted, names),
            ),
            drawn(
                "precision_recall",
                "Precision: the fraction of the images predicted as a class that belong to it. Recall: the fraction of "
                "the images of a class that are predicted as it.",
                lambda: plots.precision_recall(labels, predicted, names),
            ),
            Table(("class", "precision", "recall", "F1", "images"), rows),
        ],
    )


def _calibration(run_data: RunData, predictions: Predictions) -> Section:
    caption = (
        f"On {run_data.describe(len(predictions.labels))}, in bins by the probability of the predicted class: the "
        "fraction of each bin that is classified correctly. Below the dashed line the net is too confident. The "
        "expected calibration error is the mean distance from the line, over all images (Guo et al. 2017)."
    )
    draw = functools.partial(plots.reliability_diagram, predictions.labels, predictions.logits, from_logits=True)
    return Section("Calibration", [drawn("reliability_diagram", caption, draw)])


def _misclassified(run_data: RunData, predictions: Predictions) -> Section:
    caption = (
        f"The misclassified images with the most confident predictions, among {run_data.describe(len(run_data.pixels))}"
        ": true class, predicted class, and its log-odds, log p − log(1 − p): 2.2 are 90 %, 4.6 are 99 %, 9.2 are "
        "99.99 %."
    )
    draw = functools.partial(
        plots.misclassified,
        run_data.pixels,
        run_data.labels,
        predictions.shown_logits,
        run_data.class_names,
        from_logits=True,
    )
    return Section("Misclassified images", [drawn("misclassified", caption, draw)])


def _layers(run_data: RunData) -> Section:
    model, inputs = run_data.model, run_data.inputs
    parts: list[PagePicture | Table | str] = [first_layer(model)]
    if map_layers(model):
        parts += [
            drawn(
                f"activation_maps_{index}",
                f"The activation maps of each layer for a test image of class "
                f"{run_data.class_names[run_data.labels[index]]}; each layer has its own scale.",
                functools.partial(plots.activation_maps, model, inputs[index]),
            )
            for index in run_data.examples(WITH_MAPS)
        ]
        parts.append(
            drawn(
                "units",
                "Units of the last convolution whose map has several positions. First an image that maximizes the "
                f"unit's activation, by gradient ascent; then the patches of {len(inputs):,} test images with the top "
                "activations.",
                lambda: plots.units(model, inputs),
            )
        )
        parts += _deconvolved(run_data)
    return Section("Layers", parts)


def _deconvolved(run_data: RunData) -> list[PagePicture | str]:
    """Return the picture of what a deconvnet shows, or nothing of a net that it cannot go back through."""
    model, inputs = run_data.model, run_data.inputs
    try:
        deconvolution(model, inputs[:1], deep_layer(model), 0)
    except InputError:  # a tanh, say
        return []
    count = max(LEAST_DECONVOLVED, DECONVOLVED_PIXELS // int(np.prod(inputs.shape[1:3])))
    some = inputs[:: -(-len(inputs) // count)]
    caption = (
        f"Units of the same layer: the patches with the top activations among {len(some):,} test images, and beside "
        "each what a deconvnet makes of the unit's activation: the parts of this patch by which the unit is active "
        "(Zeiler and Fergus 2013). Each of these has its own scale, and zero is gray."
    )
    return [drawn("deconvolved", caption, lambda: plots.deconvolved(model, some))]


def _occlusion(run_data: RunData) -> Section:
    count = int(np.clip(OCCLUDED_PIXELS // np.prod(run_data.inputs.shape[1:3]), 3, OCCLUDED))
    caption = (
        "A square slides over the image. Red: where it covers the image, the predicted class loses log-odds, at most "
        "as many nats as the number below; blue: it gains some. Each image has its own scale."
    )
    draw = functools.partial(
        plots.occluded, run_data.model, run_data.inputs[run_data.examples(count)], run_data.class_names
    )
    return Section("Occlusion sensitivity", [drawn("occlusion", caption, draw)])
