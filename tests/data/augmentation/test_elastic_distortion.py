"""Elastic distortions against SciPy's smoothing and sampling."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.stats import chisquare

import cnnzoo
from cnnzoo.data.augmentation import BatchSeeds, ElasticDistortion
from cnnzoo.data.augmentation.elastic_distortion import uniform_bytes


def test_elastic_distortion_equals_scipys():
    """The same fields, smoothed and sampled by SciPy in float64, at the published strength."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 29, 24, 2)).astype("uint8")
    layer, seeds = ElasticDistortion(34, 4), BatchSeeds(tf.constant([1, 2]))
    moved = layer.get_random_transformation(images, seed=seeds).numpy()
    fields = uniform_bytes((6, 2, 29, 24), BatchSeeds(tf.constant([1, 2])).next()).numpy()
    distorted = layer.transform_images(images, moved).numpy()
    rows, columns = np.mgrid[:29, :24].astype("float64")
    for number, (image, field) in enumerate(zip(images.astype("float64"), fields.astype("float64"), strict=True)):
        smooth = [34 * gaussian_filter(part, 4, mode="constant") for part in field]
        np.testing.assert_allclose(moved[number], smooth, atol=1e-4)
        for color in range(2):
            expected = map_coordinates(
                image[..., color], [rows + smooth[0], columns + smooth[1]], order=1, mode="nearest"
            )
            np.testing.assert_allclose(distorted[number, ..., color], expected, atol=0.02)
    assert 0.5 < np.abs(moved).mean() < 2  # pixels
    assert np.corrcoef(moved[:, 0].ravel(), moved[:, 1].ravel())[0, 1] < 0.5  # not along the diagonal


def test_the_fields_are_uniform_and_uncorrelated():
    fields = uniform_bytes((8, 2, 28, 30), tf.constant([3, 4])).numpy()
    assert fields.shape == (8, 2, 28, 30)
    counts = np.bincount(np.round(fields * 128 + 127.5).astype(int).ravel(), minlength=256)
    assert chisquare(counts).pvalue > 0.001
    flat = fields.reshape(16, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(16)).max() < 0.15
    assert np.abs(np.corrcoef(fields[..., :-1].ravel(), fields[..., 1:].ravel())[0, 1]) < 0.03


def test_elastic_distortion_changes_nothing_with_alpha_0_or_outside_training():
    images = np.random.default_rng(0).random((3, 8, 9, 3)).astype("float32")
    for layer, training in ((ElasticDistortion(0, 4), True), (ElasticDistortion(34, 4), False)):
        np.testing.assert_allclose(layer(images, training=training), images, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 4), r"`alpha` must be a number of at least 0\. Received: -1"),
        ((34, 0), r"`sigma` must be a positive number\. Received: 0"),
        ((34, -1), r"`sigma` must be a positive number\. Received: -1"),
    ],
)
def test_elastic_distortion_with_numbers_out_of_range_raises(arguments, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        ElasticDistortion(*arguments)
