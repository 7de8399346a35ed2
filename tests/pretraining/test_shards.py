"""Pretraining on shards of the batch gives the same result, up to the order of sums."""

import keras
import numpy as np
import pytest

from cnnzoo import LayerwisePretraining
from cnnzoo.distribute import set_batch_shards
from cnnzoo.pretraining.run import PretrainingRun
from tests.pretraining.nets import autoencoder, classifier, images, values_of

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shards need TensorFlow")


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


def trained(model, shards, data=None, **options):
    """Pretrain a model on so many shards of its batches, and return its weights and the losses."""
    data = images(110, model.input_shape[1:]) if data is None else data
    config = LayerwisePretraining(
        data, **{"epochs": 2, "batch_size": 25, "verbose": 0, "optimizer": keras.optimizers.SGD(0.5), **options}
    )
    run = PretrainingRun(config, model)
    run.worker.set_shards = lambda autoencoder, batch_size: set_batch_shards(autoencoder, shards)
    history = run.train()
    return values_of(model), {name: layer["loss"] for name, layer in history.items()}


# Every pair of values once.
@pytest.mark.parametrize(
    ("make", "tied", "cache"),
    [
        (classifier, True, "memory"),
        (classifier, False, False),
        (autoencoder, False, "memory"),
        (autoencoder, True, False),
        (convolutional, True, "memory"),
        (convolutional, False, False),
    ],
)
def test_shards_give_the_weights_and_losses_of_the_whole_batch(make, tied, cache):
    whole, losses = trained(make(), 1, tied=tied, cache=cache)
    on_shards, losses_on_shards = trained(make(), 3, tied=tied, cache=cache)
    for path, values in whole.items():
        np.testing.assert_allclose(on_shards[path], values, atol=1e-5)
    for name, values in losses.items():
        np.testing.assert_allclose(losses_on_shards[name], values, rtol=1e-4)


def test_a_loss_of_the_user_receives_reconstructions_on_shards_too():
    (whole, _), (on_shards, _) = (trained(classifier(), shards, loss="binary_crossentropy") for shards in (1, 2))
    for path, values in whole.items():
        np.testing.assert_allclose(on_shards[path], values, atol=1e-5)


@pytest.mark.parametrize("layer_class", [keras.layers.Dense, keras.layers.Conv2D])
def test_penalties_are_added_once(layer_class):
    def penalized():
        keras.utils.set_random_seed(1)
        options = {"activation": "sigmoid", "activity_regularizer": keras.regularizers.L1(1.0), "name": "a"}
        size = () if layer_class is keras.layers.Dense else (2,)
        hidden = layer_class(4, *size, **options)
        inputs = keras.Input((6, 5, 2))
        return keras.Model(inputs, keras.layers.Dense(3, name="head")(hidden(inputs)))

    (_, whole), (_, on_shards) = (trained(penalized(), shards) for shards in (1, 2))
    assert on_shards["a"] == pytest.approx(whole["a"], rel=1e-5)


def test_decoder_pairs_that_work_on_every_row_of_an_image():
    def rowwise():
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4, 6))
        codes = keras.layers.Dense(5, "sigmoid", name="code")(inputs)
        return keras.Model(inputs, keras.layers.Dense(6, "sigmoid", name="output")(codes), name="rowwise")

    (whole, _), (on_shards, _) = (trained(rowwise(), shards) for shards in (1, 2))
    for path, values in whole.items():
        np.testing.assert_allclose(on_shards[path], values, atol=1e-5)


def test_a_last_batch_smaller_than_the_number_of_shards_is_not_split():
    data = images(1_001, (9, 8, 2))
    (whole, _), (on_shards, _) = (trained(convolutional(), shards, data, epochs=1, batch_size=500) for shards in (1, 3))
    for path, values in whole.items():
        np.testing.assert_allclose(on_shards[path], values, atol=1e-5)
