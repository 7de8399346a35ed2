"""Pretraining in slices of the batch is pretraining, up to the order of sums."""

import keras
import numpy as np
import pytest

from cnnzoo import LayerwisePretraining
from cnnzoo.layers import MaskingNoise
from cnnzoo.pretraining.layer_autoencoder import LayerAutoencoder
from cnnzoo.pretraining.run import PretrainingRun
from cnnzoo.pretraining.stages import stages
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


class Kept(keras.layers.Layer):
    """Masks a half, and keeps what came out."""

    def __init__(self):
        super().__init__()
        self.noise = MaskingNoise(0.5, seed=1)
        self.outputs = []

    def call(self, inputs, training=None):
        self.outputs.append(self.noise(inputs, training=training))
        return self.outputs[-1]


def test_every_slice_is_corrupted_anew():
    model, noise = classifier((16,)), Kept()
    (stage,) = stages(model, None)
    options = {"below": None, "corruption": noise, "unit": True, "own_loss": False, "tied": False, "seed": 0}
    LayerAutoencoder(stage, (20,), **options, slices=2)(np.ones((200, 20), "float32"), training=True)
    one, two = (np.array(part) for part in noise.outputs)
    assert one.shape == two.shape == (100, 20)
    assert 0.45 < one.mean() < 0.55
    assert 0.4 < np.mean(one != two) < 0.6


@pytest.mark.parametrize("kind", [keras.layers.Dense, keras.layers.Conv2D])
def test_penalties_are_added_once(kind):
    def penalised():
        keras.utils.set_random_seed(1)
        options = {"activation": "sigmoid", "activity_regularizer": keras.regularizers.L1(1.0), "name": "a"}
        hidden = kind(4, **options) if kind is keras.layers.Dense else kind(4, 2, **options)
        inputs = keras.Input((6, 5, 2))
        return keras.Model(inputs, keras.layers.Dense(3, name="head")(hidden(inputs)))

    (_, whole), (_, sliced) = (learned(penalised(), slices) for slices in (1, 2))
    assert sliced["a"] == pytest.approx(whole["a"], rel=1e-5)


def test_mirrored_layers_that_work_on_every_row_of_an_image():
    def rowwise():
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4, 6))
        codes = keras.layers.Dense(5, "sigmoid", name="code")(inputs)
        return keras.Model(inputs, keras.layers.Dense(6, "sigmoid", name="output")(codes), name="rowwise")

    (whole, _), (sliced, _) = (learned(rowwise(), slices) for slices in (1, 2))
    for path, values in whole.items():
        np.testing.assert_allclose(sliced[path], values, atol=1e-5)


def test_a_last_batch_of_fewer_codes_than_slices():
    data = images(1_001, (9, 8, 2))
    (whole, _), (sliced, _) = (learned(convolutional(), slices, data, epochs=1, batch_size=500) for slices in (1, 3))
    for path, values in whole.items():
        np.testing.assert_allclose(sliced[path], values, atol=1e-5)
