"""Autoencoders as coders, their rows beside the baselines', and their codes beside the labels."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import cnnzoo
from cnnzoo.analysis import (
    LabeledCodes,
    ModelCode,
    codes_2d,
    compare_codes,
    compare_reconstructions,
    pca,
    quantize,
    squared_error,
)
from cnnzoo.errors import InputError
from tests.analysis.reconstruction.autoencoders import convolutional_autoencoder, dense_autoencoder, images


@pytest.mark.parametrize("model", [dense_autoencoder(), convolutional_autoencoder()], ids=lambda model: model.name)
def test_the_halves_make_the_whole_and_leave_it_as_it_was(model, tmp_path):
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


def test_a_coder_follows_its_model_and_is_silent_about_noise():
    model = dense_autoencoder(noise=1.0)
    coder, test = ModelCode(model), images()
    np.testing.assert_array_equal(coder.encode(test), coder.encode(test))
    before = coder.encode(test)
    model.get_layer("code").bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(coder.encode(test), before + np.array([1, 2, 3]), rtol=1e-5)


def test_rows_are_what_each_code_keeps():
    model, train, test = dense_autoencoder(), images(50), images(20, seed=1)
    rows = compare_reconstructions(model, train, test, logistic=True, bits=(32, 4)).rows
    assert [(row.name, row.bits) for row in rows] == [
        (name, bits) for name in ("small", "PCA", "logistic PCA") for bits in (32, 4)
    ]
    assert {row.code_size for row in rows} == {3}
    assert rows[0].squared_error == pytest.approx(squared_error(test, model.predict(test, verbose=0)), rel=1e-5)
    assert rows[0].mean_squared_error == pytest.approx(rows[0].squared_error / 20)
    assert rows[2].squared_error == pytest.approx(squared_error(test, pca(train, 3).reconstruct(test)))
    assert (rows[3].bits_per_image, rows[3].compression_ratio) == (12, pytest.approx(160 / 12))
    coder = pca(train, 3)
    kept = coder.decode(quantize(coder.encode(test), 4, like=coder.encode(train)))
    assert rows[3].squared_error == pytest.approx(squared_error(test, kept))


def test_markdown_has_a_line_for_each_row():
    train = images(50)
    lines = compare_codes([pca(train, 2), pca(train, 5)], train, train).to_markdown().splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    row = compare_codes([pca(train, 2)], train, train).rows[0]
    assert lines[2].startswith(f"| PCA | 2 | 32 | 64 | 2.50 | {row.squared_error:.3f} |")


def test_neighbors_are_those_of_a_classifier_that_leaves_one_out():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 60)
    codes = generator.normal(size=(60, 2)) + labels[:, np.newaxis]
    scores = cross_val_score(KNeighborsClassifier(3), codes, labels, cv=LeaveOneOut())
    assert LabeledCodes("", codes, labels).neighbor_accuracy(3) == pytest.approx(scores.mean())
    with pytest.raises(InputError, match="neighbors must be an integer of 1 to 59, not 60"):
        LabeledCodes("", codes, labels).neighbor_accuracy(60)


def test_codes_are_those_of_the_first_images_of_each_class():
    train = cnnzoo.data.load("digits").train
    model = dense_autoencoder((8, 8, 1), code=2)
    for coder in (model, pca(train.images, 2)):
        found = codes_2d(coder, train.images, train.labels, per_class=20)
        assert np.bincount(found.labels).tolist() == [20] * 10
        chosen = np.sort(np.concatenate([np.flatnonzero(train.labels == label)[:20] for label in range(10)]))
        np.testing.assert_array_equal(found.labels, train.labels[chosen])
        assert found.codes.shape == (200, 2)
    expected = keras.Model(model.input, model.get_layer("code").output).predict(train.images[chosen] / 255, verbose=0)
    np.testing.assert_allclose(codes_2d(model, train.images, train.labels, per_class=20).codes, expected, atol=1e-5)


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
        (lambda: "lenet", "an autoencoder or a baseline such as pca.images, 30. is needed, not 'lenet'"),
        (Subclassed, "subclassed"),
    ],
)
def test_what_is_no_autoencoder_gets_a_sentence(model, words):
    with pytest.raises(InputError, match=words):
        compare_reconstructions(model(), np.zeros((9, 4)), np.zeros((9, 4)))


def test_images_of_another_shape_get_a_sentence():
    model = dense_autoencoder()
    with pytest.raises(InputError, match=r"model 'small' takes images of shape \(4, 5, 1\), not \(5, 4, 1\)"):
        compare_reconstructions(model, images(9, (5, 4, 1)), images(9, (5, 4, 1)))
    with pytest.raises(InputError, match=r"train and test images must have one shape, not \(4, 5, 1\) and \(5, 4, 1\)"):
        compare_reconstructions(model, images(9), images(9, (5, 4, 1)))
    with pytest.raises(InputError, match="bits must be 1 to 16, or 32 for floats, not 20"):
        compare_reconstructions(model, images(9), images(9), bits=20)
    with pytest.raises(InputError, match="train images must be uint8, or floats of 0 to 1"):
        compare_reconstructions(model, images(9) * 3, images(9))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": np.zeros(8, int)}, r"labels must be 9 integers, one for each image, not int64 of shape \(8,\)"),
        ({"labels": np.zeros(9)}, "not float64"),
        ({"per_class": 10}, "per_class must be at most 9, the images of class 0, not 10"),
        ({"per_class": 0}, "per_class must be an integer of at least 1, not 0"),
        ({"model": pca(images(9), 3)}, "codes_2d shows codes of 2 numbers, and those of PCA have 3"),
    ],
)
def test_codes_2d_says_what_it_takes(options, words):
    arguments = {"model": pca(images(9), 2), "images": images(9), "labels": np.zeros(9, int), "per_class": 3}
    with pytest.raises(InputError, match=words):
        codes_2d(**{**arguments, **options})


def test_codes_2d_takes_as_many_of_a_class_as_the_figure_of_2006_shows():
    many = np.random.default_rng(0).random((1300, 2, 2, 1))
    found = codes_2d(pca(many, 2), many, np.arange(1300) % 2)
    assert found.labels.tolist() == [0, 1] * 500
