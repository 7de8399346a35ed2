"""Patches of natural photographs: their scale, their spectrum, and that test patches are from elsewhere."""

import numpy as np
import pytest

from cnnzoo import data


@pytest.fixture(scope="module")
def source():
    return data.load("patches")


def test_patches_have_the_scale_of_the_exercise(source):
    assert [split.images.shape for split in (source.train, source.test)] == [(10_000, 8, 8, 1), (2_000, 8, 8, 1)]
    values = source.train.images / 255.0
    assert values.min() == pytest.approx(0.1, abs=1 / 255)
    assert values.max() == pytest.approx(0.9, abs=1 / 255)
    np.testing.assert_allclose(values.mean(axis=(1, 2, 3)), 0.5, atol=0.02)
    assert np.bincount(source.train.labels).tolist() == [5_000, 5_000]


def test_patches_are_whitened(source):
    """The variances of two frequencies up to the cutoff differ by less than they do in the photographs."""
    from sklearn import datasets

    def spread(patches):
        window = np.hanning(8)[:, None] * np.hanning(8)
        power = np.square(np.abs(np.fft.fft2((patches - patches.mean(axis=(1, 2), keepdims=True)) * window)))
        rows = power.mean(axis=0)[0, 1:3]  # horizontal waves, of 1/8 and 1/4 cycles per pixel
        return rows.max() / rows.min()

    whitened = spread(source.train.images[..., 0] / 255.0)
    photograph = datasets.load_sample_images().images[0].mean(axis=-1)
    assert spread(photograph[:424].reshape(53, 8, 80, 8).swapaxes(1, 2).reshape(-1, 8, 8)) > 2 * whitened


def test_two_loads_are_equal_and_a_set_without_test_patches_has_none(source):
    again = data.load("patches", with_test=False)
    np.testing.assert_array_equal(again.train.images, source.train.images)
    assert len(again.test) == 0
