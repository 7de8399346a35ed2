"""Pretraining as restricted Boltzmann machines: what it trains, keeps, hands over and refuses."""

import keras
import numpy as np
import pytest

from cnnzoo import InputError, LayerwisePretraining
from cnnzoo.callbacks import DivergedError
from cnnzoo.distribute import set_batch_shards
from cnnzoo.layers import ReversibleDense
from cnnzoo.pretraining.run import PretrainingRun
from tests.pretraining.nets import autoencoder, changed, classifier, images, values_of

DATA = images(200)
LABELS = np.arange(200) % 5
RBM = {"method": "rbm", "epochs": 3, "batch_size": 50, "verbose": 0}


def pretrained(model, data=DATA, **options):
    pretraining = LayerwisePretraining(data, **{**RBM, **options})
    pretraining.pretrain(model)
    return pretraining


def test_every_hidden_layer_of_a_classifier_is_trained_and_the_head_is_not():
    model = classifier()
    before = values_of(model)
    pretraining = pretrained(model)
    assert changed(before, values_of(model)) == {"a", "b", "c"}
    for name, history in pretraining.history.items():
        assert history["loss"][-1] < history["loss"][0]
        assert len(history["pseudo_likelihood"]) == len(history["seconds"]) == 3
        machine = pretraining.machines[name]
        np.testing.assert_array_equal(machine.kernel, model.get_layer(name).kernel)
        np.testing.assert_array_equal(machine.hidden_bias, model.get_layer(name).bias)
    activations = keras.Model(model.inputs, model.get_layer("a").output).predict(DATA, verbose=0)
    np.testing.assert_allclose(pretraining.machines["a"].hidden(DATA), activations, rtol=1e-5)


def test_the_monitor_is_the_pseudo_likelihood_of_rounded_examples():
    pretraining = pretrained(classifier((8,)), epochs=1)
    machine, data = pretraining.machines["a"], np.round(DATA).astype("float64")
    energy = lambda v: -v @ machine.visible_bias - np.logaddexp(0, v @ machine.kernel + machine.hidden_bias).sum(-1)  # noqa: E731
    exact = 0.0
    for bit in range(20):
        flipped = data.copy()
        flipped[:, bit] = 1 - flipped[:, bit]
        exact += -np.logaddexp(0, energy(data) - energy(flipped)).mean()
    assert pretraining.history["a"]["pseudo_likelihood"][0] == pytest.approx(exact, rel=0.1)  # half of the bits


def test_an_autoencoder_is_unrolled():
    model = autoencoder()
    pretraining = pretrained(model)
    for encoder, decoder in (("encoder_1", "output"), ("code", "decoder_1")):
        machine = pretraining.machines[encoder]
        np.testing.assert_array_equal(model.get_layer(decoder).kernel, machine.kernel.T)
        np.testing.assert_array_equal(model.get_layer(decoder).bias, machine.visible_bias)
    assert [machine.hidden_units for machine in pretraining.machines.values()] == ["binary", "linear"]
    assert np.any(machine.visible_bias)


def test_a_tied_decoder_and_one_without_bias_are_unrolled_too():
    layer = ReversibleDense(8, "sigmoid", reverse_activation="sigmoid", name="a")
    inputs = keras.Input((20,))
    tied = keras.Model(inputs, layer(layer(inputs), reverse=True))
    machine = pretrained(tied).machines["a"]
    np.testing.assert_array_equal(layer.reverse_bias, machine.visible_bias)
    assert np.any(machine.visible_bias)

    hidden = keras.layers.Dense(8, "sigmoid", use_bias=False, name="a")
    plain = keras.Sequential([inputs, hidden, keras.layers.Dense(20, "sigmoid", use_bias=False, name="output")])
    machine = pretrained(plain).machines["a"]
    assert not np.any(machine.visible_bias)
    assert not np.any(machine.hidden_bias)
    np.testing.assert_array_equal(plain.get_layer("output").kernel, machine.kernel.T)


def test_a_fit_with_the_callback_equals_a_fit_after_pretrain():
    weights, drawn = [], []
    for during in (True, False):
        model = classifier((8,), dropout=0.5)
        pretraining = LayerwisePretraining(DATA, **RBM)
        if not during:
            pretraining.pretrain(model)
        keras.utils.set_random_seed(7)
        callbacks = [pretraining] if during else []
        model.fit(DATA, LABELS, epochs=1, batch_size=50, verbose=0, callbacks=callbacks)
        weights.append(values_of(model))
        drawn.append(np.random.random())  # noqa: NPY002
    assert not changed(*weights)
    assert drawn[0] == drawn[1]


def test_the_seed_alone_decides_and_no_cache_changes_anything():
    options = {"gibbs_steps": 2, "persistent": True, "epochs": [1, 2]}
    models = [classifier((8, 6)) for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        pretrained(model, seed=seed, **options)
    assert not changed(values_of(models[0]), values_of(models[1]))
    assert changed(values_of(models[0]), values_of(models[2])) == {"a", "b"}
    uncached = classifier((8, 6))
    pretrained(uncached, seed=5, cache=False, **options)
    for one, other in zip(values_of(uncached).values(), values_of(models[0]).values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="shards need TensorFlow")
def test_shards_of_a_batch_draw_what_the_whole_batch_does():
    found = []
    for shards in (1, 3):
        model = autoencoder()
        run = PretrainingRun(LayerwisePretraining(DATA, **RBM, persistent=True, layers=["code"]), model)
        run.worker.set_shards = lambda machine, batch_size, shards=shards: set_batch_shards(machine, shards)
        history = run.train()
        found.append((values_of(model), history["code"]["loss"]))
    for path, values in found[0][0].items():
        np.testing.assert_allclose(found[1][0][path], values, atol=1e-5)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-4)


@pytest.mark.parametrize("options", [{}, {"persistent": True, "gibbs_steps": 2}])
def test_two_replicas_equal_one(two_replicas, options):
    for make in (lambda: classifier((8,)), autoencoder):
        alone = make()
        with two_replicas.scope():
            model = make()
        expected = pretrained(alone, **options).history
        found = pretrained(model, **options).history
        for name in expected:
            np.testing.assert_allclose(found[name]["loss"], expected[name]["loss"], rtol=1e-4)
        for one, other in zip(values_of(model).values(), values_of(alone).values(), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_mixed_precision_gives_nearly_the_losses_of_float32():
    found, expected = (pretrained(classifier((8,), dtype=dtype)).history for dtype in ("mixed_bfloat16", None))
    np.testing.assert_allclose(found["a"]["loss"], expected["a"]["loss"], rtol=0.05)


def test_completed_machines_are_restored_with_their_visible_biases(tmp_path):
    models = [classifier((8, 6)) for _ in range(2)]
    first, second = (pretrained(model, epochs=[2, 0], backup=tmp_path) for model in models)
    assert not changed(values_of(models[0]), values_of(models[1]))
    assert list(first.machines) == list(second.machines) == ["a"]
    np.testing.assert_array_equal(first.machines["a"].visible_bias, second.machines["a"].visible_bias)
    assert first.history == second.history
    assert first.history["b"] == {"loss": [], "pseudo_likelihood": [], "seconds": []}
    with pytest.raises(InputError, match="was made with gibbs_steps=1, not 2"):
        pretrained(classifier((8, 6)), epochs=[2, 0], backup=tmp_path, gibbs_steps=2)
    with pytest.raises(InputError, match="was made with method='rbm', not 'autoencoder'"):
        pretrained(classifier((8, 6)), epochs=[2, 0], backup=tmp_path, method="autoencoder")


def test_a_fit_that_resumes_has_the_machines_of_its_backup_and_keeps_what_was_learned_since(tmp_path):
    model = autoencoder()
    model.compile("sgd", "mse")
    first = LayerwisePretraining(DATA, **RBM, backup=tmp_path)
    model.fit(DATA, DATA, verbose=0, callbacks=[first])
    learned = values_of(model)
    assert changed({"code/kernel": first.machines["code"].kernel}, {"code/kernel": learned["code/kernel"]})
    again = LayerwisePretraining(DATA, **RBM, backup=tmp_path)
    model.fit(DATA, DATA, epochs=0, verbose=0, callbacks=[again])
    assert not changed(learned, values_of(model))
    for name, machine in first.machines.items():
        assert again.machines[name].hidden_units == machine.hidden_units
        for array in ("kernel", "visible_bias", "hidden_bias"):
            np.testing.assert_array_equal(getattr(again.machines[name], array), getattr(machine, array))


def test_progress_shows_the_units_and_the_monitor(capsys):
    pretrained(classifier((8,)), epochs=1, verbose=2)
    title, line = capsys.readouterr().out.splitlines()
    assert title == "pretraining 1 of 1: a, 20 → 8, binary hidden units"
    assert "pseudo_likelihood -" in line


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "RBM"}, "unknown method 'RBM'; the values of method are autoencoder, rbm"),
        ({"gibbs_steps": 0}, "`gibbs_steps` must be a positive integer. Received: 0"),
        ({"persistent": 1}, "`persistent` must be True or False. Received: 1"),
        ({"persistent": True, "sample_visible": False}, "`sample_visible` must be True or None with persistent=True"),
        ({"corruption": 0.1}, "`corruption` must be left out with method='rbm', as it is for method='autoencoder'"),
        ({"tied": True}, "`tied` must be left out with method='rbm'"),
        ({"loss": "mse"}, "`loss` must be left out with method='rbm'"),
        ({"method": "autoencoder", "gibbs_steps": 2}, "`gibbs_steps` must be left out with method='autoencoder'"),
        ({"method": "autoencoder", "learning_rate": 0.1}, "`learning_rate` must be left out with method='autoencoder'"),
        ({"learning_rate": 0}, "`learning_rate` must be a positive number. Received: 0"),
        ({"learning_rate": 0.1, "optimizer": "sgd"}, "`learning_rate` is for the default optimizer"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        LayerwisePretraining(DATA, **{**RBM, **options})


def stack(*layers, shape=(20,)):
    return keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(3, name="head")])


def dense(units, activation, name):
    return keras.layers.Dense(units, activation, name=name)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: stack(keras.layers.Conv2D(2, 3, name="C1"), keras.layers.Flatten(), shape=(5, 4, 1)),
            "the layer 'C1' is a Conv2D, and method='rbm' trains Dense layers alone; name the layers",
        ),
        (
            lambda: stack(dense(8, "sigmoid", "a"), keras.layers.Flatten(), shape=(5, 4)),
            r"the layer 'a' takes values of shape \(5, 4\), and method='rbm' is for those of vectors",
        ),
        (
            lambda: stack(dense(8, "linear", "a"), dense(8, "sigmoid", "b")),
            "the layer 'b' takes values that need not lie in .* A linear layer can only be the last one of a stack",
        ),
        (
            lambda: stack(dense(8, "relu", "a")),
            "the layer 'a' has the activation relu; method='rbm' trains 'sigmoid' layers",
        ),
        (
            lambda: stack(dense(8, "sigmoid", "a"), keras.layers.PReLU()),
            "the layer 'a' has the activation sigmoid and PReLU",
        ),
        (
            lambda: keras.Sequential(
                [keras.Input((20,)), dense(8, "sigmoid", "a"), keras.layers.Dense(20, name="output")]
            ),
            "the layer 'output', which decodes the output of 'a', must be dense and end in a 'sigmoid'",
        ),
    ],
)
def test_a_layer_that_is_no_machine_is_named(make, sentence):
    model = make()
    with pytest.raises(InputError, match=sentence):
        pretrained(model, images(60, model.input_shape[1:]))


def test_pixels_outside_of_the_unit_range_are_refused():
    with pytest.raises(InputError, match=r"what enters the layer 'a' has values outside of \[0, 1\].*divide pixels by"):
        pretrained(classifier((8,)), 255 * DATA)


def test_a_rate_that_makes_weights_infinite_names_layer_and_epoch():
    with pytest.raises(DivergedError, match=r"pretraining 'code': .* in epoch 1; try a smaller learning_rate"):
        pretrained(autoencoder(), learning_rate=[0.1, 1e30])
