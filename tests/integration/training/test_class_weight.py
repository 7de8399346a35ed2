"""Weights of classes in a recipe are those of Keras' `fit`."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import Recipe, data, distribute
from cnnzoo.training.sources import splits_of

WEIGHTS = {0: 3.0, 7: 0.0, 9: 0.5}
RECIPE = Recipe(
    model="lenet",
    data="digits",
    epochs=2,
    learning_rate=0.05,
    optimizer="sgd",
    schedule="constant",
    batch_size=64,
    train_examples=256,
    validation_split=0.2,
    class_weight=WEIGHTS,
)


@pytest.mark.parametrize("shards", [1, 2])
def test_training_is_that_of_keras_with_class_weight(tmp_path, monkeypatch, shards):
    monkeypatch.setattr(distribute, "batch_shards_for", lambda batch_size: shards)
    run = cnnzoo.train(RECIPE, workdir=tmp_path / "run", verbose=0)
    keras.utils.set_random_seed(0)
    data.augmentation.augmentation("none", (8, 8, 1))
    model = cnnzoo.lenet()
    model.compile(keras.optimizers.SGD(0.05), model.loss, metrics=["accuracy"])
    _, _, train, validation = splits_of(RECIPE)
    preprocess = cnnzoo.models.preprocessing("lenet", model)
    history = model.fit(
        data.train_pipeline(train, 64, preprocess=preprocess),
        steps_per_epoch=4,
        epochs=2,
        shuffle=False,
        class_weight=dict.fromkeys(range(10), 1.0) | WEIGHTS,
        validation_data=data.eval_pipeline(validation, 100, preprocess=preprocess),
        verbose=0,
    ).history
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert run.history[name] == pytest.approx(history[name], rel=1e-4), name
    for one, other in zip(run.model().get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_run_with_class_weights_resumes(tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cnnzoo.train(RECIPE, workdir=tmp_path / "run", verbose=0, callbacks=[Interrupt()])
    run = cnnzoo.train(RECIPE, workdir=tmp_path / "run", verbose=0, resume=True)
    whole = cnnzoo.train(RECIPE, workdir=tmp_path / "whole", verbose=0)
    assert run.recipe.class_weight == {"0": 3.0, "7": 0.0, "9": 0.5}
    for one, other in zip(run.model().get_weights(), whole.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_replicas_give_the_same(tmp_path, two_replicas):
    one = cnnzoo.train(RECIPE, workdir=tmp_path / "one", verbose=0, steps_per_execution=1)
    two = cnnzoo.train(RECIPE, workdir=tmp_path / "two", verbose=0, steps_per_execution=1, strategy=two_replicas)
    assert two.history["loss"] == pytest.approx(one.history["loss"], rel=1e-4)
    for weight, other in zip(one.model().get_weights(), two.model().get_weights(), strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_weight": {10: 2.0}}, r"must have labels from 0 to 9 of 'digits', '0' to '9'\. Received: 10"),
        (
            {"model": "autoencoder", "model_options": {"input_shape": (8, 8, 1)}},
            "`class_weight` must be empty for autoencoder, which reconstructs images. Received: {'0': 3.0",
        ),
    ],
    ids=str,
)
def test_weights_of_no_classes_are_refused(tmp_path, changes, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.train(RECIPE.replace(**changes), workdir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()
