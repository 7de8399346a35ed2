"""The callback inside a fit: what it leaves as it was, on which hardware and in which precision it works."""

import random

import keras
import numpy as np
import pytest

from cnnzoo import LayerwisePretraining
from tests.pretraining.nets import autoencoder, changed, classifier, images, pretrained, values_of

DATA = images(200)
LABELS = np.arange(200) % 5


def fell(history):
    return all(stage["loss"][-1] < stage["loss"][0] for stage in history.values())


def fine_tuned(model, *callbacks):
    """Seed everything, fit for two epochs, and return losses, weights and the next random numbers."""
    keras.utils.set_random_seed(7)
    losses = model.fit(DATA, LABELS, epochs=2, batch_size=50, verbose=0, callbacks=list(callbacks)).history["loss"]
    drawn = random.random(), np.random.random(), float(keras.random.normal(())), float(keras.random.normal(()))  # noqa: NPY002
    return losses, values_of(model), drawn


def test_fine_tuning_is_what_it_would_have_been_with_the_same_weights():
    """Also with dropout and shuffling that draw from the global random state."""
    options = {"epochs": 1, "corruption": 0.2, "verbose": 0}
    during = classifier(units=(8,), dropout=0.5)
    state = [(layer.trainable, len(layer._inbound_nodes), len(layer.variables)) for layer in during.layers]
    pretraining = LayerwisePretraining(DATA, **options)
    found = fine_tuned(during, pretraining)

    before = classifier(units=(8,), dropout=0.5)
    LayerwisePretraining(DATA, **options).pretrain(before)
    assert int(before.optimizer.iterations) == 0
    expected = fine_tuned(before)

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
    asked = []

    def optimizer(steps):
        asked.append(steps)
        return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, steps))

    pretrained(classifier(units=(8, 6)), DATA, epochs=[1, 3], optimizer=optimizer)
    assert set(asked) == {4, 12}  # 200 examples in batches of 50
    halved = pretrained(classifier(units=(8,)), DATA, epochs=2, optimizer=keras.optimizers.SGD)  # a class, as it is
    assert len(halved.history["a"]["loss"]) == 2


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
    """A layer of a classifier, and an autoencoder, whose own layers decode."""
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


def test_two_replicas_in_a_fit(two_replicas, tmp_path):
    with two_replicas.scope():
        model = classifier((8,))
    options = {"epochs": 2, "batch_size": 50, "corruption": 0.1, "backup": tmp_path, "verbose": 0}
    pretraining = LayerwisePretraining(DATA, **options)
    losses = model.fit(DATA, LABELS, batch_size=50, epochs=2, verbose=0, callbacks=[pretraining]).history["loss"]
    assert fell(pretraining.history)
    assert losses[1] < losses[0]
    before = values_of(model)
    LayerwisePretraining(DATA, **options).pretrain(model)  # all earned, and trained further on
    assert not changed(before, values_of(model))


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(precision):
    mixed, whole = classifier(units=(8, 6), dtype=precision), classifier(units=(8, 6))
    found = pretrained(mixed, DATA, epochs=3, corruption=0.1).history
    expected = pretrained(whole, DATA, epochs=3, corruption=0.1).history
    assert fell(found)
    for name in ("a", "b"):
        np.testing.assert_allclose(found[name]["loss"], expected[name]["loss"], rtol=0.02)
    assert all(weight.dtype == "float32" for weight in values_of(mixed).values())


def test_steps_per_execution_are_the_models_own():
    """230 examples make 23 batches of 10: as many as fit whole executions of 4."""
    stepwise, together = classifier(units=(8,)), classifier(units=(8,), steps_per_execution=4)
    histories = [pretrained(model, images(230), batch_size=10, epochs=2).history for model in (stepwise, together)]
    assert together.steps_per_execution == 4
    assert fell(histories[1])
    np.testing.assert_allclose(histories[0]["a"]["loss"], histories[1]["a"]["loss"], rtol=0.05)


def test_what_is_shown(capsys):
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


def test_losses_of_the_users_own_get_reconstructions():
    seen = []

    def distance(codes, reconstruction):
        seen.append(keras.ops.shape(reconstruction)[-1])
        return keras.ops.mean(keras.ops.abs(keras.ops.log(reconstruction) - keras.ops.log(codes)), axis=-1)

    assert fell(pretrained(classifier(units=(8,)), DATA, loss=distance).history)
    assert seen
