"""Reliability diagrams and the expected calibration error, against scikit-learn and loops over the images."""

import re

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

import cnnzoo
from cnnzoo import plots
from cnnzoo.plots.calibration import calibration
from tests import reference


def overconfident(examples, classes, seed):
    """Return labels and probabilities that are right less often than they say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (examples, classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    softer = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(classes, p=each) for each in softer])
    return labels, probabilities, logits


@pytest.mark.parametrize(("examples", "classes", "bins"), [(500, 10, 15), (40, 3, 10), (300, 2, 7), (5, 4, 1)])
def test_the_error_is_that_of_the_paper_by_loops(examples, classes, bins):
    labels, probabilities, logits = overconfident(examples, classes, seed=bins)
    expected = reference.expected_calibration_error(labels, probabilities, bins)
    assert calibration(labels, probabilities, bins=bins).error == pytest.approx(expected, rel=1e-12)
    assert calibration(labels, logits - 7, from_logits=True, bins=bins).error == pytest.approx(expected, rel=1e-9)


def test_points_are_those_of_scikit_learn_and_counts_are_written():
    labels, probabilities, _ = overconfident(800, 4, seed=0)
    above, below = plots.reliability_diagram(labels, probabilities, bins=12).axes
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    accuracy, means = calibration_curve(correct, confidence, n_bins=12, strategy="uniform")
    points = above.containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(points, np.stack([means, accuracy], axis=1), rtol=1e-12)
    counts, _ = np.histogram(confidence, bins=12, range=(0, 1))
    assert [bar.get_height() for bar in below.patches] == counts.tolist()
    assert [text.get_text() for text in below.texts] == [f"{count:,}" for count in counts if count]


def test_a_probability_of_one_is_in_the_last_bin_and_the_interval_holds_the_point():
    labels, predictions = [0, 1, 0, 1], [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.5, 0.5]]
    found = calibration(labels, predictions, bins=2)
    assert found.counts.tolist() == [1, 3]
    assert found.accuracy.tolist() == [0, pytest.approx(2 / 3)]
    assert found.error == pytest.approx((0.5 + 3 * (1 / 3)) / 4)
    above, _ = plots.reliability_diagram(labels, predictions, bins=2).axes
    (segments,) = above.containers[0].lines[2]
    for (_, low), (_, high) in segments.get_segments():
        assert 0 <= low < high <= 1


def test_title_and_alternative_text_have_the_numbers():
    labels, probabilities, _ = overconfident(200, 5, seed=1)
    figure = plots.reliability_diagram(labels, probabilities)
    expected = 100 * reference.expected_calibration_error(labels, probabilities, 15)
    for text in (figure.axes[0].get_title(), figure.alternative):
        assert float(re.search(r"calibration error ([\d.]+) %, 15 bins", text)[1]) == pytest.approx(expected, abs=0.005)
        accuracy = 100 * np.mean(probabilities.argmax(axis=1) == labels)
        assert float(re.search(r"accuracy ([\d.]+) %", text)[1]) == pytest.approx(accuracy, abs=0.005)
    assert "of 200 images" in figure.alternative


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: plots.reliability_diagram([0], [[0.4, 0.6]], bins=0),
            "`bins` must be a positive integer. Received: 0",
        ),
        (lambda: plots.reliability_diagram([0], [[3.0, -1.0]]), "or logits with from_logits=True. Received: -1 to 3"),
        (lambda: plots.reliability_diagram([0], [[0.9, 0.9]]), "with sums of 1.8 to 1.8"),
        (lambda: plots.reliability_diagram([0], [[np.nan, 1.0]]), "`predictions` must be probabilities that sum to 1"),
        (lambda: plots.reliability_diagram([0], [[np.nan, 1.0]], from_logits=True), "Received: NaN or infinity"),
        (lambda: plots.reliability_diagram([2], [[0.4, 0.6]]), "`labels` must be from 0 to 1, as there are 2 classes"),
        (lambda: plots.reliability_diagram([0, 1], [[0.4, 0.6]]), "must be equally many. Received: 2 and 1"),
        (lambda: plots.reliability_diagram([0], [0.4]), "two classes or more. Received the shape: (1,)"),
        (lambda: plots.reliability_diagram([], np.zeros((0, 3))), "Received the shape: (0, 3)"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        call()
    assert words in str(caught.value)
