"""Patches of natural photographs: their scale, their spectrum, and that test patches are from elsewhere."""

import numpy as np
import pytest

from cnnzoo import data
from cnnzoo.data.patches import whitened


@pytest.fixture(scope="module")
def source():
    return data.load("patches")


def test_patches_have_the_scale_of_the_exercise(source):
    assert [split.images.shape for split in (source.train, source.test)] == [(10_000, 8, 8, 1), (2_000, 8, 8, 1)]
    values = source.train.images / 255.0
    assert values.min() == pytest.approx(0.1, abs=1 / 255)
    assert values.max() == pytest.approx(0.9, abs=1 / 255)
    np.testing.assert_allclose(values.mean(axis=(1, 2, 3)), 0.5, atol=0.1)  # clipping moves it
    assert np.bincount(source.train.labels).tolist() == [5_000, 5_000]


def test_the_spectrum_of_a_photograph_becomes_flatter():
    from sklearn import datasets

    def spread(image):
        """Return by how much the power differs between frequencies far below the cutoff."""
        power = np.square(np.abs(np.fft.fft2(image - image.mean())))
        frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, image.shape), indexing="ij"))
        bands = [power[(frequency > low) & (frequency < low + 0.02)].mean() for low in (0.02, 0.06, 0.1)]
        return max(bands) / min(bands)

    for image in datasets.load_sample_images().images:
        gray = image.mean(axis=-1)
        assert 2 * spread(whitened(gray)) < spread(gray)


def test_two_loads_are_equal_and_a_set_without_test_patches_has_none(source):
    again = data.load("patches", with_test=False)
    np.testing.assert_array_equal(again.train.images, source.train.images)
    assert len(again.test) == 0
