"""Affine distortions against Keras' own layers, whose numbers and seeds they have."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy.ndimage import affine_transform

import cnnzoo
from cnnzoo.data.augmentation import RandomAffine

IMAGES = np.random.default_rng(0).uniform(0, 255, (20, 28, 23, 2)).astype("float32")


@pytest.mark.parametrize(("degrees", "shear", "zoom", "shift"), [(6, 0.09, 0.07, 0.04), (30, 0.5, 0.3, 0.2)])
def test_it_equals_keras_four_layers(degrees, shear, zoom, shift):
    ours = RandomAffine(degrees, shear, zoom, shift, seed=3)(IMAGES, training=True)
    images = IMAGES
    for layer, draws_before in (
        (layers.RandomRotation(degrees / 360, fill_mode="nearest", seed=3), 0),
        (layers.RandomShear(shear, 0.0, fill_mode="nearest", seed=3), 1),
        (layers.RandomZoom(zoom, zoom, fill_mode="nearest", seed=3), 4),
        (layers.RandomTranslation(shift, shift, fill_mode="nearest", seed=3), 6),
    ):
        layer.generator.state.assign([3, draws_before])
        images = layer(images, training=True)
    np.testing.assert_array_equal(ours, images)


def test_each_step_equals_scipys():
    """By its matrix, which leads from a place in the result to that in the image."""
    layer = RandomAffine(30, 0.5, 0.3, 0.2)
    transformation = layer.get_random_transformation(IMAGES, seed=keras.random.SeedGenerator(1))
    for matrices in transformation:
        found = layer.transform_images(IMAGES, [matrices]).numpy()
        for image, (a0, a1, a2, b0, b1, b2, *_), result in zip(IMAGES, matrices.numpy(), found, strict=True):
            expected = [
                affine_transform(color, [[b1, b0], [a1, a0]], [b2, a2], order=1, mode="nearest")
                for color in np.moveaxis(image, -1, 0)
            ]
            np.testing.assert_allclose(np.moveaxis(result, -1, 0), expected, atol=0.05)


def test_nothing_changes_without_amounts_or_outside_of_training():
    for layer, training in ((RandomAffine(0, 0, 0, 0), True), (RandomAffine(6, 0.09, 0.07, 0.04), False)):
        np.testing.assert_allclose(layer(IMAGES, training=training), IMAGES, atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-6, 0, 0, 0), r"`degrees` must be a number of at least 0\. Received: -6"),
        ((6, -0.1, 0, 0), r"`shear` must be a number of at least 0\. Received: -0\.1"),
        ((6, 0, 1, 0), r"`zoom` must be a number of at least 0 and below 1\. Received: 1"),
        ((6, 0, 0, "far"), r"`shift` must be a number of at least 0\. Received: 'far'"),
    ],
)
def test_numbers_out_of_range_raise(arguments, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        RandomAffine(*arguments)
