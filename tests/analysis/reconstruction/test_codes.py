"""Encoders and decoders of autoencoders, and their codes with labels."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import cnnzoo
from cnnzoo.analysis import LabeledCodes, ModelCode, codes_2d, pca
from cnnzoo.analysis.reconstruction.codes import coder_of
from cnnzoo.errors import InputError
from tests.analysis.reconstruction.autoencoders import convolutional_autoencoder, dense_autoencoder, images


@pytest.mark.parametrize("model", [dense_autoencoder(), convolutional_autoencoder()], ids=lambda model: model.name)
def test_encoder_and_decoder_compute_what_the_model_does_and_leave_it_unchanged(model, tmp_path):
    calls = [len(layer._inbound_nodes) for layer in model.layers]
    test = images(700, model.input_shape[1:])
    coder = ModelCode(model)
    expected = model.predict(test, verbose=0)
    np.testing.assert_allclose(coder.reconstruct(test), expected, atol=1e-6)
    assert coder.encode(test).shape == (700, coder.size)
    assert [len(layer._inbound_nodes) for layer in model.layers] == calls
    model.save(tmp_path / "model.keras")
    again = ModelCode(keras.models.load_model(tmp_path / "model.keras"))
    np.testing.assert_allclose(again.reconstruct(test), expected, atol=1e-6)


def test_a_coder_shares_the_weights_of_its_model_and_adds_no_noise():
    model = dense_autoencoder(noise=1.0)
    coder, test = ModelCode(model), images()
    np.testing.assert_array_equal(coder.encode(test), coder.encode(test))
    before = coder.encode(test)
    model.get_layer("code").bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(coder.encode(test), before + np.array([1, 2, 3]), rtol=1e-5)


def test_neighbors_are_those_of_a_classifier_that_leaves_one_out():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 60)
    codes = generator.normal(size=(60, 2)) + labels[:, np.newaxis]
    scores = cross_val_score(KNeighborsClassifier(3), codes, labels, cv=LeaveOneOut())
    assert LabeledCodes("", codes, labels).neighbor_accuracy(3) == pytest.approx(scores.mean())
    with pytest.raises(InputError, match=r"`neighbors` must be an integer from 1 to 59, .*\. Received: 60"):
        LabeledCodes("", codes, labels).neighbor_accuracy(60)


def test_codes_are_those_of_the_first_images_of_each_class():
    train = cnnzoo.data.load("digits").train
    model = dense_autoencoder((8, 8, 1), code=2)
    for coder in (model, pca(train.images, 2)):
        plane = codes_2d(coder, train.images, train.labels, per_class=20)
        assert np.bincount(plane.labels).tolist() == [20] * 10
        chosen = np.sort(np.concatenate([np.flatnonzero(train.labels == label)[:20] for label in range(10)]))
        np.testing.assert_array_equal(plane.labels, train.labels[chosen])
        assert plane.codes.shape == (200, 2)
    expected = keras.Model(model.input, model.get_layer("code").output).predict(train.images[chosen] / 255, verbose=0)
    np.testing.assert_allclose(codes_2d(model, train.images, train.labels, per_class=20).codes, expected, atol=1e-5)


def test_the_codes_of_a_contractive_autoencoder_with_hidden_layers_are_decoded():
    model = cnnzoo.autoencoder(input_shape=(4, 4, 1), units=(6,), code=3, sparsity="kl", contractive=0.1)
    few, coder = images(5, (4, 4, 1)), ModelCode(model)
    np.testing.assert_allclose(coder.decode(coder.encode(few)), model.predict(few, verbose=0), atol=1e-6)


def around_the_code():
    inputs = keras.Input((4,))
    code = layers.Dense(2, name="code")(inputs)
    return keras.Model(inputs, layers.Add()([layers.Dense(4)(code), inputs]), name="around")


def without_a_code():
    return keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="plain")


def classifier():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, name="code")], name="classifier")


class Subclassed(keras.Model):
    pass


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (around_the_code, "the output of model 'around' does not depend on its code alone"),
        (without_a_code, "model 'plain' has no layer 'code'"),
        (classifier, r"model 'classifier' takes \(4,\) and gives \(3,\)"),
        (
            lambda: "lenet",
            r"`model` must be an autoencoder, or a baseline such as pca\(images, 30\)\. Received: 'lenet'",
        ),
        (Subclassed, "subclassed"),
    ],
)
def test_what_is_no_autoencoder_is_refused(model, words):
    with pytest.raises(InputError, match=words):
        coder_of(model())


def test_images_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"model 'small' takes images of shape \(4, 5, 1\)\. Received: \(5, 4, 1\)"):
        ModelCode(dense_autoencoder()).encode(images(9, (5, 4, 1)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"labels": np.zeros(8, int)},
            r"`labels` must be 9 integers, one for each image\. Received: int64 of shape \(8,\)",
        ),
        ({"labels": np.zeros(9)}, "Received: float64"),
        ({"per_class": 10}, "`per_class` must be at most 9, the images of class 0. Received: 10"),
        ({"per_class": 0}, "`per_class` must be a positive integer. Received: 0"),
        ({"model": pca(images(9), 3)}, "codes_2d takes codes of 2 numbers. Received: PCA with 3"),
    ],
)
def test_codes_2d_names_what_is_allowed(options, words):
    arguments = {"model": pca(images(9), 2), "images": images(9), "labels": np.zeros(9, int), "per_class": 3}
    with pytest.raises(InputError, match=words):
        codes_2d(**{**arguments, **options})


def test_codes_2d_takes_500_images_of_each_class_by_default():
    many = np.random.default_rng(0).random((1300, 2, 2, 1))
    plane = codes_2d(pca(many, 2), many, np.arange(1300) % 2)
    assert plane.labels.tolist() == [0, 1] * 500


def test_the_code_is_that_of_this_model_where_another_has_called_its_layers():
    model = dense_autoencoder()
    inputs = x = keras.Input(model.input_shape[1:])
    for layer in model.layers[1:]:
        x = layer(x)
    test = images()
    again = ModelCode(keras.Model(inputs, x))
    np.testing.assert_allclose(again.encode(test), ModelCode(model).encode(test), atol=1e-6)
    np.testing.assert_allclose(again.reconstruct(test), model.predict(test, verbose=0), atol=1e-6)
