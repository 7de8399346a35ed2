"""Every value of every layer, as the page computes it, against Keras with the same rounded weights."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import data, models
from cnnzoo.browser.nets import Net, net_of
from cnnzoo.browser.play import play, write
from cnnzoo.data.decoding import crop_and_resize
from cnnzoo.data.source import Source, Split
from tests.integration.browser import browsers, reference
from tests.small_nets import SMALL, thin, without_draws

SHIPPED = ["lenet5_mnist", "cuda_convnet_cifar10", "deep_autoencoder_mnist", "lenet_fashion_mnist"]
SHIPPED += ["stacked_denoising_mnist"]


def payload_of(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(text.partition('id="payload">')[2].partition("</script>")[0])


def compare(page, model, preprocess, images, tmp_path):
    """Compare all values, and return the largest deviation of a layer."""
    reference.round_weights(model)
    expected = reference.outputs_of(model, keras.ops.convert_to_numpy(preprocess(images)).astype("float32"))
    found = reference.outputs_in_node(page, images, [each.shape[1:] for each in expected], tmp_path)
    names = ["input", *(layer["name"] for layer in payload_of(page)["models"][0]["layers"])]
    deviations = {name: reference.deviation(*pair) for name, *pair in zip(names, found, expected, strict=True)}
    assert max(deviations.values()) <= reference.TOLERANCE, deviations
    return deviations


def images_like(page, count):
    """Return test images of the data, or random ones where there are none, and one drawing."""
    shape = tuple(payload_of(page)["models"][0]["input"]["pixels"])
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (count, *shape), "uint8")
    return np.concatenate([noise, reference.drawing(shape)[None]])


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_have_the_values_of_keras(name, tmp_path):
    net = net_of(name)
    page = play(name, to=tmp_path / "play.html")
    images = images_like(page, 20)
    if data.is_at_hand(net.data):
        images[:20] = data.load(net.data, train_examples=1, test_examples=20).test.images
    preprocess = models.preprocessing(net.family, net.model)
    print(name, compare(page, net.model, preprocess, images, tmp_path))


@pytest.mark.parametrize("name", [name for name in SHIPPED if "autoencoder" not in name])
def test_shipped_classifiers_have_the_classes_of_keras_on_1000_test_images(name, tmp_path):
    net = net_of(name)
    if not data.is_at_hand(net.data):
        pytest.skip(f"{net.data} is not on this machine")
    page = play(name, to=tmp_path / "play.html")
    images = data.load(net.data, train_examples=1, test_examples=1000).test.images
    reference.round_weights(net.model)
    inputs = models.preprocessing(net.family, net.model)(images)
    expected = np.concatenate([net.model(inputs[start : start + 250]) for start in range(0, 1000, 250)])
    [found] = reference.outputs_in_node(page, images, [expected.shape[1:]], tmp_path, "last")
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))


@pytest.mark.parametrize("shape", [(40, 30, 1), (28, 90, 1), (13, 20, 1), (200, 211, 1), (60, 60, 3)])
def test_images_of_other_sizes_are_brought_to_the_input_as_predict_does_it(shape, tmp_path):
    name = "lenet5_mnist" if shape[-1] == 1 else "cuda_convnet_cifar10"
    net = net_of(name)
    page = play(name, to=tmp_path / "play.html")
    images = np.random.default_rng(2).integers(0, 256, (3, *shape), "uint8")
    size = tuple(payload_of(page)["models"][0]["input"]["pixels"][:2])
    resized = np.stack([crop_and_resize(tf.constant(image), size) for image in images])
    expected = keras.ops.convert_to_numpy(models.preprocessing(net.family, net.model)(resized))
    [found] = reference.outputs_in_node(
        page, images, [expected.shape[1:]], tmp_path, "first", "×".join(map(str, shape))
    )
    # Where a pixel lies at a half, one rounds it up and the other down.
    pixel = 1.275 / 255 if shape[-1] == 1 else 1
    differing = np.abs(found - expected) > 1e-4 * pixel + 1e-5
    assert differing.mean() < 0.005
    assert np.abs(found - expected).max() < 1.001 * pixel


@pytest.mark.parametrize(
    ("name", "shape", "atol"),
    [
        *(("alexnet_owt", shape, 1e-4) for shape in [(67, 67, 3), (90, 120, 3), (60, 50, 3)]),  # from −2.1 to 2.6
        ("zfnet", (90, 120, 3), 6e-3),  # values from −124 to 151
    ],
)
def test_the_center_of_photographs_is_cut_out_as_the_preprocessing_does_it(name, shape, atol, tmp_path):
    keras.utils.set_random_seed(0)
    model = thin(name)
    page = tmp_path / "play.html"
    net = Net(model, "net", "", name)
    images = np.random.default_rng(2).integers(0, 256, (2, *shape), "uint8")
    source = Source("photographs", Split(images, np.zeros(2, "int32")), Split(images, np.zeros(2, "int32")), ("a",))
    write([net], page, source=source)
    expected = keras.ops.convert_to_numpy(models.preprocessing(name, model)(images))
    [found] = reference.outputs_in_node(page, images, [expected.shape[1:]], tmp_path, "first")
    np.testing.assert_allclose(found, expected, atol=atol)


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
@pytest.mark.parametrize("name", SHIPPED)
def test_browsers_compute_the_values_of_keras(name, browser, tmp_path):
    net = net_of(name)
    page = play(name, to=tmp_path / "play.html")
    images = images_like(page, 20)
    if data.is_at_hand(net.data):
        images[:20] = data.load(net.data, train_examples=1, test_examples=20).test.images
    reference.round_weights(net.model)
    inputs = keras.ops.convert_to_numpy(models.preprocessing(net.family, net.model)(images)).astype("float32")
    expected = reference.outputs_of(net.model, inputs)
    values = browsers.outputs_in(browser, page, images, tmp_path / "profile")
    found = reference.split(values, len(images), [each.shape[1:] for each in expected])
    deviations = [reference.deviation(*pair) for pair in zip(found, expected, strict=True)]
    assert max(deviations) <= reference.TOLERANCE, deviations


@pytest.mark.parametrize("name", cnnzoo.list_models())
def test_small_nets_have_the_values_of_keras(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = without_draws(thin(name))
    reference.round_weights(model)
    page = play(model, to=tmp_path / "play.html")
    images = images_like(page, 5 if name in SMALL else 3)
    compare(page, model, models.preprocessing(name, model), images, tmp_path)
