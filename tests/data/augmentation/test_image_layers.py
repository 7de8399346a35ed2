"""The augmentation layers of pixels against NumPy, and their distributions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import cnnzoo
from cnnzoo.data.augmentation import (
    BatchSeeds,
    ColorNoise,
    InputNoise,
    RandomAffine,
    RandomCrops,
    RandomFlips,
    RandomShifts,
    apply_layers,
)
from cnnzoo.data.augmentation.image_layers import EIGENVALUES, EIGENVECTORS


def numbered(examples, height, width, channels=3):
    """Return images in which no two pixels are alike."""
    pixels = np.arange(examples * height * width * channels, dtype="float32")
    return pixels.reshape(examples, height, width, channels)


def transformation_of(layer, images, seed=0):
    seeds = BatchSeeds(tf.constant([seed, 1]))
    return layer.get_random_transformation(tf.constant(images), training=True, seed=seeds).numpy()


LAYERS = [
    RandomCrops(5, 7),
    RandomShifts(2),
    RandomFlips(),
    RandomAffine(6, 0.09, 0.07, 0.04),
    ColorNoise(0.1),
    InputNoise(0.3),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_changes_depend_only_on_the_seed_inside_and_outside_of_a_pipeline(layer):
    images = tf.constant(numbered(6, 8, 9))

    def change(number):
        return apply_layers(images, [layer], BatchSeeds(tf.stack([3, number])))

    in_pipeline = tf.data.Dataset.range(4, output_type=tf.int32).map(change, num_parallel_calls=2)
    outside = [change(number).numpy() for number in range(4)]
    for one, other in zip(in_pipeline, outside, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len({batch.tobytes() for batch in outside}) == 4


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_layers_can_be_rebuilt_from_their_config_and_repeat_their_seed(layer):
    images = numbered(6, 8, 9)
    config = {**layer.get_config(), "seed": 4}
    one, other = (type(layer).from_config(config)(images, training=True) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one.shape == layer.compute_output_shape(images.shape)


def test_crops_equal_numpys_slices_at_one_position_per_image():
    images, layer = numbered(40, 8, 11), RandomCrops(5, 7)
    positions = transformation_of(layer, images)
    cropped = layer.transform_images(images, positions).numpy()
    for image, (top, left), crop in zip(images, positions, cropped, strict=True):
        np.testing.assert_array_equal(crop, image[top : top + 5, left : left + 7])
    assert len({tuple(position) for position in positions}) > 5


def test_crop_positions_are_uniform():
    positions = transformation_of(RandomCrops(5, 7), np.zeros((20_000, 7, 8, 1)))
    counts = np.zeros((3, 2))
    np.add.at(counts, tuple(positions.T), 1)
    # A count of a sixth has a standard deviation of sqrt(20,000 · 1/6 · 5/6) = 53.
    np.testing.assert_allclose(counts, 20_000 / 6, atol=5 * 53)


def test_crops_keep_uint8_and_outside_training_are_central():
    images = numbered(2, 8, 11).astype("uint8")
    cropped = RandomCrops(4, 5)(images)
    assert cropped.dtype == "uint8"
    np.testing.assert_array_equal(cropped, images[:, 2:6, 3:8])


def test_keras_own_crops_share_one_position():
    """If this fails, RandomCrops may have become needless."""
    images = np.repeat(numbered(1, 32, 32), 20, axis=0)
    cropped = keras.layers.RandomCrop(8, 8, seed=0)(images, training=True)
    assert np.ptp(np.asarray(cropped), axis=0).max() == 0


def test_shifts_equal_numpys_slices_of_the_image_with_repeated_border():
    images, layer = numbered(200, 6, 9), RandomShifts(2)
    shifts = transformation_of(layer, images)
    shifted = layer.transform_images(images, shifts).numpy()
    for image, (down, right), result in zip(images, shifts, shifted, strict=True):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
        np.testing.assert_array_equal(result, padded[2 - down : 8 - down, 2 - right : 11 - right])
    assert {tuple(shift) for shift in shifts} == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}
    np.testing.assert_array_equal(layer(images), images)


def test_flips_equal_numpys_and_those_of_keras_layer():
    images, layer = numbered(200, 6, 9), RandomFlips(seed=3)
    flips = transformation_of(layer, images)
    flipped = layer.transform_images(images, flips).numpy()
    for image, flip, result in zip(images, flips, flipped, strict=True):
        np.testing.assert_array_equal(result, image[:, ::-1] if flip else image)
    assert 70 < flips.sum() < 130
    theirs = keras.layers.RandomFlip("horizontal", seed=3)
    np.testing.assert_array_equal(layer(images, training=True), theirs(images, training=True))
    np.testing.assert_array_equal(layer(images), images)


def test_color_noise_follows_the_papers_formula():
    images, layer = numbered(30, 4, 5) % 256, ColorNoise(0.1)
    factors = transformation_of(layer, images)
    noisy = layer.transform_images(images.astype("uint8"), factors).numpy()
    for image, alpha, result in zip(images, factors, noisy, strict=True):
        shift = 255 * sum(alpha[i] * EIGENVALUES[i] * EIGENVECTORS[:, i] for i in range(3))
        np.testing.assert_allclose(result, image + shift, atol=1e-3)
    assert noisy.dtype == "float32"
    np.testing.assert_array_equal(layer(images), images)


def test_color_noise_has_the_documented_variances():
    factors = transformation_of(ColorNoise(0.1), np.zeros((20_000, 1, 1, 3)))
    np.testing.assert_allclose(factors.std(axis=0), 0.1, rtol=0.03)
    np.testing.assert_allclose(factors.mean(axis=0), 0, atol=0.003)
    np.testing.assert_allclose(EIGENVECTORS.T @ EIGENVECTORS, np.eye(3), atol=1e-3)
    # What makes the constants variances and no standard deviations: pixels deviate by about 0.28.
    assert np.sqrt(EIGENVALUES.sum() / 3) == pytest.approx(0.28, abs=0.01)


def test_input_noise_is_normal_and_independent():
    images, layer = np.random.default_rng(0).random((50, 28, 28, 2), "float32"), InputNoise(0.3)
    noisy = layer(images, training=True).numpy()
    noise = noisy - images
    assert stats.kstest(noise.ravel(), stats.norm(0, 0.3).cdf).pvalue > 0.01
    for axis in range(4):
        neighbors = np.corrcoef(noise.ravel(), np.roll(noise, 1, axis).ravel())[0, 1]
        assert abs(neighbors) < 0.02
    np.testing.assert_array_equal(layer(images), images)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: RandomCrops(9, 7)(numbered(1, 8, 11)),
            r"8×11 pixels are too small for crops of 9×7; .* \(10, 8\)",
        ),
        (lambda: RandomCrops(0, 7), r"`height` must be a positive integer\. Received: 0"),
        (lambda: RandomCrops(3, 7.0), r"`width` must be a positive integer\. Received: 7.0"),
        (lambda: RandomShifts(True), r"`pixels` must be a positive integer\. Received: True"),
        (lambda: ColorNoise(-0.1), r"`sigma` must be a number of at least 0\. Received: -0.1"),
        (lambda: InputNoise("a lot"), r"`sigma` must be a number of at least 0\. Received: 'a lot'"),
        (lambda: ColorNoise()(numbered(1, 8, 11, 1)), r"3 channels\. Received: 1 channels"),
    ],
)
def test_wrong_arguments_and_images_raise(call, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        call()


@pytest.mark.parametrize("pixels", [1, 3])
def test_shifts_are_symmetric(pixels):
    shifts = transformation_of(RandomShifts(pixels), numbered(400, 4, 4))
    for along in shifts.T:
        assert sorted(set(along.tolist())) == list(range(-pixels, pixels + 1))
