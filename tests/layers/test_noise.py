"""The corruptions of denoising autoencoders: their values in training, and no change otherwise."""

import keras
import numpy as np
import pytest

from cnnzoo.errors import InputError
from cnnzoo.layers import MaskingNoise, SaltAndPepperNoise
from tests.layers.checking import saved_and_loaded_equally

NOISES = [MaskingNoise, SaltAndPepperNoise]
IMAGES = np.random.default_rng(0).uniform(0.2, 0.8, (50, 20, 20, 1)).astype("float32")


def close(fraction, expected, values):
    """Return whether a fraction of `values` draws is within five standard deviations of its probability."""
    return abs(fraction - expected) < 5 * np.sqrt(expected * (1 - expected) / values) + 1e-12


@pytest.mark.parametrize("rate", [0, 0.1, 0.5, 0.9, 1])
def test_masking_sets_a_fraction_to_zero_and_leaves_the_rest(rate):
    noisy = np.asarray(MaskingNoise(rate, seed=1)(IMAGES, training=True))
    masked = noisy == 0
    assert close(masked.mean(), rate, IMAGES.size)
    np.testing.assert_array_equal(noisy[~masked], IMAGES[~masked])


@pytest.mark.parametrize("rate", [0, 0.1, 0.5, 0.9, 1])
def test_salt_and_pepper_sets_half_of_the_fraction_to_0_and_half_to_1(rate):
    noisy = np.asarray(SaltAndPepperNoise(rate, seed=1)(IMAGES, training=True))
    for end in (0, 1):
        assert close((noisy == end).mean(), rate / 2, IMAGES.size)
    rest = (noisy != 0) & (noisy != 1)
    np.testing.assert_array_equal(noisy[rest], IMAGES[rest])


@pytest.mark.parametrize("noise", NOISES)
def test_values_are_corrupted_independently_and_anew_at_each_call(noise):
    layer = noise(0.5, seed=1)
    corrupted = np.stack([np.asarray(layer(IMAGES, training=True)) != IMAGES for _ in range(2)])
    assert close((corrupted[0] & corrupted[1]).mean(), 0.25, IMAGES.size)
    assert close((corrupted[0, :, 1:] & corrupted[0, :, :-1]).mean(), 0.25, IMAGES.size / 2)
    again = noise(0.5, seed=1)
    np.testing.assert_array_equal(np.asarray(again(IMAGES, training=True)) != IMAGES, corrupted[0])


@pytest.mark.parametrize("noise", NOISES)
def test_it_changes_nothing_outside_of_training(noise, tmp_path):
    layer = noise(0.5, seed=1)
    np.testing.assert_array_equal(layer(IMAGES), IMAGES)
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)
    assert layer.weights == []
    assert layer.compute_output_shape(IMAGES.shape) == IMAGES.shape
    assert saved_and_loaded_equally(layer, IMAGES, tmp_path)
    model = keras.Sequential([keras.Input(IMAGES.shape[1:]), layer])
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), IMAGES)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("noise", NOISES)
def test_in_half_precision_the_rate_is_exact(noise, dtype):
    noisy = noise(0.003, seed=1, dtype=dtype)(IMAGES, training=True)
    assert keras.backend.standardize_dtype(noisy.dtype) == dtype.removeprefix("mixed_")
    clean = np.asarray(keras.ops.cast(IMAGES, noisy.dtype))
    assert close((np.asarray(noisy) != clean).mean(), 0.003, IMAGES.size)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("rate", [-0.1, 1.5, "half", None, True, float("nan")])
def test_a_rate_out_of_range_raises(noise, rate):
    with pytest.raises(InputError, match=r"`rate` must be a number from 0 to 1\. Received: "):
        noise(rate)
