"""The models that come with cnnzoo: their cards tell the truth, and their weights load."""

import json

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from tests.processes import ROOT

SHIPPED = {f"{entry.model}-{entry.weights}": entry for entry in cnnzoo.weights.list()}
FOLDER = ROOT / "saved_models"
each = pytest.mark.parametrize("entry", SHIPPED.values(), ids=SHIPPED)


def test_all_are_there_and_small():
    assert {path.parent.parent.parent.name for path in FOLDER.glob("*/*/assets.extra/card.json")} == {
        "lenet5_mnist",
        "lenet_fashion_mnist",
        "cuda_convnet_cifar10",
        "deep_autoencoder_mnist",
        "stacked_denoising_mnist",
    }
    assert len(SHIPPED) == 5
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 40 * 2**20


@each
def test_the_cards_figure_is_what_the_files_give(entry, tfds_folder):
    test = cnnzoo.data.load(entry.weights, data_dir=tfds_folder, train_examples=1).test
    serve = tf.saved_model.load(str(entry.folder)).signatures["serving_default"]
    assert entry.card["test"]["images"] == len(test)
    found = []
    for start in range(0, len(test), 1000):
        images, labels = test.images[start : start + 1000].astype("float32"), test.labels[start : start + 1000]
        outputs = serve(images=tf.constant(images))
        if entry.class_names:
            found.append(outputs["class_id"].numpy() == labels)
        else:
            found.append(np.square(outputs["reconstruction"].numpy() - images / 255).sum(axis=(1, 2, 3)))
    figure = entry.card["test"]["accuracy" if entry.class_names else "squared_error"]
    assert np.concatenate(found).mean() == pytest.approx(figure, rel=1e-4)


@each
def test_the_weights_load_and_answer_as_the_files_do(entry):
    model = cnnzoo.create(entry.model, weights=entry.weights, **entry.card["recipe"]["model_options"])
    serve = tf.saved_model.load(str(entry.folder)).signatures["serving_default"]
    shape = serve.structured_input_signature[1]["images"].shape[1:]
    images = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype("float32")
    outputs = model(entry.preprocess_input(images))
    if entry.class_names:
        answers = tf.nn.softmax(outputs) if entry.model == "lenet5" else outputs
        np.testing.assert_allclose(serve(images=images)["probabilities"], answers, atol=1e-5)
        assert len(entry.class_names) == outputs.shape[-1]
    else:
        np.testing.assert_allclose(serve(images=images)["reconstruction"], outputs, atol=1e-5)


@each
def test_the_card_names_a_recipe_as_it_is_today(entry):
    recipe = cnnzoo.load_recipe(entry.card["name"])
    assert json.loads(json.dumps(recipe.replace(seed=entry.card["seed"]).to_dict())) == entry.card["recipe"]


def test_without_its_head_a_net_takes_the_rest():
    options = {"weights": "fashion_mnist", "activation": "relu", "subsampling": "max"}
    whole, features = cnnzoo.lenet(**options), cnnzoo.lenet(**options, include_top=False)
    for layer in ("C1", "C3"):
        np.testing.assert_array_equal(whole.get_layer(layer).kernel, features.get_layer(layer).kernel)


def test_a_recipe_begins_from_them(tmp_path):
    run = cnnzoo.train(
        "lenet5_digits", workdir=tmp_path, model="lenet", weights="fashion_mnist", epochs=1, verbose=0,
        model_options={"activation": "relu", "subsampling": "max"},
    )  # fmt: skip
    assert run.metrics["test"]["accuracy"] > 0.1


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: cnnzoo.lenet5(weights="mnist", classes=5), "'output' has units 5, and they were trained with 10"),
        (lambda: cnnzoo.deep_autoencoder(weights="mnist", units=(1000,)), "has units 1000, and they"),
        (
            lambda: cnnzoo.lenet(weights="fashion_mnist"),
            "'C1' has activation 'tanh', and .* 'relu'; build it by",
        ),
        (lambda: cnnzoo.lenet(weights="mnist"), "must be None, 'fashion_mnist' or the path of .*, not 'mnist'"),
        (lambda: cnnzoo.weights.shipped("lenet5", "cifar10"), "unknown weights 'lenet5 on cifar10'"),
    ],
)
def test_weights_that_do_not_fit_get_a_sentence(build, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        build()
