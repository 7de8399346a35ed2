"""The models that come with cnnzoo: their cards are true, and their weights load."""

import json

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.serving.model_card import markdown
from tests.processes import ROOT

SHIPPED = {f"{entry.model}-{entry.weights}": entry for entry in cnnzoo.weights.list()}
FOLDER = ROOT / "saved_models"
each_model = pytest.mark.parametrize("entry", SHIPPED.values(), ids=SHIPPED)


def test_the_five_models_are_there_and_take_40_mib():
    assert {path.parent.parent.parent.name for path in FOLDER.glob("*/*/assets.extra/card.json")} == {
        "lenet5_mnist",
        "lenet_fashion_mnist",
        "cuda_convnet_cifar10",
        "deep_autoencoder_mnist",
        "stacked_denoising_mnist",
    }
    assert len(SHIPPED) == 5
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 40 * 2**20


@each_model
def test_the_metric_in_the_card_is_that_of_the_files(entry, tfds_folder):
    test = cnnzoo.data.load(entry.weights, data_dir=tfds_folder, train_examples=1).test
    serve = tf.saved_model.load(str(entry.folder)).signatures["serving_default"]
    assert entry.card["test"]["images"] == len(test)
    values = []
    for start in range(0, len(test), 1000):
        images, labels = test.images[start : start + 1000].astype("float32"), test.labels[start : start + 1000]
        outputs = serve(images=tf.constant(images))
        if entry.class_names:
            values.append(outputs["class_id"].numpy() == labels)
        else:
            values.append(np.square(outputs["reconstruction"].numpy() - images / 255).sum(axis=(1, 2, 3)))
    expected = entry.card["test"]["accuracy" if entry.class_names else "squared_error"]
    assert np.concatenate(values).mean() == pytest.approx(expected, rel=1e-4)


@each_model
def test_a_model_with_the_weights_predicts_as_the_files_do(entry):
    model = cnnzoo.create(entry.model, weights=entry.weights, **entry.card["recipe"]["model_options"])
    serve = tf.saved_model.load(str(entry.folder)).signatures["serving_default"]
    shape = serve.structured_input_signature[1]["images"].shape[1:]
    images = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype("float32")
    outputs = model(entry.preprocess_input(images))
    if entry.class_names:
        predictions = tf.nn.softmax(outputs) if entry.model == "lenet5" else outputs
        np.testing.assert_allclose(serve(images=images)["probabilities"], predictions, atol=1e-5)
        assert len(entry.class_names) == outputs.shape[-1]
    else:
        np.testing.assert_allclose(serve(images=images)["reconstruction"], outputs, atol=1e-5)


@each_model
def test_the_recipe_in_the_card_is_that_of_today(entry):
    recipe = cnnzoo.load_recipe(entry.card["name"]).replace(seed=entry.card["seed"])
    kept = cnnzoo.Recipe.from_dict(entry.card["recipe"])  # values that recipes had not at that time have their defaults
    assert json.loads(json.dumps(recipe.to_dict())) == json.loads(json.dumps(kept.to_dict()))


@each_model
def test_the_readme_has_the_content_of_the_card(entry):
    assert (entry.folder / "assets.extra" / "README.md").read_text(encoding="utf-8") == markdown(entry.card)


def test_a_net_without_head_loads_the_other_layers():
    options = {"weights": "fashion_mnist", "activation": "relu", "subsampling": "max"}
    whole, features = cnnzoo.lenet(**options), cnnzoo.lenet(**options, include_top=False)
    for layer in ("C1", "C3"):
        np.testing.assert_array_equal(whole.get_layer(layer).kernel, features.get_layer(layer).kernel)


def test_a_recipe_trains_from_shipped_weights(tmp_path):
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
            lambda: cnnzoo.stacked_autoencoder(weights="mnist", units=(1000, 1000)),
            "they have encoder_3/kernel for output/kernel; build it by",
        ),
        (
            lambda: cnnzoo.stacked_autoencoder(weights="mnist", units=(1000,) * 4, include_top=False),
            "they have output/kernel for encoder_4/kernel",
        ),
        (
            lambda: cnnzoo.cuda_convnet(weights="cifar10", input_shape=(40, 40, 3)),
            r"takes weights of \(1600, 10\) and \(10,\), and the file has \(1024, 10\)",
        ),
        (
            lambda: cnnzoo.lenet(weights="fashion_mnist"),
            "'C1' has activation 'tanh', and .* 'relu'; build it by",
        ),
        (
            lambda: cnnzoo.lenet(weights="mnist"),
            "`weights` must be None, 'fashion_mnist', or the path of .*. Received: 'mnist'",
        ),
        (lambda: cnnzoo.weights.shipped("lenet5", "cifar10"), "unknown weights 'lenet5 on cifar10'"),
    ],
)
def test_weights_that_do_not_fit_are_refused(build, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        build()
