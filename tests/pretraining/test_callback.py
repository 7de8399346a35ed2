"""The callback inside a fit: what it leaves unchanged, and under which strategies and precisions it works."""

import random

import keras
import numpy as np
import pytest

from cnnzoo import LayerwisePretraining
from tests.pretraining.nets import autoencoder, changed, classifier, images, pretrained, values_of

DATA = images(200)
LABELS = np.arange(200) % 5


def loss_falls(history):
    return all(stage["loss"][-1] < stage["loss"][0] for stage in history.values())


def fit_and_draw(model, *callbacks):
    """Seed everything, fit for two epochs, and return losses, weights and the next random numbers."""
    keras.utils.set_random_seed(7)
    losses = model.fit(DATA, LABELS, epochs=2, batch_size=50, verbose=0, callbacks=list(callbacks)).history["loss"]
    drawn = random.random(), np.random.random(), float(keras.random.normal(())), float(keras.random.normal(()))  # noqa: NPY002
    return losses, values_of(model), drawn


def test_a_fit_with_the_callback_equals_a_fit_after_pretrain():
    """Also with dropout and shuffling that draw from the global random state."""
    options = {"epochs": 1, "corruption": 0.2, "verbose": 0}
    during = classifier(units=(8,), dropout=0.5)
    state = [(layer.trainable, len(layer._inbound_nodes), len(layer.variables)) for layer in during.layers]
    pretraining = LayerwisePretraining(DATA, **options)
    found = fit_and_draw(during, pretraining)

    before = classifier(units=(8,), dropout=0.5)
    LayerwisePretraining(DATA, **options).pretrain(before)
    assert int(before.optimizer.iterations) == 0
    expected = fit_and_draw(before)

    assert found[0] == expected[0]
    assert not changed(found[1], expected[1])
    assert found[2] == expected[2]
    assert [(layer.trainable, len(layer._inbound_nodes), len(layer.variables)) for layer in during.layers] == state
    between = values_of(during)
    during.fit(DATA, LABELS, epochs=1, initial_epoch=1, verbose=0, callbacks=[pretraining])
    assert not changed(between, values_of(during)), "a second fit does not pretrain again"


def test_the_seed_alone_decides():
    models = [classifier(units=(8,)) for _ in range(3)]
    for model, noise, seed in zip(models, (1, 2, 1), (5, 5, 6), strict=True):
        keras.utils.set_random_seed(noise)
        pretrained(model, DATA, corruption=0.3, seed=seed, epochs=2)
    assert not changed(values_of(models[0]), values_of(models[1]))
    assert changed(values_of(models[0]), values_of(models[2])) == {"a"}


def test_a_function_with_an_argument_makes_an_optimizer_for_the_steps_of_each_stage():
    received_steps = []

    def optimizer(steps):
        received_steps.append(steps)
        return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, steps))

    pretrained(classifier(units=(8, 6)), DATA, epochs=[1, 3], optimizer=optimizer)
    assert set(received_steps) == {4, 12}  # 200 examples in batches of 50
    pretraining = pretrained(
        classifier(units=(8,)), DATA, epochs=2, optimizer=keras.optimizers.SGD
    )  # a class, as it is
    assert len(pretraining.history["a"]["loss"]) == 2


def test_penalties_on_activations_are_part_of_a_stage_and_of_the_fit_after_it():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((20,))
    x = keras.layers.Dense(8, "sigmoid", activity_regularizer=keras.regularizers.L1(1.0), name="a")(inputs)
    x = keras.layers.Dense(8, "sigmoid", name="b")(x)
    model = keras.Model(inputs, keras.layers.Dense(5, "softmax", name="head")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    pretraining = LayerwisePretraining(DATA, epochs=3, cache=False, optimizer="sgd", verbose=0)
    model.fit(DATA, LABELS, epochs=1, verbose=0, callbacks=[pretraining])
    assert pretraining.history["a"]["loss"][0] > 2 > 1 > pretraining.history["b"]["loss"][0]


def test_two_replicas_equal_one(two_replicas):
    """With a new decoder for a classifier's layer, and with the decoder pairs of an autoencoder."""
    options = {"epochs": 2, "optimizer": "sgd", "cache": False}
    for make in (lambda: classifier((8,)), autoencoder):
        alone = make()
        with two_replicas.scope():
            model = make()
        expected = pretrained(alone, DATA, **options).history
        found = pretrained(model, DATA, **options).history
        for name in expected:
            np.testing.assert_allclose(found[name]["loss"], expected[name]["loss"], rtol=1e-5)
        for one, other in zip(values_of(model).values(), values_of(alone).values(), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_pretraining_runs_in_a_fit_of_two_replicas(two_replicas, tmp_path):
    with two_replicas.scope():
        model = classifier((8,))
    options = {"epochs": 2, "batch_size": 50, "corruption": 0.1, "backup": tmp_path, "verbose": 0}
    pretraining = LayerwisePretraining(DATA, **options)
    losses = model.fit(DATA, LABELS, batch_size=50, epochs=2, verbose=0, callbacks=[pretraining]).history["loss"]
    assert loss_falls(pretraining.history)
    assert losses[1] < losses[0]
    before = values_of(model)
    LayerwisePretraining(DATA, **options).pretrain(
        model
    )  # all stages are completed, and the model has been fitted since
    assert not changed(before, values_of(model))


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_gives_nearly_the_losses_of_float32(precision):
    mixed, float32 = classifier(units=(8, 6), dtype=precision), classifier(units=(8, 6))
    found = pretrained(mixed, DATA, epochs=3, corruption=0.1).history
    expected = pretrained(float32, DATA, epochs=3, corruption=0.1).history
    assert loss_falls(found)
    for name in ("a", "b"):
        np.testing.assert_allclose(found[name]["loss"], expected[name]["loss"], rtol=0.02)
    assert all(weight.dtype == "float32" for weight in values_of(mixed).values())


def test_a_stage_takes_steps_per_execution_from_the_model():
    """230 examples make 23 batches of 10: as many as fit whole executions of 4."""
    stepwise, together = classifier(units=(8,)), classifier(units=(8,), steps_per_execution=4)
    histories = [pretrained(model, images(230), batch_size=10, epochs=2).history for model in (stepwise, together)]
    assert together.steps_per_execution == 4
    assert loss_falls(histories[1])
    np.testing.assert_allclose(histories[0]["a"]["loss"], histories[1]["a"]["loss"], rtol=0.05)


def test_progress_shows_a_title_a_layer_and_a_line_an_epoch(capsys, monkeypatch):
    monkeypatch.setattr("cnnzoo.callbacks.progress.RARE", np.inf)  # else there is a line a minute
    history = pretrained(classifier(units=(8, 6)), DATA, verbose=2, epochs=[2, 0], corruption=[0.25, None]).history
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "pretraining 1 of 2: a, 20 → 8, masking 0.25"
    assert len(lines) == 2  # the second layer has no epochs, and nothing to show
    for number, (line, loss) in enumerate(zip(lines, history["a"]["loss"], strict=True), start=1):
        assert line.startswith(f"epoch {number}/2  loss {loss:.4f}  ")
        assert " images/s  " in line
    assert lines[0].endswith(" left in layer 1 of 2")
    pretrained(classifier(units=(8,)), DATA, epochs=1, verbose=1, corruption=keras.layers.GaussianNoise(0.1))
    shown = capsys.readouterr().out
    assert shown.startswith("pretraining 1 of 1: a, 20 → 8, GaussianNoise\nepoch 1/1  loss ")
    pretrained(classifier(units=(8,)), DATA, epochs=1, verbose="auto")  # no terminal
    assert capsys.readouterr() == ("", "")


def test_a_loss_function_of_the_user_receives_reconstructions():
    widths = []

    def distance(activations, reconstruction):
        widths.append(keras.ops.shape(reconstruction)[-1])
        return keras.ops.mean(keras.ops.abs(keras.ops.log(reconstruction) - keras.ops.log(activations)), axis=-1)

    assert loss_falls(pretrained(classifier(units=(8,)), DATA, loss=distance).history)
    assert widths
