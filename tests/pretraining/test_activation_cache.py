"""Where codes and data come from, and that it makes no difference to what is learned."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo.pretraining.activation_cache import computed
from cnnzoo.pretraining.inputs import ArrayRows, StreamRows
from tests.pretraining.nets import changed, classifier, images, pretrained, values_of

DATA = images(230)
UNITS = (10, 8)


def learned(data, **options):
    model = classifier(UNITS)
    pretrained(model, data, epochs=2, **options)
    return values_of(model)


@pytest.fixture(scope="module")
def in_memory():
    return learned(DATA)


def test_a_folder_gives_the_same_bits_and_is_empty_afterwards(in_memory, tmp_path):
    assert not changed(in_memory, learned(DATA, cache=tmp_path / "codes"))
    assert list((tmp_path / "codes").iterdir()) == []


def test_no_cache_gives_the_same_up_to_rounding(in_memory):
    found = learned(DATA, cache=False)
    for path, values in in_memory.items():
        np.testing.assert_allclose(found[path], values, atol=1e-5)


def test_batches_give_the_same_as_one_array(in_memory):
    """Codes are computed in the order of the batches, and then shuffled as ever."""
    dataset = tf.data.Dataset.from_tensor_slices(DATA).batch(64)
    assert not changed(in_memory, learned(dataset))


class Halves(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return 2

    def __getitem__(self, index):
        return DATA[:115] if index == 0 else DATA[115:]


@pytest.mark.parametrize("data", [[DATA[:100], DATA[100:]], Halves()], ids=["list", "PyDataset"])
def test_batches_without_a_cache_come_in_their_own_order(data):
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
    in_file = computed(ArrayRows(array), lambda batch: batch, tmp_path, (2,))
    for rows in (ArrayRows(array), in_file):
        batches = list(rows.epoch(np.random.default_rng([1, 2, 3]), 5, 2))
        order = np.random.default_rng([1, 2, 3]).permutation(12)
        np.testing.assert_array_equal(np.concatenate(batches), array[order[:10]])
    in_file.close()


def test_pixels_that_are_integers():
    """A layer inside the model brings them to [0, 1], which is measured; the model's input is uint8."""
    inputs = keras.Input((20,), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Dense(8, "sigmoid", name="a")(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    history = pretrained(model, (255 * DATA).astype("uint8")).history["a"]["loss"]
    assert history[2] < history[1] < history[0] < 1


def test_sides_that_the_model_leaves_open():
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
def test_flattened_images_are_read_where_they_lie(flatten, monkeypatch):
    """Only what nothing but reshapes them, and a part of an array that does not lie in one piece, too."""

    def learned(cache):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4, 5))
        hidden = keras.layers.Dense(6, "sigmoid", name="a")(flatten(name="flat")(inputs))
        model = keras.Model(inputs, keras.layers.Dense(3)(hidden))
        data = images(60, (6, 5))[:, 1:-1]
        return pretrained(model, data, cache=cache).history["a"]["loss"]

    expected = learned(False)
    if flatten is keras.layers.Flatten:  # there is nothing to compute, nor memory needed for it
        monkeypatch.setattr("cnnzoo.pretraining.activation_cache.computed", None)
        monkeypatch.setattr("cnnzoo.pretraining.activation_cache.available_memory", lambda: 0)
    assert learned("memory") == pytest.approx(expected, rel=1e-5)
