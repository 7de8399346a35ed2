"""ZCA whitening against scikit-learn's whitening and the formula."""

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

import cnnzoo
from cnnzoo.layers import ZCAWhitening


def correlated(examples=400, shape=(3, 4, 2)):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(24, 24))
    return (rng.normal(size=(examples, 24)) @ mixing + rng.normal(size=24)).reshape(-1, *shape).astype("float32")


def test_it_equals_scikit_learns_whitening_rotated_back():
    images = correlated()
    layer = ZCAWhitening(epsilon=1e-9)
    layer.adapt(images)
    rows = images.reshape(len(images), -1).astype("float64")
    pca = PCA(whiten=True).fit(rows)
    # scikit-learn divides by n − 1, and gives the principal components; turned back they look like images.
    expected = pca.transform(rows) @ pca.components_ * np.sqrt(len(rows) / (len(rows) - 1))
    np.testing.assert_allclose(np.reshape(layer(images), rows.shape), expected, atol=2e-3)
    np.testing.assert_allclose(np.cov(np.reshape(layer(images), rows.shape), rowvar=False), np.eye(24), atol=0.02)
    matrix = np.asarray(layer.matrix)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)


def test_epsilon_limits_the_scale_of_small_variances():
    images = correlated() * np.float32(1e-3)
    layer = ZCAWhitening(epsilon=0.1)
    layer.adapt(images)
    rows = images.reshape(len(images), -1).astype("float64")
    mean, covariance = rows.mean(axis=0), np.cov(rows, rowvar=False, bias=True)
    values, vectors = np.linalg.eigh(covariance)
    expected = (rows - mean) @ (vectors @ np.diag((values + 0.1) ** -0.5) @ vectors.T)
    np.testing.assert_allclose(np.reshape(layer(images), rows.shape), expected, atol=1e-5)


def test_adapting_to_batches_equals_adapting_to_the_whole(tmp_path):
    images = correlated()
    whole, parts = ZCAWhitening(), ZCAWhitening()
    whole.adapt(images)
    parts.adapt(images[start : start + 64] for start in range(0, len(images), 64))
    np.testing.assert_allclose(parts.matrix, whole.matrix, atol=1e-6)
    assert whole.trainable_weights == []
    model = keras.Sequential([keras.Input(images.shape[1:]), whole])
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(images), model(images))


def test_unadapted_it_changes_nothing():
    images = correlated(5)
    np.testing.assert_array_equal(ZCAWhitening()(images), images)


@pytest.mark.parametrize("epsilon", [0, -1, "small", float("inf"), True])
def test_an_epsilon_that_is_not_positive_raises(epsilon):
    with pytest.raises(cnnzoo.InputError, match=r"`epsilon` must be a positive number\. Received: "):
        ZCAWhitening(epsilon)


def test_images_that_are_too_large_of_unknown_size_or_too_few_raise():
    with pytest.raises(cnnzoo.InputError, match=r"they may have at most 12,288 values, .* Received: 154,587 values"):
        ZCAWhitening()(keras.Input((227, 227, 3)))
    with pytest.raises(cnnzoo.InputError, match=r"needs images of known size\. Received: \(None, None, 8, 3\)"):
        ZCAWhitening()(keras.Input((None, 8, 3)))
    with pytest.raises(cnnzoo.InputError, match=r"at least two examples to adapt to\. Received: 1"):
        ZCAWhitening().adapt(correlated(1))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(value):
    images = np.random.default_rng(0).random((5, 3, 3, 1))
    images[2, 1, 1] = value
    with pytest.raises(cnnzoo.InputError, match="whitening needs finite numbers to adapt to"):
        cnnzoo.layers.ZCAWhitening().adapt(images)
