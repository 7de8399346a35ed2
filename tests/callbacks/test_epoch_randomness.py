"""The random states of a model's layers by seed and epoch; replicas are tested in `tests/integration/distribute`."""

import keras
import numpy as np
import pytest

from cnnzoo.callbacks import EpochRandomness
from cnnzoo.callbacks.epoch_randomness import DRAWS_PER_EPOCH
from cnnzoo.data.augmentation import RandomShifts
from cnnzoo.layers import MaskingNoise


def attention():
    """Return a model whose dropout is a layer inside of a layer."""
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Reshape((8, 8))(x)
    return keras.Model(inputs, keras.layers.MultiHeadAttention(2, 3, dropout=0.5)(x, x))


MODELS = {
    "a layer": lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Dropout(0.5)]),
    "noise": lambda: keras.Sequential([keras.Input((8, 8, 1)), MaskingNoise(0.5)]),
    "an augmentation": lambda: keras.Sequential([keras.Input((8, 8, 1)), RandomShifts(2)]),
    "a layer inside of a layer": attention,
    "a model inside of a model": lambda: keras.Sequential([keras.Input((8, 8, 1)), attention()]),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_draws_depend_on_seed_and_epoch_alone(make):
    images, model = np.random.default_rng(0).random((4, 8, 8, 1), "float32"), make()
    callback = EpochRandomness()
    callback.set_model(model)

    def draws(epoch):
        callback.on_epoch_begin(epoch)
        return [np.asarray(model(images, training=True)) for _ in range(2)]

    third = draws(3)
    assert not np.array_equal(*third)
    fourth = draws(4)
    assert not np.array_equal(third[0], fourth[0])
    np.testing.assert_array_equal(draws(3), third)


def test_every_generator_has_its_own_seed_and_is_restored():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dropout(0.5), keras.layers.GaussianNoise(0.1)])
    before = [np.array(layer.seed_generator.state) for layer in model.layers]
    assert before[0][0] != before[1][0]
    callback = EpochRandomness()
    callback.set_model(model)
    callback.on_epoch_begin(5)
    for layer, (seed, _) in zip(model.layers, before, strict=True):
        assert np.array(layer.seed_generator.state).tolist() == [seed, 5 * DRAWS_PER_EPOCH]
    callback.on_train_end()
    for layer, state in zip(model.layers, before, strict=True):
        np.testing.assert_array_equal(layer.seed_generator.state, state)
