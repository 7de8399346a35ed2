"""What a model's outputs are, by the operation that makes them or by the loss."""

import keras
import numpy as np
import pytest
from keras import layers, losses, ops

import cnnzoo
from cnnzoo.models.heads import Head, head_of
from cnnzoo.models.probabilities import to_logits, to_probabilities
from tests.heads import BINARY, CATEGORICAL, HEADS, dense, inside, net


@pytest.mark.parametrize("name", HEADS)
def test_the_head_of_a_net_is_known(name):
    build, served, activation = HEADS[name]
    assert head_of(build()) == Head(served, from_logits=activation is not None)


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")  # it has taken no step
@pytest.mark.parametrize("name", HEADS)
def test_it_is_known_after_saving_and_loading_too(name, tmp_path):
    build, served, activation = HEADS[name]
    build().save(tmp_path / "net.keras")
    assert head_of(cnnzoo.load_model(tmp_path / "net.keras")) == Head(served, activation is not None)


def test_predictions_are_those_of_numpy():
    logits = np.random.default_rng(0).normal(0, 3, (5, 4))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sigmoid = 1 / (1 + np.exp(-logits))
    for head, outputs, expected in [
        (Head("probabilities", from_logits=True), logits, softmax),
        (Head("probabilities"), softmax, softmax),
        (Head("labels", from_logits=True), logits, sigmoid),
        (Head("labels"), sigmoid, sigmoid),
        (Head("score", from_logits=True), logits[:, :1], sigmoid[:, 0]),
        (Head("score"), sigmoid[:, :1], sigmoid[:, 0]),
        (Head("values"), logits, logits),
    ]:
        np.testing.assert_allclose(head.predictions(ops.convert_to_tensor(outputs)), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("output", "units", "head"),
    [
        ("probabilities", 3, Head("probabilities")),
        ("logits", 3, Head("probabilities", from_logits=True)),
        ("labels", 3, Head("labels")),
        ("values", 3, Head("values")),
        ("probabilities", 1, Head("score")),
        ("logits", 1, Head("score", from_logits=True)),
        ("values", 1, Head("values")),
    ],
)
def test_who_knows_better_says_it(output, units, head):
    assert head_of(net(dense(units)), output) == head
    assert head_of(net(dense(units), "mse"), output) == head


def test_the_loss_of_the_outer_model_counts_more_than_that_of_the_inner_one():
    model = inside(net(dense(3), CATEGORICAL))
    assert head_of(model) == Head("probabilities", from_logits=True)
    model.compile("sgd", BINARY)
    assert head_of(model) == Head("labels", from_logits=True)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: net(dense(3)), r"net ends in the Dense layer 'dense.*', and neither that nor its loss says what"),
        (lambda: net(dense(1)), "and neither that nor its loss says what its outputs are; say it: output='prob"),
        (lambda: net(dense(1), CATEGORICAL), "neither that nor its loss says"),  # always 0
        (lambda: net(dense(3), losses.CategoricalHinge()), "neither that nor its loss says"),
        (lambda: net(lambda x: ops.softmax(dense(3)(x)) * 0.5), r"ends in the Multiply operation '.*', and neither"),
        (lambda: net(lambda x: layers.Maximum()([dense(3, "softmax")(x)] * 2)), "ends in the Maximum layer"),
        (lambda: net(lambda x: ops.softmax(dense(3)(x), axis=0)), "ends in the Softmax operation"),
        (
            lambda: net(lambda x: layers.Flatten()(dense(3, "softmax")(layers.Reshape((2, 3))(x)))),
            "ends in the Flatten layer",
        ),
        (lambda: net(lambda x: layers.LSTM(3, "sigmoid")(layers.Reshape((2, 3))(x))), "ends in the LSTM layer"),
        (lambda: net(distances), "ends in the RadialBasis layer"),
        (lambda: net(dense(1, "softmax")), "net has one unit, whose softmax is 1 for every image; use a sigmoid"),
        (lambda: inside(net(dense(3))), r"outer ends in the Dense layer 'dense.*', and neither"),
        (
            lambda: net(lambda x: {"digit": dense(3, "softmax")(x), "sum": dense(1)(x)}),
            r"net returns a dictionary of outputs, digit, sum; take one of them, such as keras.Model\(model.inputs",
        ),
        (lambda: net(lambda x: {"digit": dense(3, "softmax")(x)}), "net returns a dictionary of outputs, digit;"),
        (lambda: net(lambda x: [dense(3, "softmax")(x), dense(1)(x)]), "net returns a list of outputs, "),
        (lambda: cnnzoo.lenet(include_top=False), r"no classifier and no autoencoder: it returns \(None, 5, 5, 16\)"),
        (lambda: keras.Sequential([dense(3)], name="open"), "open is a Sequential model that does not know its input"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(build, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        head_of(build())


def distances(x):
    return cnnzoo.layers.RadialBasis(3)(x)


def test_a_softmax_is_taken_for_no_logits():
    for activation, words in (("softmax", "it ends in a softmax"), ("sigmoid", "it ends in a sigmoid")):
        with pytest.raises(cnnzoo.InputError, match=f"the outputs of net are no logits: {words}"):
            head_of(net(dense(3, activation)), "logits")
    with pytest.raises(cnnzoo.InputError, match="unknown output 'logit'; did you mean 'logits'"):
        head_of(net(dense(3)), "logit")


@pytest.mark.parametrize("function", [to_probabilities, to_logits])
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: net(dense(1, "sigmoid")), "but the score of one class"),
        (lambda: net(dense(3, "sigmoid")), "but a score for each of several labels"),
        (lambda: net(dense(3), "mse"), "net returns neither probabilities of two or more classes .*, but values"),
    ],
)
def test_what_has_no_classes_has_no_probabilities_of_them(function, build, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        function(build())


def test_a_classifier_of_one_class_is_refused():
    for build in (cnnzoo.lenet, cnnzoo.mlp, cnnzoo.all_cnn_c):
        for options in ({}, {"compile": False}, {"classifier_activation": None}):
            with pytest.raises(cnnzoo.InputError, match=r"`classes` must be at least 2 with a softmax.*Received: 1"):
                build(classes=1, **options)
    model = cnnzoo.lenet(classes=1, classifier_activation="sigmoid")
    assert head_of(model) == Head("score")
