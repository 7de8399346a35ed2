"""Input that cannot be used raises an `InputError` whose message names it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnzoo import InputError, LayerwisePretraining
from cnnzoo.callbacks import DivergedError
from tests.pretraining.nets import changed, classifier, images, pretrained, values_of

DATA = images(60)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": -1}, "`epochs` must be a non-negative integer. Received: -1"),
        ({"epochs": [1, 2.5]}, "`epochs` must be a non-negative integer. Received: 2.5"),
        ({"corruption": 1.5}, "`corruption` must be .* from 0 to 1, .*Received: 1.5"),
        ({"corruption": "much"}, "Received: 'much'"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm'; did you mean"),
        ({"optimizer": 3}, "`optimizer` must be a name.* Received: 3"),
        ({"loss": "mse2"}, "`loss` must be a Keras loss.* Received: 'mse2'"),
        ({"cache": "Memory"}, "`cache` must be 'memory', a folder or False. Received: 'Memory'"),
        ({"cache": None}, "`cache` must be 'memory', a folder or False. Received: None"),
        ({"cache": True}, "`cache` must be 'memory', a folder or False. Received: True"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer. Received: 0"),
        ({"tied": "no"}, "`tied` must be True or False. Received: 'no'"),
        ({"seed": -1}, "`seed` must be an integer from 0 to 2147483647. Received: -1"),
        ({"verbose": 3}, "`verbose` must be .*Received: 3"),
    ],
)
def test_an_argument_out_of_range_is_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        LayerwisePretraining(DATA, **{"epochs": 1, **options})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (np.arange(60), "looks like labels"),
        (np.zeros((60, 21)), r"shape \(60, 21\); the model takes \(n, 20\)"),
        (np.zeros((60, 5, 4)), r"shape \(60, 5, 4\)"),
        (np.zeros((0, 20)), "is empty"),
        (np.where(DATA > 0.9, np.nan, DATA), "not finite"),
        (np.full((60, 20), "a"), "must hold numbers"),
        ((DATA, np.arange(60)), "without labels"),
        ({"x": DATA}, "without labels"),
        ("mnist", "`data` must be an array .*Received: 'mnist'"),
        (7, "`data` must be an array .*Received: 7"),
        (iter([DATA]), "only once"),
        ([], "is empty"),
        ([DATA, DATA[:, :10]], r"a batch of data has shape \(60, 10\)"),
        (tf.data.Dataset.from_tensors((DATA, np.arange(60))), "leave the labels out"),
        (tf.data.Dataset.from_tensors(DATA).repeat(), "has no end"),
    ],
)
def test_data_that_the_model_cannot_take_is_refused(data, sentence):
    with pytest.raises(InputError, match=sentence):
        pretrained(classifier(), data)


def subclassed():
    class Own(keras.Model):
        pass

    return Own(name="own")


def two_inputs():
    inputs = [keras.Input((20,), name=name) for name in ("left", "right")]
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Add()(inputs)))


def channels_first():
    inputs = keras.Input((1, 5, 4))
    x = keras.layers.Conv2D(2, 3, data_format="channels_first", name="first")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (subclassed, r"own is a subclassed model \(Own\)"),
        (two_inputs, r"has 2 inputs \(left, right\)"),
        (lambda: keras.Sequential([keras.layers.Dense(3)], name="open"), "open is a Sequential model"),
        (lambda: keras.Sequential([keras.Input((20,)), keras.layers.Dense(3)], name="flat"), "no hidden Dense"),
        (lambda: keras.Sequential([keras.Input((20,)), classifier()]), "a model inside"),
        (lambda: "mlp", "`model` must be a Keras model. Received: 'mlp'"),
    ],
)
def test_a_model_that_cannot_be_pretrained_is_refused(make, sentence):
    with pytest.raises(InputError, match=sentence):
        pretrained(make(), DATA)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layers": ["aa"]}, "unknown layer 'aa'"),
        ({"layers": ["drop"]}, "'drop' is not Dense, Conv1D or Conv2D but Dropout"),
        ({"layers": "a"}, "`layers` must be a list of layer names. Received: 'a'"),
        ({"layers": []}, r"`layers` must be a list of layer names. Received: \[\]"),
        ({"layers": ["b", "a"], "epochs": [1, 2]}, r"in the model's order, \['a', 'b'\]. Received: \['b', 'a'\]"),
        ({"layers": ["a", "a"]}, "once each"),
        ({"epochs": [1, 2]}, r"`epochs` must be one value, or a list of 3, .*Received: \[1, 2\]"),
        ({"corruption": [0.1]}, r"`corruption` must be one value, or a list of 3, .*Received: \[0.1\]"),
        ({"optimizer": lambda: "adam"}, "a function that returns a new Keras optimizer. Received: 'adam'"),
    ],
)
def test_options_that_do_not_fit_the_layers_are_refused(options, sentence):
    inputs = keras.Input((20,))
    x = keras.layers.Dropout(0.5, name="drop")(inputs)
    for name in "abc":
        x = keras.layers.Dense(8, name=name)(x)
    with pytest.raises(InputError, match=sentence):
        pretrained(keras.Model(inputs, keras.layers.Dense(3)(x)), DATA, **options)


def test_a_model_with_all_layers_frozen_is_refused():
    model = classifier((8,))
    model.get_layer("a").trainable = False
    with pytest.raises(InputError, match="nothing to pretrain: a are frozen"):
        pretrained(model, DATA)


@pytest.mark.parametrize("tied", [False, True])
def test_a_convolution_with_channels_first_is_refused(tied):
    with pytest.raises(InputError, match="'first' has its channels first"):
        pretrained(channels_first(), images(60, (1, 5, 4)), tied=tied)


def test_a_trained_model_in_a_fit_is_refused_without_a_complete_backup(tmp_path):
    """As after BackupAndRestore, or from a file: pretraining must not undo what it has learned."""
    model, labels = classifier((8,)), np.arange(60) % 5
    model.fit(DATA, labels, verbose=0)
    before = values_of(model)
    for backup in (None, tmp_path):
        pretraining = LayerwisePretraining(DATA, epochs=1, backup=backup, verbose=0)
        with pytest.raises(InputError, match=r"trained for 2 steps, which pretraining would undo.*pretrain\(model\)"):
            model.fit(DATA, labels, verbose=0, callbacks=[pretraining])
    assert not changed(before, values_of(model))

    pretrained(classifier((8,)), DATA, epochs=1, optimizer="adam", batch_size=128, backup=tmp_path)
    pretraining = LayerwisePretraining(DATA, epochs=1, backup=tmp_path, verbose=0)
    model.fit(DATA, labels, epochs=0, verbose=0, callbacks=[pretraining])
    assert not changed(before, values_of(model))
    assert list(pretraining.history) == ["a"]


def test_activations_that_do_not_fit_into_memory_are_refused_before_the_first_step():
    many = np.broadcast_to(np.zeros(20, "float32"), (10**12, 20))
    with pytest.raises(InputError, match=r"GiB, more than half of the .* GiB of memory available; give cache=folder"):
        pretrained(classifier(), many)


def test_the_error_of_a_diverging_stage_names_its_layer():
    with pytest.raises(DivergedError, match=r"pretraining 'a': .*in epoch"):
        pretrained(classifier(activation="relu"), 1e30 * DATA, optimizer=keras.optimizers.SGD(1e10))


@pytest.mark.parametrize(
    ("options", "tied", "sentence"),
    [
        ({"dilation_rate": 2}, False, "the layer 'second' is dilated"),
        ({"groups": 2}, True, "the layer 'second' has groups, whose kernel has no transpose: give tied=False"),
    ],
)
def test_convolutions_without_a_transpose_are_refused(options, tied, sentence):
    hidden = [keras.layers.Conv2D(4, 3, name="first"), keras.layers.Conv2D(4, 2, name="second", **options)]
    model = keras.Sequential([keras.Input((9, 9, 1)), *hidden, keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(InputError, match=sentence):
        LayerwisePretraining(images(20, (9, 9, 1)), epochs=1, batch_size=5, tied=tied, verbose=0).pretrain(model)
