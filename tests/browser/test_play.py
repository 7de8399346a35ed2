"""`cnnzoo.play`: what it takes, what it refuses, and what it says is missing."""

import json

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.browser.nets import net_of
from cnnzoo.browser.play import check_size
from cnnzoo.data.source import Source, Split


def payload_of(page):
    text = page.read_text(encoding="utf-8")
    return json.loads(text.partition('id="payload">')[2].partition("</script>")[0])


@pytest.fixture
def nothing_at_hand(monkeypatch):
    """No data set is on this machine, and none may be loaded."""
    monkeypatch.setattr(cnnzoo.data, "is_at_hand", lambda name: False)
    monkeypatch.setattr(cnnzoo.data, "load", None)


def test_without_its_data_a_page_says_what_is_missing(nothing_at_hand, tmp_path):
    payload = payload_of(cnnzoo.play("lenet5_mnist", to=tmp_path / "play.html"))
    [net] = payload["models"]
    assert payload["images"] is None
    assert payload["missing"] == [
        "There are no test images: the data set 'mnist' is not on the machine that wrote this page."
    ]
    assert net["title"] == "lenet5 on mnist"
    assert net["python"] == "cnnzoo.lenet5(weights='mnist')"
    assert net["input"]["pixels"] == [28, 28, 1]
    assert net["classes"] == list("0123456789")
    assert net["figure"]["accuracy"] > 0.98


def test_trained_weights_are_known_by_their_numbers(nothing_at_hand):
    net = net_of(cnnzoo.lenet5(weights="mnist", compile=False))
    assert (net.title, net.data) == ("lenet5 on mnist", "mnist")
    assert net_of(cnnzoo.lenet5(compile=False)).title == "lenet5"


def test_two_nets_are_in_one_page(nothing_at_hand, tmp_path):
    payload = payload_of(cnnzoo.play("lenet5_mnist", "mlp", to=tmp_path / "play.html"))
    assert [net["title"] for net in payload["models"]] == ["lenet5 on mnist", "mlp, untrained"]


def test_an_autoencoder_has_codes_and_as_many_principal_components(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 28, 28, 1), "uint8")
    split = Split(images, np.arange(60, dtype="int32") % 10)
    monkeypatch.setattr(cnnzoo.data, "is_at_hand", lambda name: True)
    monkeypatch.setattr(cnnzoo.data, "load", lambda name, **_: Source(name, split, split, tuple("0123456789")))
    payload = payload_of(cnnzoo.play("deep_autoencoder_mnist", to=tmp_path / "play.html"))
    [net] = payload["models"]
    assert (net["kind"], net["code"], net["classes"]) == ("autoencoder", "code", None)
    assert net["codes"]["values"]["shape"] == [60, 30]
    assert net["codes"]["plane"]["shape"] == [30, 2]
    assert net["pca"]["components"]["shape"] == [784, 30]
    assert payload["images"]["count"] == 60
    assert payload["images"]["labels"][:10] == list(range(10))
    assert payload["missing"] == []


def test_two_nets_of_one_name_are_both_there_and_both_count(nothing_at_hand, tmp_path):
    first, second = cnnzoo.mlp(units=(10,), compile=False), cnnzoo.mlp(units=(12,), compile=False)
    payload = payload_of(cnnzoo.play(first, second, to=tmp_path / "play.html"))
    assert [net["layers"][1]["shape"] for net in payload["models"]] == [[10], [12]]


def test_a_net_of_ones_own_takes_pixels_of_0_to_1_or_scales_them_itself(tmp_path):
    def steps(*layers):
        model = keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Flatten(), keras.layers.Dense(2)])
        [net] = payload_of(cnnzoo.play(model, to=tmp_path / "play.html"))["models"]
        return net["input"]["preprocess"][-1]["scale"]

    assert steps() == [1 / 255]
    assert steps(keras.layers.Rescaling(1 / 255)) == [1.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("lenet6", "did you mean 'lenet', 'lenet5' or"),
        ("lenet5.keras", "there is no model file 'lenet5.keras'"),
        (3, "`model` must be a Keras model, a cnnzoo.Run, a path or a name. Received: 3"),
    ],
)
def test_what_is_no_net_is_refused(given, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        cnnzoo.play(given)


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(cnnzoo.InputError, match=r"`to` must be the path of a file, such as 'play.html'. Received: "):
        cnnzoo.play(cnnzoo.mlp(compile=False), to=tmp_path)


def test_an_unknown_type_is_refused():
    with pytest.raises(cnnzoo.InputError, match="'float64'"):
        cnnzoo.play("lenet5", dtype="float64")


def test_inputs_that_are_no_images_are_refused():
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(2)], name="table")
    with pytest.raises(cnnzoo.InputError, match=r"table with the input shape \(30,\)"):
        cnnzoo.play(model)


def test_weights_of_more_than_40_megabytes_are_refused():
    model = keras.Sequential([keras.Input((4000,)), keras.layers.Dense(2600)], name="large")
    check_size(model)
    message = "the weights in a page may take 40 MB. Received: large with 10,402,600 weights, 41.6 MB in float32"
    with pytest.raises(cnnzoo.InputError, match=message):
        check_size(model, dtype="float32")
