"""The bound on a filter's root mean square against a loop over filters, and in training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo import InputError
from cnnzoo.layers import MaxRMS
from cnnzoo.optimizers import Adam, ClassicSGD


def bounded(kernel, bound):
    """Scale filter by filter, in float64."""
    filters = np.moveaxis(np.array(kernel, "float64"), -1, 0)
    for each in filters:
        rms = np.sqrt(np.mean(each**2))
        if rms > bound:
            each *= bound / rms
    return np.moveaxis(filters, 0, -1)


@pytest.mark.parametrize("shape", [(7, 7, 3, 9), (5, 4, 9), (30, 9)])
def test_each_filter_above_the_bound_is_scaled_back_and_no_other_changes(shape):
    kernel = np.random.default_rng(0).normal(0, np.geomspace(0.01, 10, 9), shape).astype("float32")
    found = np.asarray(MaxRMS(0.1)(kernel))
    np.testing.assert_allclose(found, bounded(kernel, 0.1), rtol=1e-5)
    rms = np.sqrt((kernel.astype("float64") ** 2).reshape(-1, 9).mean(axis=0))
    within = rms < 0.1
    assert 2 < within.sum() < 7
    np.testing.assert_array_equal(found[..., within], kernel[..., within])
    np.testing.assert_allclose(np.sqrt((found**2).reshape(-1, 9).mean(axis=0))[~within], 0.1, rtol=1e-5)


def test_the_bound_is_0_1_by_default_and_zeros_stay_zeros():
    assert MaxRMS().max_value == 0.1
    assert not np.asarray(MaxRMS()(np.zeros((3, 3, 1, 2), "float32"))).any()


def convolution(optimizer):
    """Return a net that is trained to be large: a convolution whose sum over the image is to be 1,000."""
    images = keras.Input((5, 5, 1))
    maps = keras.layers.Conv2D(4, 3, kernel_constraint=MaxRMS(0.2), name="conv")(images)
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(maps))
    model.compile(optimizer, "mse")
    return model


def trained(model, epochs=20):
    images = np.random.default_rng(0).uniform(0.5, 1.5, (32, 5, 5, 1)).astype("float32")
    targets = np.tile([1000.0, -1000.0, 500.0, 0.0], (32, 1)).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(16)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    kernel = model.get_layer("conv").get_weights()[0]
    return np.sqrt((kernel.astype("float64") ** 2).mean(axis=(0, 1, 2)))


@pytest.mark.parametrize("make", [lambda: Adam(0.1), lambda: ClassicSGD(1e-3), lambda: keras.optimizers.SGD(1e-3)])
def test_every_optimizer_holds_the_bound(make):
    np.testing.assert_allclose(trained(convolution(make()))[:3], 0.2, rtol=1e-5)


def test_two_replicas_hold_the_bound_and_equal_one(two_replicas):
    keras.utils.set_random_seed(0)
    single = convolution(ClassicSGD(1e-3))
    with two_replicas.scope():
        replicated = convolution(ClassicSGD(1e-3))
    replicated.set_weights(single.get_weights())
    found = [trained(model, epochs=3) for model in (single, replicated)]
    np.testing.assert_allclose(found[0][:3], 0.2, rtol=1e-5)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    np.testing.assert_allclose(*(model.get_layer("conv").get_weights()[0] for model in (single, replicated)), rtol=1e-4)


def test_a_saved_model_keeps_the_bound(tmp_path):
    model = convolution("sgd")
    model.save(tmp_path / "model.keras")
    constraint = keras.models.load_model(tmp_path / "model.keras").get_layer("conv").kernel_constraint
    assert isinstance(constraint, MaxRMS)
    assert constraint.get_config() == {"max_value": 0.2}


@pytest.mark.parametrize("value", [0, -0.1, "0.1", None, float("nan"), True])
def test_a_bound_that_is_not_positive_raises(value):
    with pytest.raises(InputError, match="`max_value` must be a positive number"):
        MaxRMS(value)
