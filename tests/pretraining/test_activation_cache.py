"""Activations and data are read from memory, a file or a stream, and training gives the same result."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.pretraining.activation_cache import computed_rows
from cnnzoo.pretraining.inputs import ArrayRows, StreamRows
from tests.pretraining.nets import changed, classifier, images, pretrained, values_of

DATA = images(230)
UNITS = (10, 8)


def trained_weights(data, **options):
    model = classifier(UNITS)
    pretrained(model, data, epochs=2, **options)
    return values_of(model)


@pytest.fixture(scope="module")
def in_memory():
    return trained_weights(DATA)


def test_a_cache_folder_gives_bit_equal_weights_and_is_empty_afterwards(in_memory, tmp_path):
    assert not changed(in_memory, trained_weights(DATA, cache=tmp_path / "cache"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_cache_gives_equal_weights_up_to_rounding(in_memory):
    weights = trained_weights(DATA, cache=False)
    for path, values in in_memory.items():
        np.testing.assert_allclose(weights[path], values, atol=1e-5)


def test_batches_give_bit_equal_weights_to_one_array(in_memory):
    """Activations are computed in the order of the batches, and then shuffled as those of an array."""
    dataset = tf.data.Dataset.from_tensor_slices(DATA).batch(64)
    assert not changed(in_memory, trained_weights(dataset))


class Halves(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return 2

    def __getitem__(self, index):
        return DATA[:115] if index == 0 else DATA[115:]


@pytest.mark.parametrize("data", [[DATA[:100], DATA[100:]], Halves()], ids=["list", "PyDataset"])
def test_batches_without_a_cache_train_in_their_own_order(data):
    model = classifier((8,))
    history = pretrained(model, data, cache=False, epochs=3).history["a"]["loss"]
    assert history[2] < history[1] < history[0]


def test_streams_are_cut_into_equal_batches():
    rows = StreamRows([np.full((n, 2), n) for n in (3, 1, 7, 2)], 13, (2,))
    sizes = [len(batch) for batch in rows.in_order(4)]
    assert sizes == [4, 4, 4, 1]
    expected = np.repeat([3, 1, 7, 2], [3, 1, 7, 2])
    np.testing.assert_array_equal(np.concatenate(list(rows.in_order(4)))[:, 0], expected)


def test_an_epoch_is_a_new_order_of_the_rows(tmp_path):
    array = np.arange(24, dtype="float32").reshape(12, 2)
    in_file = computed_rows(ArrayRows(array), lambda batch: batch, tmp_path, (2,))
    for rows in (ArrayRows(array), in_file):
        batches = list(rows.epoch(np.random.default_rng([1, 2, 3]), 5, 2))
        order = np.random.default_rng([1, 2, 3]).permutation(12)
        np.testing.assert_array_equal(np.concatenate(batches), array[order[:10]])
    in_file.close()


def test_integer_pixels_are_pretrained_on():
    """The model's input is uint8; a layer inside the model scales it to [0, 1], and the range is measured."""
    inputs = keras.Input((20,), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Dense(8, "sigmoid", name="a")(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    history = pretrained(model, (255 * DATA).astype("uint8")).history["a"]["loss"]
    assert history[2] < history[1] < history[0] < 1


def test_a_model_with_open_sides_is_pretrained():
    inputs = keras.Input((None, None, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="b")(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    history = pretrained(model, images(100, (7, 5, 2))).history
    assert all(stage["loss"][-1] < stage["loss"][0] for stage in history.values())


class Halved(keras.layers.Flatten):
    def call(self, inputs):
        return super().call(inputs) / 2


@pytest.mark.parametrize("flatten", [keras.layers.Flatten, Halved])
def test_flattened_images_are_neither_computed_nor_copied(flatten, monkeypatch):
    """Only where layers do nothing but reshape them; also for a part of an array that is not contiguous."""

    def losses(cache):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4, 5))
        hidden = keras.layers.Dense(6, "sigmoid", name="a")(flatten(name="flat")(inputs))
        model = keras.Model(inputs, keras.layers.Dense(3)(hidden))
        data = images(60, (6, 5))[:, 1:-1]
        return pretrained(model, data, cache=cache).history["a"]["loss"]

    expected = losses(False)
    if flatten is keras.layers.Flatten:  # nothing is computed, and no memory needed
        monkeypatch.setattr("cnnzoo.pretraining.activation_cache.computed_rows", None)
        monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=0))
    assert losses("memory") == pytest.approx(expected, rel=1e-5)
