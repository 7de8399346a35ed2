"""Whitening is part of the trained model: saved, evaluated and exported with it."""

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import Recipe

RECIPE = Recipe(
    model="lenet",
    data="digits",
    model_options={"input_shape": (20, 20, 1)},
    epochs=1,
    learning_rate=1e-3,
    batch_size=64,
    whitening=True,
)


def test_the_models_first_layer_whitens_the_training_images(tmp_path):
    run = cnnzoo.train(RECIPE, workdir=tmp_path / "run", verbose=0, validation_split=0.2)
    model = run.model()
    assert [layer.name for layer in model.layers[:3]] == ["images", "whitening", "C1"]
    assert run.metrics["parameters"] == cnnzoo.lenet(input_shape=(20, 20, 1)).count_params()
    train, _ = cnnzoo.data.load("digits").train.held_out(0.2, RECIPE.seed)
    images = np.asarray(cnnzoo.models.preprocessing("lenet", model)(train.images)).reshape(len(train), -1)
    rows = images.astype("float64")
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False, bias=True))
    expected = vectors @ np.diag((values + 0.1) ** -0.5) @ vectors.T
    np.testing.assert_allclose(model.get_layer("whitening").matrix, expected, atol=1e-4)
    assert cnnzoo.evaluate(run) == run.metrics["test"]
    served = tf.saved_model.load(cnnzoo.export(run, tmp_path / "served")).signatures["serving_default"]
    test = cnnzoo.data.load("digits").test
    right = served(images=tf.constant(test.images, "float32"))["class_id"].numpy() == test.labels
    assert right.mean() == pytest.approx(run.metrics["test"]["accuracy"])


def test_images_that_are_too_large_to_be_whitened_are_refused(tmp_path):
    recipe = RECIPE.replace(model_options={"input_shape": (114, 114, 1)})
    with pytest.raises(cnnzoo.InputError, match=r"they may have at most 12,288 values, .* Received: 12,996 values"):
        cnnzoo.train(recipe, workdir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()
