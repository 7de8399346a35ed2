"""Pretraining in slices of the batch is pretraining, up to the order of sums."""

import keras
import numpy as np
import pytest

from cnnzoo import LayerwisePretraining
from cnnzoo.pretraining.run import PretrainingRun
from tests.pretraining.nets import autoencoder, classifier, images, values_of

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends do not slice")


def convolutional():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((9, 8, 2)),
            keras.layers.Conv2D(4, 3, activation="sigmoid", name="a"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(6, "sigmoid", name="b"),
            keras.layers.Dense(5, "softmax", name="head"),
        ],
        name="convolutional",
    )


def learned(model, slices, data=None, **options):
    """Pretrain a model in so many slices of its batches, and return its weights and the losses."""
    data = images(110, model.input_shape[1:]) if data is None else data
    asked = LayerwisePretraining(
        data, **{"epochs": 2, "batch_size": 25, "verbose": 0, "optimizer": keras.optimizers.SGD(0.5), **options}
    )
    run = PretrainingRun(asked, model)
    run.slices = run.ascent.slices = slices
    history = run.finish()
    return values_of(model), {name: layer["loss"] for name, layer in history.items()}


@pytest.mark.parametrize("cache", ["memory", False])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("make", [classifier, autoencoder, convolutional])
def test_as_without_slices(make, tied, cache):
    whole, losses = learned(make(), 1, tied=tied, cache=cache)
    sliced, losses_in_slices = learned(make(), 3, tied=tied, cache=cache)
    for path, values in whole.items():
        np.testing.assert_allclose(sliced[path], values, atol=1e-5)
    for name, values in losses.items():
        np.testing.assert_allclose(losses_in_slices[name], values, rtol=1e-4)


def test_a_loss_of_ones_own_gets_reconstructions():
    (whole, _), (sliced, _) = (learned(classifier(), slices, loss="binary_crossentropy") for slices in (1, 2))
    for path, values in whole.items():
        np.testing.assert_allclose(sliced[path], values, atol=1e-5)


def test_every_slice_is_corrupted_anew():
    ones = np.ones((50, 20), "float32")
    _, losses = learned(classifier((16,)), 2, ones, corruption=0.5, epochs=4)
    assert losses["a"][-1] < losses["a"][0]
