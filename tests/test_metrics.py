"""The squared error per image against its formula."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.metrics import SquaredError


def pairs(count=10, shape=(5, 4, 3)):
    rng = np.random.default_rng(0)
    return rng.random((2, count, *shape)).astype("float32")


def test_it_is_the_mean_over_images_of_the_sum_over_pixels():
    images, reconstructions = pairs()
    expected = ((images.astype("float64") - reconstructions) ** 2).sum(axis=(1, 2, 3)).mean()
    metric = SquaredError()
    for part in (slice(0, 7), slice(7, 10)):  # batches of different sizes weigh as much as they hold
        metric.update_state(images[part], reconstructions[part])
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)


def test_it_accepts_flat_pixels_integers_and_sample_weights():
    images, reconstructions = pairs(shape=(6,))
    weights = np.arange(10.0)
    errors = ((images.round().astype("float64") - reconstructions) ** 2).sum(axis=1)
    metric = SquaredError()
    metric.update_state(images.round().astype("uint8"), reconstructions, sample_weight=weights)
    assert float(metric.result()) == pytest.approx((errors * weights).sum() / weights.sum(), rel=1e-6)


def test_it_can_be_rebuilt_from_its_configuration():
    metric = SquaredError(name="error")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is SquaredError
    assert again.name == "error"


def test_other_shapes_raise():
    with pytest.raises(cnnzoo.InputError, match=r"of the same shape\. Received: \(2, 16\) and \(2, 4, 4, 1\)"):
        SquaredError().update_state(np.zeros((2, 16)), np.zeros((2, 4, 4, 1)))
