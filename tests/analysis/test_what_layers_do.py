"""Answers, strongest places, made images and occlusion, against loops in NumPy."""

import math

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.analysis import activations, feature_visualization, occlusion, top_activations
from cnnzoo.models.probabilities import to_logits, to_probabilities


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(1)
    return cnnzoo.lenet()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-0.1, 1.2, (12, 32, 32, 1)).astype("float32")


def test_activations_are_what_the_layers_answer(net, images):
    found = activations(net, images, ["C1", "F6"])
    for name in ("C1", "F6"):
        own = keras.Model(net.input, net.get_layer(name).output)
        np.testing.assert_allclose(found[name], own.predict(images, verbose=0), rtol=1e-5, atol=1e-6)


def test_dropout_is_silent():
    net = cnnzoo.all_cnn_c(maps=(4, 8))
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    one, two = (activations(net, images, ["conv1"])["conv1"] for _ in range(2))
    assert (one == two).all()


def test_the_strongest_places_are_those_of_a_loop(net, images):
    answers = activations(net, images, ["C3"])["C3"]
    for found in top_activations(net, images, "C3", [0, 7], count=4):
        own = answers[..., found.unit]
        order = sorted(range(len(images)), key=lambda number: -own[number].max())[:4]
        assert found.images.tolist() == order
        for number, value, (rows, columns) in zip(found.images, found.values, found.regions, strict=True):
            row, column = np.unravel_index(own[number].argmax(), own[number].shape)
            assert value == own[number].max()
            # Two convolutions of five and a pooling of two: 14 pixels, two apart.
            assert (rows, columns) == (range(2 * row, 2 * row + 14), range(2 * column, 2 * column + 14))


def test_a_dense_unit_sees_the_whole_image(net, images):
    [found] = top_activations(net, images, "F6", [3], count=2)
    assert found.regions == ((range(32), range(32)),) * 2


def test_a_made_image_excites_its_unit_more_than_any_real_one_and_the_net_stays(net, images):
    before = [weight.numpy().copy() for weight in net.weights]
    made = feature_visualization(net, "C3", [2, 5], images)
    assert made.shape == (2, 32, 32, 1)
    assert made.min() >= images.min()
    assert made.max() <= images.max()
    answers = activations(net, made, ["C3"])["C3"]
    real = activations(net, images, ["C3"])["C3"]
    for row, unit in enumerate((2, 5)):
        assert answers[row, 5, 5, unit] > real[..., unit].max()
    assert all((weight.numpy() == old).all() for weight, old in zip(net.weights, before, strict=True))
    assert (made == feature_visualization(net, "C3", [2, 5], images)).all()
    assert (made != feature_visualization(net, "C3", [2, 5], images, seed=1)).any()


def two_filters(scale):
    """Return a net of two linear filters, one of which answers `scale` times as strongly as it might."""
    net = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, name="conv")])
    kernel = np.random.default_rng(1).normal(size=(3, 3, 1, 2))
    net.set_weights([kernel * [scale, 1.0], np.array([scale, 2.0])])
    return net


@pytest.mark.parametrize("high", [1.0, 200.0])
def test_images_are_made_from_the_mean_of_the_real_ones_in_their_range(high):
    images = (high * np.random.default_rng(0).random((50, 6, 6, 1)) ** 3).astype("float32")
    mean = images.mean(axis=0)
    made = feature_visualization(two_filters(1.0), "conv", [0, 1], images, steps=1)
    assert np.abs(made - mean).mean() < 0.05 * high


def test_any_number_of_steps_may_be_taken():
    images = np.random.default_rng(0).random((9, 6, 6, 1)).astype("float32")
    few, more = (
        feature_visualization(two_filters(1.0), "conv", [0], images, steps=steps) for steps in (66, 67)
    )  # 67 is prime
    assert 0 < np.abs(few - more).max() < 0.1


def test_how_strongly_a_unit_answers_does_not_matter():
    images = np.random.default_rng(0).random((40, 6, 6, 1)).astype("float32")
    plain, strong = (
        feature_visualization(two_filters(scale), "conv", [0, 1], images, steps=16) for scale in (1.0, 300.0)
    )
    np.testing.assert_allclose(strong, plain, atol=1e-3)


def by_hand(net, image, own, window, stride, fill):
    """Return the mean loss of log-odds over the squares that cover each pixel, one square after the other."""

    def log_odds(picture):
        p = net(picture[None]).numpy().astype("float64")[0]
        return math.log(p[own]) - math.log(sum(value for number, value in enumerate(p) if number != own))

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
    found = occlusion(net, images[:2], [3, 8], window=12, stride=7)
    for number, own in enumerate((3, 8)):
        expected = by_hand(net, images[number], own, 12, 7, images[:2].mean())
        np.testing.assert_allclose(found[number], expected, atol=1e-5)


def test_the_class_is_by_default_the_one_that_is_found(net, images):
    classes = net.predict(images[:2], verbose=0).argmax(axis=-1)
    assert (occlusion(net, images[:2], window=16) == occlusion(net, images[:2], classes, window=16)).all()


def test_occlusion_of_a_net_with_logits_stays_exact_where_probabilities_are_one():
    inputs = keras.Input((4, 4, 1))
    outputs = keras.layers.Dense(2, kernel_initializer="ones")(keras.layers.Flatten()(inputs))
    net = keras.Model(inputs, outputs)
    net.layers[-1].set_weights([np.stack([np.full(16, 100.0), np.zeros(16)], axis=1), np.zeros(2)])
    image = np.ones((1, 4, 4, 1))
    image[0, 0, 0] = 0.0
    lost = occlusion(net, image, window=1, stride=1)[0]
    # A covered pixel goes from 1 to the mean, 15/16, of a weight of 100; the black one rises to it.
    assert lost[3, 3] == pytest.approx(100 / 16)
    assert lost[0, 0] == pytest.approx(-100 * 15 / 16)


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
        (lambda net, x: activations(net, x, ["C9"]), "unknown layer of lenet 'C9'"),
        (
            lambda net, x: activations(net, x[:, :5], ["C1"]),
            "must be an array (batch, 32, 32, 1) of at least one image",
        ),
        (lambda net, x: activations(net, x[:0], ["C1"]), "at least one image, not (0, 32, 32, 1)"),
        (lambda net, x: activations(net, x * math.nan, ["C1"]), "images must be finite numbers"),
        (lambda net, x: activations(net, "x", ["C1"]), "images must be an array of numbers"),
        (lambda net, x: activations("lenet", x, ["C1"]), "model must be a Keras model"),
        (
            lambda net, x: top_activations(net, x, "C3", [16]),
            "units must be integers of 0 to 15, the units of 'C3', not [16]",
        ),
        (
            lambda net, x: top_activations(net, x, "C3", count=13),
            "count must be an integer of 1 to the 12 images, not 13",
        ),
        (lambda net, x: feature_visualization(net, "C3", [], x), "units must be integers of 0 to 15"),
        (
            lambda net, x: feature_visualization(net, "C3", [0], x, steps=0),
            "steps must be an integer of at least 1, not 0",
        ),
        (lambda net, x: occlusion(net, x, window=33), "window must be an integer of 1 to 32 pixels, not 33"),
        (lambda net, x: occlusion(net, x, window=4, stride=5), "stride must be an integer of 1 to the window's 4"),
        (lambda net, x: occlusion(net, x, [1]), "classes must be 12 integers of 0 to 9, not [1]"),
        (lambda net, x: occlusion(cnnzoo.autoencoder(input_shape=(32, 32, 1)), x), "and autoencoder is none"),
    ],
)
def test_what_is_refused(net, images, call, words):
    with pytest.raises(cnnzoo.InputError) as caught:
        call(net, images)
    assert words in str(caught.value)
