"""ROC curves and errors of pixels, against counts and the model's own."""

import numpy as np
import pytest
from sklearn import metrics

import cnnzoo
from cnnzoo import plots

rng = np.random.default_rng(0)


def test_area_is_the_fraction_of_pairs_in_the_right_order():
    scores, odd = rng.normal(size=300), np.arange(300) < 40
    scores[odd] += 1
    figure = plots.roc_curve(scores, odd, threshold=2.0)
    pairs = (scores[odd][:, None] > scores[~odd]).mean()
    assert figure.axes[0].get_title() == f"area under the curve: {pairs:.3f}"
    x, y = figure.axes[0].lines[0].get_data()
    assert metrics.auc(x, y) == pytest.approx(pairs, abs=1e-9)
    assert figure.alternative.startswith("ROC curve of 40 anomalies among 260 ordinary examples")


def test_pixels_of_large_error_are_light():
    model = cnnzoo.autoencoder(input_shape=(8, 8, 1), units=(), code=4)
    images = cnnzoo.data.load("digits").test.images[:3]
    figure = plots.odd_pixels(model, images)
    errors = np.square(images / 255 - model.predict(images / np.float32(255), verbose=0))[..., 0]
    drawn = np.stack([np.asarray(image.get_array()) for image in figure.axes[2].images])
    np.testing.assert_allclose(drawn, errors / errors.max(), rtol=1e-4, atol=1e-6)
    captions = [text.get_text() for text in figure.axes[2].texts]
    assert captions == [f"{error.sum():.2f}" for error in errors]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plots.roc_curve([1.0, 2.0], [True, True]), "true for some examples, and not for all"),
        (lambda: plots.roc_curve([1.0, 2.0], [False, False]), "Received: '0 true'"),
        (lambda: plots.roc_curve([1.0, 2.0], [0, 1]), "must be numbers and booleans"),
        (lambda: plots.roc_curve([1.0], [True, False]), "must be numbers and booleans"),
        (lambda: plots.odd_pixels(cnnzoo.lenet(), np.zeros((1, 32, 32, 1))), "an autoencoder has one input"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        call()
