"""Every Python block of README.md and of documents that are not walked is run as a notebook's cell, and checked.

No block takes for granted what no block before it has made. Fits of more than some seconds are cut.
"""

import ast
import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import cnnzoo
from cnnzoo.layers.lenet5 import digit_bitmaps
from tests.integration.docs.blocks import DOCUMENTS, python_blocks, run, unknown_names
from tests.integration.docs.results import (
    accuracy,
    cross_entropy,
    lenet_input,
    png,
    predictions_of,
    signature,
    softmax,
    source,
)  # fmt: skip
from tests.integration.docs.scripts import run_script
from tests.processes import ROOT

TESTED = {
    *("README.md", "docs/how_to/images.md", "docs/how_to/devices.md", "docs/concepts/layerwise_pretraining.md"),
    *("docs/how_to/reports.md", "docs/how_to/serve.md", "docs/how_to/tune.md", "docs/how_to/command_line.md"),
}
SHUFFLE = "ignore:`shuffle=True` was passed"  # Keras says so to whoever leaves its default and fits a `tf.data.Dataset`


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return a new folder, in which the blocks run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def in_tfds(name):
    return (Path(os.environ.get("TFDS_DATA_DIR", "")) / name).is_dir()


def falls(losses):
    return losses[-1] < losses[0]


def test_every_document_with_python_blocks_is_tested():
    assert {document for document in DOCUMENTS if python_blocks(document)} == TESTED


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_block_uses_a_name_that_no_block_before_it_makes(document):
    """So that a reader can copy them, one after the other."""
    assert unknown_names(DOCUMENTS[document]) == {}


def test_command_line():
    [factory] = python_blocks("docs/how_to/command_line.md")
    names = {}
    run(factory, names)
    assert (names["early"]().monitor, names["early"]().patience) == ("val_accuracy", 2)


def test_readme(folder):
    of_one_image, of_a_new_net = python_blocks("README.md")
    (folder / "docs").symlink_to(ROOT / "docs")
    digits = source("digits")
    pixels, labels = digits.test.images, digits.test.labels
    test_images = lenet_input(pixels)

    names = {}
    decoded = run(of_one_image, names)[-1]
    assert f"# {decoded}: label, name, probability" in of_one_image.text
    [[(label, name, probability)]] = decoded
    assert (label, name) == (5, "5")
    assert probability >= 0.99
    enlarged = np.pad(np.kron(pixels, np.ones((1, 3, 3, 1), "uint8")), ((0, 0), (2, 2), (2, 2), (0, 0)))
    served = signature(ROOT / "saved_models/lenet5_mnist/1")(np.float32(enlarged))["probabilities"]
    np.testing.assert_allclose(names["model"].predict(lenet_input(enlarged), verbose=0), served, atol=1e-5)
    assert np.mean(served.argmax(axis=-1) == labels) >= 0.7  # it was trained on other digits

    run(of_a_new_net, names)
    losses = names["model"].history.history["loss"]
    assert len(losses) == 5
    assert falls(losses)
    assert accuracy(names["model"], test_images, labels) >= 0.9

    trained = names["run"]
    model = trained.model()
    assert len(trained.history_rows) == 10
    assert trained.metrics["test"]["accuracy"] == pytest.approx(accuracy(model, test_images, labels))
    assert trained.metrics["test"]["accuracy"] >= 0.95
    probabilities = softmax(model.predict(test_images, verbose=0))
    served = signature("exported/lenet5/1")(np.float32(pixels))["probabilities"]
    np.testing.assert_allclose(served, probabilities, atol=1e-5)
    served = signature("exported/lenet5/1", "serve_bytes")([png(image) for image in pixels])["probabilities"]
    np.testing.assert_allclose(served, probabilities, atol=1e-5)

    run_script("docs/what_lenet5_draws.py", trained.folder, "drawn.png")
    with Image.open("drawn.png") as drawn:
        assert drawn.size == (1500, 660)
    check_what_lenet5_draws(model, test_images, labels)


def check_what_lenet5_draws(model, images, labels):
    """Check that F6 draws the bitmap of the class, as the README's picture shows."""
    f6 = keras.Model(model.input, model.get_layer("F6").output).predict(images, verbose=0)
    assert np.mean(np.sign(f6) == digit_bitmaps()[labels].reshape(-1, 84)) >= 0.9


def check_pretraining(pretraining, epochs, error_of_mean):
    """Check that each layer was trained, and that the first reconstructs images better than their mean does."""
    assert {name: len(history["loss"]) for name, history in pretraining.history.items()} == epochs
    assert all(falls(history["loss"]) for history in pretraining.history.values())
    assert next(iter(pretraining.history.values()))["loss"][-1] < error_of_mean


def entropy_of_mean(images):
    """Return the cross-entropy of the mean image, by which a net that has learned nothing could reconstruct."""
    mean = np.mean(images, axis=0, dtype="float64").clip(1e-7, 1 - 1e-7)
    return -np.mean(mean * np.log(mean) + (1 - mean) * np.log(1 - mean))


def test_layerwise_pretraining(capsys):
    block, machines, winners = python_blocks("docs/concepts/layerwise_pretraining.md")
    names = {}
    run(block, names)
    assert capsys.readouterr().out.endswith(f"\n{names['pretraining'].history['hidden_2']['loss']}\n")
    check_pretraining(names["pretraining"], {"hidden_1": 20, "hidden_2": 10}, entropy_of_mean(names["images"]))
    digits = source("digits").test
    assert accuracy(names["model"], digits.images / 255, digits.labels) >= 0.9

    run(machines, names)
    assert capsys.readouterr().out == "(64, 100) binary linear\n"
    assert all(falls(history["loss"]) for history in names["pretraining"].history.values())
    net = names["model"]
    np.testing.assert_array_equal(net.get_layer("output").bias, names["machine"].visible_bias)

    run(winners, names)
    assert capsys.readouterr().out == "(50, 8, 8, 16) 1 True\n"
    assert falls(names["net"].history.history["loss"])


@pytest.mark.filterwarnings(SHUFFLE)
@pytest.mark.slow
def test_data(folder):
    loading, own_arrays, own_photographs, features, pipelines = python_blocks("docs/how_to/images.md")
    names = {}
    of_tfds = {
        "mnist": 'cnnzoo.data.load("mnist")',
        "cifar10": 'cnnzoo.data.load("cifar10:3.0.2", train="train[:90%]", test="train[90%:]")',
    }
    digits, patches, table, mnist, cifar10, fake = run(
        loading, names, {call: "None" for name, call in of_tfds.items() if not in_tfds(name)}
    )
    check_digits(digits)
    assert (len(patches.train) + len(patches.test), patches.classes) == (12_000, 2)
    assert (table.image_shape, table.classes, len(table.train) + len(table.test)) == ((30,), 2, 569)
    if mnist:
        assert np.bincount(mnist.train.labels).tolist() == MNIST
        check_against_tfds(mnist.test, "mnist", "test")
    if cifar10:
        assert (len(cifar10.train), len(cifar10.test)) == (45_000, 5_000)
        check_against_tfds(cifar10.test, "cifar10:3.0.2", "train[90%:]")
    assert (fake.image_shape, fake.classes, len(fake.train)) == ((32, 32, 3), 10, 256)
    check_learnable(fake)

    arrays = run(own_arrays, names)[-1]
    for split, part in ((arrays.train, slice(30)), (arrays.test, slice(30, None))):
        assert np.array_equal(split.images, names["images"][part])
        assert np.array_equal(split.labels, names["labels"][part])

    photos = run(own_photographs, names)[-1]
    assert photos.class_names == ("dark", "light")
    assert (len(photos.train), len(photos.test)) == (64, 16)
    for split in (photos.train, photos.test):
        assert np.array_equal(split.labels, split.images.mean(axis=(1, 2, 3)) > 120)

    net = published_net(folder / "alexnet-owt-7be5be79.pth")
    score = run(features, names, {'"imagenet"': '"alexnet-owt-7be5be79.pth"'})[-1]
    check_features(net, names)
    assert score >= 0.9  # of two classes

    *_, history, evaluated = run(pipelines, names)
    model = names["model"]
    assert len(history.history["loss"]) == 10
    assert falls(history.history["loss"])
    test = names["photos"].test
    predicted = model.predict(np.float32(test.images) / 255, verbose=0)
    by_numpy = [cross_entropy(predicted, test.labels), np.mean(predicted.argmax(axis=-1) == test.labels)]
    assert evaluated == pytest.approx(by_numpy, abs=1e-4)
    check_batches(names["batches"], names["photos"].train)


MNIST = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # training images of each digit


def check_digits(digits):
    from sklearn.datasets import load_digits

    scans = load_digits()
    read = [*zip(digits.train.images, digits.train.labels, strict=True)]
    read += [*zip(digits.test.images, digits.test.labels, strict=True)]
    assert len(read) == 1797
    found = sorted((label, np.round(image[..., 0] * (16 / 255)).astype(int).tolist()) for image, label in read)
    assert found == sorted(
        (label, image.astype(int).tolist()) for image, label in zip(scans.images, scans.target, strict=True)
    )


def check_against_tfds(split, name, part):
    """Check the first images of a split against those that TFDS itself reads."""
    import tensorflow_datasets as tfds

    for number, example in enumerate(tfds.load(name, split=part).take(50).as_numpy_iterator()):
        assert np.array_equal(split.images[number], example["image"])
        assert split.labels[number] == example["label"]


def check_learnable(fake):
    """Check that images are nearest to the mean of their own class."""
    means = np.stack([fake.train.images[fake.train.labels == label].mean(axis=0) for label in range(fake.classes)])
    distances = ((fake.test.images[:, None] - means) ** 2).sum(axis=(2, 3, 4))
    assert np.mean(distances.argmin(axis=1) == fake.test.labels) >= 0.9


def published_net(path):
    """Write random weights for AlexNet's convolutions in torchvision's layout, and return PyTorch's net of them."""
    torch = pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")
    torch.manual_seed(0)
    nn = torch.nn
    net = nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
    )
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    torch.save({f"features.{name}": value for name, value in net.state_dict().items()}, path)

    def features(images):
        standardized = (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        with torch.no_grad():
            return net(torch.tensor(np.float32(standardized.transpose(0, 3, 1, 2)))).numpy().mean(axis=(2, 3))

    return features


def check_features(net, names):
    np.testing.assert_allclose(names["test"][:4], net(names["photos"].test.images[:4]), rtol=1e-3, atol=1e-3)


def check_batches(batches, split):
    """Check that batches are whole, and in each epoch hold each image at most once, with its own label."""
    labels = {
        (np.float32(image) / 255).tobytes(): label for image, label in zip(split.images, split.labels, strict=True)
    }
    found = set()
    for images, own in batches.take(len(split) // 32).as_numpy_iterator():
        assert images.shape == (32, 224, 224, 3)
        assert [labels[image.tobytes()] for image in images] == own.tolist()
        found |= {image.tobytes() for image in images}
    assert len(found) == len(split) // 32 * 32


@pytest.mark.filterwarnings(SHUFFLE)
def test_distribution():
    [block] = python_blocks("docs/how_to/devices.md")
    names = {}
    [history] = run(block, names)
    model = names["model"]
    assert isinstance(names["strategy"], tf.distribute.Strategy)
    assert model.distribute_strategy is names["strategy"]
    assert len(history.history["loss"]) == 5
    test = source("digits").test
    assert accuracy(model, lenet_input(test.images), test.labels) >= 0.8


def test_reports(folder):
    [block] = python_blocks("docs/how_to/reports.md")
    names = {}
    row, _, maps, units, occluded = run(block, names)
    model, images = names["model"], np.asarray(names["images"])
    digits = source("digits").test
    for drawn, image in zip(row.axes[0].images, digits.images[:20], strict=True):
        assert np.array_equal(drawn.get_array(), image[..., 0])
    assert [text.get_text() for text in row.axes[0].texts] == [str(label) for label in digits.labels[:20]]
    drawn = (folder / "filters.svg").read_text("utf-8")
    assert drawn.count("<image ") == model.get_layer("C1").kernel.shape[-1] == 6
    first_layer = keras.Model(model.input, model.get_layer("C1").output).predict(images[:1], verbose=0)[0]
    for number, image in enumerate(maps.axes[1].images):
        np.testing.assert_allclose(image.get_array(), first_layer[..., number], atol=1e-5)
    assert units.alternative.startswith("For 6 units of C3, with receptive fields of 14×14 pixels:")
    predicted = model.predict(images[:8], verbose=0).argmax(axis=-1).tolist()
    assert [int(digit) for digit in re.findall(r"\b(\d) −?\d+\.\d", occluded.alternative)] == predicted


@pytest.mark.slow
def test_serving(capsys):
    bare_model, shipped = python_blocks("docs/how_to/serve.md")
    names = {}
    run(bare_model, names)
    fashion = in_tfds("fashion_mnist")
    test = source("fashion_mnist" if fashion else "digits").test[:500]
    images = test.images if fashion else np.pad(test.images, ((0, 0), (10, 10), (10, 10), (0, 0)))
    padded = np.pad(np.float32(images), ((0, 0), (2, 2), (2, 2), (0, 0))) * (1.275 / 255) - 0.1
    expected = softmax(names["model"].predict(padded, verbose=0))
    served = signature("exported/digits/1")(np.float32(images))
    np.testing.assert_allclose(served["probabilities"], expected, atol=1e-5)
    assert served["class_id"].tolist() == expected.argmax(axis=-1).tolist()
    served = signature("exported/digits/1", "serve_bytes")([png(image) for image in images[:9]])
    np.testing.assert_allclose(served["probabilities"], expected[:9], atol=1e-5)

    capsys.readouterr()
    names["others"] = images[:500]
    loaded = 'cnnzoo.data.load("fashion_mnist").test.images'
    decoded = run(shipped, names, {loaded: f"{loaded}[:500]" if fashion else "others"})[-1]
    printed = capsys.readouterr().out.splitlines()
    folders = {card.parents[2].name for card in (ROOT / "saved_models").glob("*/1/assets.extra/card.json")}
    assert {line.rpartition("; by ")[2] for line in printed if "; by " in line} == folders
    [call] = [line.partition("=")[2] for line in shipped.text.splitlines() if "weights=" in line]
    assert ast.dump(ast.parse(call.strip())) == ast.dump(ast.parse(names["entry"].call))
    served = signature(ROOT / "saved_models/lenet_fashion_mnist/1")(np.float32(images))
    np.testing.assert_allclose(names["probabilities"], served["probabilities"], atol=1e-5)
    for best, label, name in zip(decoded, served["class_id"], served["class_name"], strict=True):
        assert best[0][:2] == (label, name.decode())
    if fashion:
        assert np.mean(served["class_id"] == test.labels) >= 0.88


@pytest.mark.slow
def test_tuning():
    keras_tuner = pytest.importorskip("keras_tuner", reason="needs keras-tuner (pip install -e '.[tune]')")
    defined, searched = python_blocks("docs/how_to/tune.md")
    names = {}
    run(defined, names)
    recipe = cnnzoo.load_recipe("stacked_denoising_digits").override(names["space"](keras_tuner.HyperParameters()))
    assert 1e-3 <= recipe.learning_rate <= 3e-2
    assert 1e-2 <= recipe.optimizer_options["weight_decay"] <= 1
    assert recipe.pretraining["epochs"] in range(5, 31, 5)

    [(best, overrides, comparison)] = run(
        searched, names, {"trials=8": "trials=2, seeds=1", '{"epochs": 20}': '{"epochs": 1, "train_examples": 320}'}
    )
    scores = [row["score"] for row in names["result"].rows]
    assert len(scores) == 2
    assert best["score"] == max(scores)
    assert overrides == {"epochs": 1, "train_examples": 320, **best["overrides"]}
    assert names["recipe"].learning_rate == best["overrides"]["learning_rate"]
    assert (names["recipe"].epochs, names["recipe"].train_examples) == (1, 320)
    for row in comparison.rows:
        predicted, labels = predictions_of(comparison.folder / row["variant"] / "seed0")
        assert row["errors"] == pytest.approx([100 * np.mean(predicted.argmax(axis=-1) != labels)])
