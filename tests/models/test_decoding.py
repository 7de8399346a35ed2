"""Predictions decoded to class names."""

import numpy as np
import pytest

import cnnzoo
from cnnzoo import models

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
NAMES = {name: [str(digit) for digit in range(10)] for name in ("lenet5", "lenet4", "lenet_1989", "lenet", "mlp")}
NAMES |= dict.fromkeys(("cuda_convnet", "all_cnn_a", "model_c", "network_in_network"), CIFAR)


def decoded(name, predictions, **options):
    return models.family(name).decode_predictions(predictions, **options)


def probabilities(classes, count=3):
    values = np.random.default_rng(0).random((count, classes)).astype("float32")
    return values / values.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_named_and_sorted_by_probability(name):
    predictions = probabilities(10)
    rows = decoded(name, predictions, top=10)
    assert len(rows) == 3
    for row, values in zip(rows, predictions, strict=True):
        labels = sorted(range(10), key=lambda label: -values[label])
        assert row == [(label, NAMES[name][label], float(values[label])) for label in labels]
    assert [row[:5] for row in rows] == decoded(name, predictions)


def test_equal_probabilities_keep_the_order_of_the_labels():
    assert [label for label, *_ in decoded("mlp", np.full((1, 10), 0.1))[0]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(10,), (2, 9), (2, 2, 10)], ids=str)
def test_other_shapes_raise(name, shape):
    with pytest.raises(
        cnnzoo.InputError, match=r"`predictions` must be probabilities of shape \(batch, 10\)\. Received: \("
    ):
        decoded(name, np.zeros(shape))


@pytest.mark.parametrize(("name", "classes"), [("lenet", 10), ("all_cnn_b", 10), ("alexnet", 1000), ("caffenet", 1000)])
@pytest.mark.parametrize("top", [0, -1, 1001, 2.0, True, None])
def test_top_out_of_range_raises(name, classes, top):
    with pytest.raises(
        cnnzoo.InputError, match=f"`top` must be an integer from 1 to {classes}, the number of classes. Received: {top}"
    ):
        decoded(name, probabilities(classes), top=top)


@pytest.mark.parametrize("name", ["alexnet", "caffenet", "alexnet_owt", "zfnet", "network_in_network_imagenet"])
def test_imagenets_classes_have_keras_names(name, monkeypatch):
    index = {str(label): [f"n{label:08}", f"thing {label}"] for label in range(1000)}
    monkeypatch.setattr("keras.src.applications.imagenet_utils.CLASS_INDEX", index)  # as after it was fetched once
    predictions = probabilities(1000)
    for row, values in zip(decoded(name, predictions, top=3), predictions, strict=True):
        labels = np.argsort(-values)[:3]
        assert row == [(f"n{label:08}", f"thing {label}", float(values[label])) for label in labels]


@pytest.mark.parametrize("name", ["alexnet", "alexnet_owt"])
def test_imagenets_names_without_a_network_raise(name, monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setattr("keras.src.applications.imagenet_utils.CLASS_INDEX", None)
    nobody = "http://127.0.0.1:9/imagenet_class_index.json"
    monkeypatch.setattr("keras.src.applications.imagenet_utils.CLASS_INDEX_PATH", nobody)
    with pytest.raises(cnnzoo.InputError, match=r"ImageNet's class names cannot be downloaded: .*127.0.0.1:9"):
        decoded(name, probabilities(1000))


def test_predictions_for_other_than_a_thousand_classes_raise():
    with pytest.raises(
        cnnzoo.InputError, match=r"`predictions` must be probabilities of shape \(batch, 1000\)\. Received: \(3, 10\)"
    ):
        decoded("alexnet", probabilities(10))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("row", "received"),
    [
        (np.linspace(-80, -5, 10), "-80 to -5, with sums from -425 to -425"),  # lenet5's negated penalties
        (np.linspace(0, 1, 10), "0 to 1, with sums from 5 to 5"),  # sigmoids
        (np.array([1.5, -0.5, *[0] * 8]), "-0.5 to 1.5, with sums from 1 to 1"),
        (np.full(10, np.nan), "nan to nan"),
    ],
    ids=["penalties", "sigmoids", "logits", "nan"],
)
def test_what_is_no_probability_raises(name, row, received):
    words = "`predictions` must be probabilities, from 0 to 1 with a sum of 1 for each image. Received: "
    with pytest.raises(cnnzoo.InputError) as caught:
        decoded(name, np.stack([probabilities(10, 1)[0], row])[1:])
    assert words + received in str(caught.value)
    assert "keras.ops.softmax(predictions)" in str(caught.value)


def test_probabilities_of_half_precision_are_probabilities():
    assert decoded("lenet", probabilities(10).astype("float16"), top=1)
