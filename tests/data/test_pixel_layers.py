import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import cnnzoo
from cnnzoo.data.augmentation import (
    EIGENVALUES,
    EIGENVECTORS,
    BatchSeeds,
    ColorNoise,
    InputNoise,
    RandomCrops,
    RandomShifts,
    augmented,
)


def numbered(examples, height, width, channels=3):
    """Return images in which no two pixels are alike."""
    pixels = np.arange(examples * height * width * channels, dtype="float32")
    return pixels.reshape(examples, height, width, channels)


def drawn(layer, images, seed=0):
    seeds = BatchSeeds(tf.constant([seed, 1]))
    return layer.get_random_transformation(tf.constant(images), training=True, seed=seeds).numpy()


LAYERS = [RandomCrops(5, 7), RandomShifts(2), ColorNoise(0.1), InputNoise(0.3)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_the_seed_alone_decides_in_a_pipeline_as_outside_of_it(layer):
    images = tf.constant(numbered(6, 8, 9))

    def change(number):
        return augmented(images, [layer], BatchSeeds(tf.stack([3, number])))

    in_pipeline = tf.data.Dataset.range(4, output_type=tf.int32).map(change, num_parallel_calls=2)
    outside = [change(number).numpy() for number in range(4)]
    for one, other in zip(in_pipeline, outside, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len({batch.tobytes() for batch in outside}) == 4


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_layers_survive_their_config_and_repeat_their_seed(layer):
    images = numbered(6, 8, 9)
    config = {**layer.get_config(), "seed": 4}
    one, other = (type(layer).from_config(config)(images, training=True) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one.shape == layer.compute_output_shape(images.shape)


def test_crops_are_numpys_slices_one_place_for_each_image():
    images, layer = numbered(40, 8, 11), RandomCrops(5, 7)
    places = drawn(layer, images)
    cropped = layer.transform_images(images, places).numpy()
    for image, (top, left), crop in zip(images, places, cropped, strict=True):
        np.testing.assert_array_equal(crop, image[top : top + 5, left : left + 7])
    assert len({tuple(place) for place in places}) > 5


def test_every_place_for_a_crop_comes_equally_often():
    places = drawn(RandomCrops(5, 7), np.zeros((20_000, 7, 8, 1)))
    counts = np.zeros((3, 2))
    np.add.at(counts, tuple(places.T), 1)
    # A share of a sixth has a standard deviation of sqrt(20,000 · 1/6 · 5/6) = 53.
    np.testing.assert_allclose(counts, 20_000 / 6, atol=5 * 53)


def test_crops_keep_uint8_and_outside_training_are_central():
    images = numbered(2, 8, 11).astype("uint8")
    cropped = RandomCrops(4, 5)(images)
    assert cropped.dtype == "uint8"
    np.testing.assert_array_equal(cropped, images[:, 2:6, 3:8])


def test_keras_own_crops_share_one_place():
    """If this fails, RandomCrops may have become needless."""
    images = np.repeat(numbered(1, 32, 32), 20, axis=0)
    cropped = keras.layers.RandomCrop(8, 8, seed=0)(images, training=True)
    assert np.ptp(np.asarray(cropped), axis=0).max() == 0


def test_shifts_are_numpys_slices_of_the_image_with_its_border_repeated():
    images, layer = numbered(200, 6, 9), RandomShifts(2)
    shifts = drawn(layer, images)
    shifted = layer.transform_images(images, shifts).numpy()
    for image, (down, right), result in zip(images, shifts, shifted, strict=True):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
        np.testing.assert_array_equal(result, padded[2 - down : 8 - down, 2 - right : 11 - right])
    assert {tuple(shift) for shift in shifts} == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}
    np.testing.assert_array_equal(layer(images), images)


def test_color_noise_is_the_papers_formula():
    images, layer = numbered(30, 4, 5) % 256, ColorNoise(0.1)
    factors = drawn(layer, images)
    noisy = layer.transform_images(images.astype("uint8"), factors).numpy()
    for image, alpha, result in zip(images, factors, noisy, strict=True):
        shift = 255 * sum(alpha[i] * EIGENVALUES[i] * EIGENVECTORS[:, i] for i in range(3))
        np.testing.assert_allclose(result, image + shift, atol=1e-3)
    assert noisy.dtype == "float32"
    np.testing.assert_array_equal(layer(images), images)


def test_color_noise_has_the_variances_it_states():
    factors = drawn(ColorNoise(0.1), np.zeros((20_000, 1, 1, 3)))
    np.testing.assert_allclose(factors.std(axis=0), 0.1, rtol=0.03)
    np.testing.assert_allclose(factors.mean(axis=0), 0, atol=0.003)
    np.testing.assert_allclose(EIGENVECTORS.T @ EIGENVECTORS, np.eye(3), atol=1e-3)
    # What makes the constants variances and no standard deviations: pixels deviate by about 0.28.
    assert np.sqrt(EIGENVALUES.sum() / 3) == pytest.approx(0.28, abs=0.01)


def test_input_noise_is_normal_and_another_draw_for_every_value():
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
        (lambda: RandomCrops(0, 7), "height must be an integer of at least 1, not 0"),
        (lambda: RandomCrops(3, 7.0), "width must be an integer of at least 1, not 7.0"),
        (lambda: RandomShifts(True), "pixels must be an integer of at least 1, not True"),
        (lambda: ColorNoise(-0.1), "sigma must be a number of at least 0, not -0.1"),
        (lambda: InputNoise("a lot"), "sigma must be a number of at least 0, not 'a lot'"),
        (lambda: ColorNoise()(numbered(1, 8, 11, 1)), "3 channels, not 1"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        call()


@pytest.mark.parametrize("pixels", [1, 3])
def test_shifts_reach_as_far_up_as_down_and_left_as_right(pixels):
    shifts = drawn(RandomShifts(pixels), numbered(400, 4, 4))
    for along in shifts.T:
        assert sorted(set(along.tolist())) == list(range(-pixels, pixels + 1))
