"""Occlusion sensitivity, against a loop in NumPy."""

import math

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import occlusion
from cnnzoo.models.probabilities import to_logits, to_probabilities


def occluded_in_a_loop(net, image, label, window, stride, fill):
    """Return the mean decrease of log-odds over the squares that cover each pixel, one square after the other."""

    def log_odds(picture):
        p = net(picture[None]).numpy().astype("float64")[0]
        return math.log(p[label]) - math.log(sum(value for number, value in enumerate(p) if number != label))

    starts = sorted({*range(0, 32 - window + 1, stride), 32 - window})
    total, times = np.zeros((32, 32)), np.zeros((32, 32))
    for top in starts:
        for left in starts:
            covered = image.copy()
            covered[top : top + window, left : left + window] = fill
            total[top : top + window, left : left + window] += log_odds(image) - log_odds(covered)
            times[top : top + window, left : left + window] += 1
    return total / times


def test_occlusion_is_that_of_a_loop(net, images):
    decrease = occlusion(net, images[:2], [3, 8], window=12, stride=7)
    for number, label in enumerate((3, 8)):
        expected = occluded_in_a_loop(net, images[number], label, 12, 7, images[:2].mean())
        np.testing.assert_allclose(decrease[number], expected, atol=1e-5)


def test_the_class_is_by_default_the_predicted_one(net, images):
    classes = net.predict(images[:2], verbose=0).argmax(axis=-1)
    assert (occlusion(net, images[:2], window=16) == occlusion(net, images[:2], classes, window=16)).all()


def test_occlusion_of_a_net_with_logits_stays_exact_where_probabilities_are_one():
    inputs = keras.Input((4, 4, 1))
    outputs = keras.layers.Dense(2, kernel_initializer="ones")(keras.layers.Flatten()(inputs))
    net = keras.Model(inputs, outputs)
    net.layers[-1].set_weights([np.stack([np.full(16, 100.0), np.zeros(16)], axis=1), np.zeros(2)])
    image = np.ones((1, 4, 4, 1))
    image[0, 0, 0] = 0.0
    decrease = occlusion(net, image, window=1, stride=1, output="logits")[0]
    # A covered pixel goes from 1 to the mean, 15/16, of a weight of 100; the black one rises to it.
    assert decrease[3, 3] == pytest.approx(100 / 16)
    assert decrease[0, 0] == pytest.approx(-100 * 15 / 16)


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_a_softmax_as_an_operation_is_the_end_of_the_net(scale):
    image = keras.Input((4, 4, 1))
    logits = keras.layers.Dense(3)(keras.layers.Flatten()(image)) * scale
    images = np.random.default_rng(0).random((2, 4, 4, 1))
    options = {"classes": [0, 2], "window": 2}
    by_logits = occlusion(keras.Model(image, logits), images, **options, output="logits")
    by_softmax = occlusion(keras.Model(image, keras.ops.softmax(logits)), images, **options)
    assert np.abs(by_logits).max() > 0.1
    np.testing.assert_allclose(by_softmax, by_logits, atol=1e-4)


def test_logits_and_probabilities_agree():
    outputs = np.random.default_rng(0).dirichlet(np.ones(10), 4).astype("float32")
    for model in (cnnzoo.lenet(), cnnzoo.lenet(classifier_activation=None)):
        probable = keras.ops.convert_to_numpy(to_probabilities(model)(outputs))
        logits = keras.ops.convert_to_numpy(to_logits(model)(outputs))
        softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(probable, softmax, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda net, x: occlusion(net, x, window=33),
            "`window` must be an integer from 1 to 32, the image's smaller side. Received: 33",
        ),
        (
            lambda net, x: occlusion(net, x, window=4, stride=5),
            "`stride` must be an integer from 1 to 4, the window. Received: 5",
        ),
        (lambda net, x: occlusion(net, x, [1]), "`classes` must be 12 integers from 0 to 9. Received: [1]"),
        (lambda net, x: occlusion(cnnzoo.autoencoder(input_shape=(32, 32, 1)), x), "and autoencoder is none"),
        (
            lambda net, x: occlusion(cnnzoo.lenet(classifier_activation=None, compile=False), x),
            "and neither that nor its loss says what its outputs are",
        ),
        (
            lambda net, x: occlusion(cnnzoo.lenet(classifier_activation="sigmoid"), x),
            "lenet returns neither probabilities of two or more classes nor their logits",
        ),
        (lambda net, x: occlusion(keras.Model(net.inputs, [net.output, net.output]), x), "is none"),
        (lambda net, x: occlusion(net, x, output="logits"), "the outputs of lenet are no logits: it ends in a softmax"),
    ],
)
def test_bad_input_is_refused(net, images, call, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        call(net, images)
    assert words in str(caught.value)


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_what_is_called_probabilities_and_is_none_is_refused(activation):
    net = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3, activation)])
    images = np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype("float32")
    with pytest.raises(cnnzoo.InputError, match='and not probabilities; say output="logits"'):
        occlusion(net, images, window=4, output="probabilities")
