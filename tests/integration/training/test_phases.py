"""The head first, on frozen features, then the whole; from weights of one's own or of others."""

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import Recipe

RECIPE = Recipe(
    model="lenet",
    data="digits",
    epochs=2,
    learning_rate=1e-3,
    batch_size=64,
    train_examples=128,
    frozen={"epochs": 2, "learning_rate": 1e-2},
)
ONE_TIED_LAYER = {"input_shape": (8, 8, 1), "units": (), "code": 8, "tied": True}


def layers_after(recipe, folder, epochs, monkeypatch):
    """Return the weights by layer after a number of epochs, at which the run is interrupted."""

    def save_and_stop(checkpoint, epoch, logs=None):
        whole(checkpoint, epoch, logs)
        if epoch + 1 == epochs:
            raise KeyboardInterrupt

    whole = cnnzoo.callbacks.Checkpoint.on_epoch_end
    with monkeypatch.context() as patch:
        patch.setattr(cnnzoo.callbacks.Checkpoint, "on_epoch_end", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            cnnzoo.train(recipe, workdir=folder, verbose=0)
    model = cnnzoo.create(recipe.model, compile=False)
    model.load_weights(cnnzoo.Run(folder).checkpoint_file)
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def changed(one, other):
    return {name for name in one if any((a != b).any() for a, b in zip(one[name], other[name], strict=True))}


def fresh(recipe):
    keras.utils.set_random_seed(recipe.seed)
    cnnzoo.data.augmentation.augmentation("none", (8, 8, 1))
    model = cnnzoo.create(recipe.model)
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


@pytest.mark.parametrize(
    ("frozen", "trained"),
    [({}, {"output"}), ({"until": "S4"}, {"C5", "F6", "output"}), ({"until": "C1"}, {"C3", "C5", "F6", "output"})],
)
def test_first_the_head_alone_then_the_whole(tmp_path, monkeypatch, frozen, trained):
    recipe = RECIPE.replace(frozen={**RECIPE.frozen, **frozen})
    start = fresh(recipe)
    after_head = layers_after(recipe, tmp_path / "head", 2, monkeypatch)
    assert changed(start, after_head) == trained
    assert changed(start, layers_after(recipe, tmp_path / "whole", 3, monkeypatch)) == set(start)


def test_its_rows_and_rates(tmp_path):
    run = cnnzoo.train(RECIPE.replace(schedule="constant"), workdir=tmp_path / "run", verbose=0)
    assert run.history["epoch"] == [1, 2, 3, 4]
    assert run.history["learning_rate"] == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3])
    model = run.model()
    assert all(layer.trainable for layer in model.layers)
    assert int(model.optimizer.iterations) == 4  # of the second phase, two an epoch


def test_patterns_of_frozen_layers_are_no_misspelled_ones(tmp_path):
    """In the first phase the optimizer does not train the layers that they name."""
    options = {"lr_multipliers": {"C1/*": 0.0}, "weight_decay": {"C3/kernel": 1e-3}}
    recipe = RECIPE.replace(optimizer="classicsgd", optimizer_options=options, schedule="constant", warmup=0)
    start = fresh(recipe)
    trained = cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0).model()
    after = {layer.name: layer.get_weights() for layer in trained.layers if layer.weights}
    assert changed(start, after) == set(start) - {"C1"}
    for name in ("lr_multipliers", "weight_decay"):
        misspelled = recipe.replace(optimizer_options={name: {"C2/kernel": 1.0}})
        with pytest.raises(cnnzoo.InputError, match=r"'C2/kernel' of .* matches none of the weights C1/kernel, "):
            cnnzoo.train(misspelled, workdir=tmp_path / "other", verbose=0)
    assert not (tmp_path / "other").exists()


def test_nothing_is_pretrained_for_phases_that_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cnnzoo.LayerwisePretraining, "pretrain", None)
    recipe = RECIPE.replace(pretraining={"epochs": 1}, frozen={"epochs": 1, "until": "output"})
    with pytest.raises(cnnzoo.InputError, match="freezes 5 of the 5 layers"):
        cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_run_resumes_within_and_between_the_phases(tmp_path, monkeypatch, epochs):
    whole = cnnzoo.train(RECIPE, workdir=tmp_path / "whole", verbose=0)
    layers_after(RECIPE, tmp_path / "stopped", epochs, monkeypatch)
    resumed = cnnzoo.train(RECIPE, workdir=tmp_path / "stopped", resume=True, verbose=0)
    assert [row["epoch"] for row in resumed.history_rows] == [1, 2, 3, 4]
    for one, other in zip(resumed.model().get_weights(), whole.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_features_come_from_a_net_for_other_classes(tmp_path, monkeypatch):
    donor = cnnzoo.lenet(classes=7)
    donor.save_weights(tmp_path / "donor.weights.h5")
    donor.save(tmp_path / "donor.keras")
    for file in ("donor.weights.h5", "donor.keras"):
        recipe = RECIPE.replace(weights=str(tmp_path / file))
        after_head = layers_after(recipe, tmp_path / file[6:11], 2, monkeypatch)
        features = {layer.name: layer.get_weights() for layer in donor.layers[:-1] if layer.weights}
        assert changed(features, after_head) == set()


@pytest.mark.parametrize("name", ["deep_autoencoder", "convolutional_autoencoder"])
def test_an_autoencoder_goes_on_from_all_weights_of_another_run(tmp_path, name):
    options = {"deep_autoencoder": {"units": (20,)}, "convolutional_autoencoder": {"maps": (4,)}}[name]
    options |= {"input_shape": (8, 8, 1), "code": 5}
    recipe = Recipe(model=name, data="digits", epochs=3, learning_rate=3e-3, batch_size=64, model_options=options)
    first = cnnzoo.train(recipe, workdir=tmp_path / "first", verbose=0)
    tiny = recipe.replace(weights=str(first.model_file), learning_rate=1e-12, epochs=1, optimizer="classicsgd")
    second = cnnzoo.train(tiny, workdir=tmp_path / "second", verbose=0)
    assert second.metrics["test"] == pytest.approx(first.metrics["test"], rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frozen": {"until": "S4"}}, "`frozen` must have epochs, such as frozen.epochs=5. Received: {'until': 'S4'}"),
        ({"frozen": {"epochs": 0}}, "`frozen.epochs` must be a positive integer. Received: 0"),
        ({"frozen": {"epoch": 1}}, "unknown entry of frozen 'epoch'; did you mean 'epochs'"),
        (
            {"frozen": {"epochs": 1, "learning_rate": -1}},
            "`frozen.learning_rate` must be a positive number. Received: -1",
        ),
        ({"frozen": {"epochs": 1, "until": "C2"}}, "unknown layer 'C2'; the layers are C1, C3"),
        (
            {"frozen": {"epochs": 1, "until": "output"}},
            "frozen.until='output' freezes 5 of the 5 layers with weights to train; set frozen.until to one from 'C1'",
        ),
        (
            {"frozen": {"epochs": 2}, "model": "lenet5"},  # the head's bitmaps are fixed
            "all layers but the head 'output', freezes 6 of the 6 .* set frozen.until to one from 'C1' to 'C5'",
        ),
        (
            {"frozen": {"epochs": 2}, "model": "autoencoder", "model_options": ONE_TIED_LAYER},
            "all layers but the head 'code', freezes 0 of the 1 layers with weights to train$",
        ),
        ({"weights": "nowhere.keras"}, "there is no weights file 'nowhere.keras'"),
        ({"weights": "imagenet"}, "'fashion_mnist', or the path of a .weights.h5 or .keras file. Received: 'imagenet'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, changes, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.train(RECIPE.replace(**changes), workdir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()
