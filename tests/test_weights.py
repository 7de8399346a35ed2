"""Loading weights: all or none are loaded, and an error message says why a file does not fit."""

import dataclasses
import functools
import hashlib
import http.server
import json
import os
import sys
import threading
import zipfile
from collections import OrderedDict

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import weights
from cnnzoo.weights import Pretrained, shipped_models, state_dict

LAYERS = {"conv1": "features.0", "fc1": "classifier.1", "fc2": "classifier.3"}
PUBLISHED = Pretrained(
    "ours", "http://127.0.0.1:9/net.pth", "00000000", classes=5, input_shape=(8, 8, 3), layers=LAYERS
)


def small_net(classes=5, maps=4, include_top=True):
    """A convolution on three colors, flattened into two dense layers: every conversion that weights need."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(maps, (3, 2), activation="relu", name="conv1")(inputs)
    if include_top:
        x = keras.layers.Flatten(name="flatten")(x)
        x = keras.layers.Dense(6, activation="relu", name="fc1")(x)
        x = keras.layers.Dense(classes, name="fc2")(x)
    return keras.Model(inputs, x, name="small")


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs PyTorch (pip install torch)")


@pytest.fixture
def torch_net(torch):
    """The same net in PyTorch, its features and its classifier."""
    torch.manual_seed(0)
    nn = torch.nn
    features = nn.Sequential(nn.Conv2d(3, 4, (3, 2)), nn.ReLU())
    return nn.Sequential(features, nn.Sequential(nn.Flatten(), nn.Linear(4 * 6 * 7, 6), nn.ReLU(), nn.Linear(6, 5)))


@pytest.fixture
def state(torch_net):
    parts = zip(("features", "classifier"), torch_net, strict=True)
    return {f"{part}.{name}": value for part, net in parts for name, value in net.state_dict().items()}


@pytest.fixture(params=[True, False], ids=["zip", "before 1.6"])
def saved(request, torch):
    """`torch.save` in one of its two formats."""
    return functools.partial(torch.save, _use_new_zipfile_serialization=request.param)


@pytest.fixture
def file(saved, state, tmp_path):
    path = tmp_path / "net.pth"
    saved(state, path)
    return path


@pytest.fixture
def unchanged():
    """Register a model: at the end of the test none of its weights may have changed."""
    registered = []

    def register(model):
        registered.append((model, model.get_weights()))
        return model

    yield register
    for model, before in registered:
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def outputs_of(torch, net, images):
    with torch.no_grad():
        return net(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()


def images():
    return np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype("float32")


def test_a_pytorch_state_dict_gives_pytorchs_outputs(torch, torch_net, file):
    model = small_net()
    weights.load(model, file, PUBLISHED)
    expected = outputs_of(torch, torch_net, images())
    assert expected.std(axis=0).min() > 0.02, "equal outputs for all images would prove nothing"
    np.testing.assert_allclose(model(images()), expected, atol=1e-6)


def test_a_net_without_head_loads_its_layers(torch, torch_net, file):
    model = small_net(include_top=False)
    weights.load(model, file, PUBLISHED)
    np.testing.assert_allclose(
        np.moveaxis(model(images()), -1, 1), outputs_of(torch, torch_net[0], images()), atol=1e-6
    )


def test_half_precision_and_parameters_are_read_too(torch, saved, state, tmp_path):
    halves = {name: torch.nn.Parameter(value.bfloat16()) for name, value in state.items()}
    saved(halves, tmp_path / "halves.pth")
    model = small_net()
    weights.load(model, tmp_path / "halves.pth", PUBLISHED)
    np.testing.assert_array_equal(model.get_layer("fc2").bias, state["classifier.3.bias"].bfloat16().float())


def test_views_of_shared_storages_are_read_as_pytorch_reads_them(torch, torch_net, saved, tmp_path):
    whole = torch.arange(60.0)
    tensors = {
        "turned": whole[6:30].reshape(4, 6).T,
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "every third": whole[1::3].double(),
        "repeated": whole[:2].expand(3, 2),
        "scalar": whole[7],
        "empty": torch.zeros(0, 3),
        "count": torch.tensor([1, 2**40]),
        **torch_net.state_dict(),
    }
    saved(OrderedDict(tensors), tmp_path / "net.pth")
    found = state_dict.read(tmp_path / "net.pth")
    assert list(found) == list(tensors)
    for name, expected in torch.load(tmp_path / "net.pth", weights_only=True).items():
        assert found[name].dtype == expected.numpy().dtype
        np.testing.assert_array_equal(found[name], expected)


@pytest.mark.parametrize(
    "tensor", [(0, (7,), (1,)), (3, (4,), (1,)), (0, (2, 2), (5, 1)), (-1, (2,), (1,)), (5, (3,), (-1,))]
)
def test_a_tensor_outside_of_its_storage_is_not_read(tensor):
    view = state_dict.Tensor("0", *tensor)
    with pytest.raises(ValueError, match="larger than its storage of 6 values"):
        state_dict._view(view, {"0": np.arange(6.0)})


@pytest.mark.parametrize(
    ("net", "change", "words"),
    [
        ({"classes": 3}, {}, r"'classifier.3.weight' has the shape \(5, 6\), and fc2 needs \(3, 6\)"),
        ({"maps": 2}, {}, r"'features.0.weight' has the shape \(4, 3, 3, 2\), and conv1 needs \(2, 3, 3, 2\)"),
        ({}, {"classifier.3.bias": None}, "they have no 'classifier.3.bias', for fc2"),
        ({}, {"epoch": 3}, "holds more than a PyTorch state dict: 'epoch' is no tensor"),
    ],
)
def test_a_state_dict_that_does_not_fit_changes_nothing(net, change, words, saved, state, tmp_path, unchanged):
    changed = {name: value for name, value in {**state, **change}.items() if value is not None}
    saved(changed, tmp_path / "other.pth")
    with pytest.raises(cnnzoo.InputError, match=words):
        weights.load(unchanged(small_net(**net)), tmp_path / "other.pth", PUBLISHED)


class Payload:
    """An object that runs a function when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_not_run(torch, saved, state, tmp_path, unchanged):
    saved({**state, "more": Payload(tmp_path / "run")}, tmp_path / "pickle.pth")
    with pytest.raises(cnnzoo.InputError, match=r"it could run code \(it names posix\.mkdir\)"):
        weights.load(unchanged(small_net()), tmp_path / "pickle.pth", PUBLISHED)
    assert not (tmp_path / "run").exists()
    torch.load(tmp_path / "pickle.pth", weights_only=False)
    assert (tmp_path / "run").exists(), "the payload does nothing"


@pytest.mark.parametrize(
    "pickled",
    [
        b"cbuiltins\neval\n.",  # names a function
        b"cos\nsystem\n(S'true'\ntR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n}(X\x0c\x00\x00\x00__defaults__(ttsb0ctorch._utils\n_rebuild_device\n.",
        b"(Vstorage\nVobject\nV0\nVcpu\nI1\ntQ.",  # a storage of Python objects
    ],
)
def test_a_written_pickle_names_nothing_that_is_called(pickled, tmp_path, unchanged):
    with zipfile.ZipFile(tmp_path / "net.pth", "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        archive.writestr("net/data/0", bytes(8))
    with pytest.raises(cnnzoo.InputError, match=r"net.pth' holds no PyTorch state dict"):
        weights.load(unchanged(small_net()), tmp_path / "net.pth", PUBLISHED)


@pytest.mark.parametrize("content", ["random", "empty", "cut", "list"])
def test_a_file_that_is_no_state_dict_is_refused(content, saved, file, unchanged):
    if content == "list":
        saved([1, 2], file)
    else:
        whole = file.read_bytes()
        random = np.random.default_rng(0).bytes(999)
        file.write_bytes({"random": random, "empty": b"", "cut": whole[: len(whole) // 2]}[content])
    with pytest.raises(cnnzoo.InputError, match=r"net.pth' holds no PyTorch state dict"):
        weights.load(unchanged(small_net()), file, PUBLISHED)


def test_pytorch_is_not_needed(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    weights.load(small_net(), file, PUBLISHED)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keras' cache of downloads, in a folder of the test."""
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "keras").mkdir()
    return tmp_path / "keras" / "models"


class SilentHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def origin(tmp_path):
    """Serve a folder over HTTP on this machine; return the folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(SilentHandler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_published_weights_are_downloaded_once_and_checked_every_time(torch, torch_net, file, origin, cache):
    folder, address = origin
    prefix = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    (folder / "net.pth").write_bytes(file.read_bytes())
    published = Pretrained("ours", f"{address}/net.pth", prefix, classes=5, input_shape=(8, 8, 3), layers=LAYERS)
    model = small_net()
    weights.load(model, "ours", published)
    np.testing.assert_allclose(model(images()), outputs_of(torch, torch_net, images()), atol=1e-6)

    (folder / "net.pth").unlink()  # the second time nothing is downloaded
    weights.load(small_net(), "ours", published)

    (cache / "net.pth").write_bytes(b"changed")
    with pytest.raises(cnnzoo.InputError, match=f"not {prefix}; it was removed"):
        weights.load(small_net(), "ours", published)


def test_a_wrong_file_at_the_origin_is_refused_and_removed(origin, cache, unchanged):
    folder, address = origin
    (folder / "net.pth").write_bytes(b"an apology in place of the weights")
    digest = hashlib.sha256(b"an apology in place of the weights").hexdigest()[:8]
    published = Pretrained("ours", f"{address}/net.pth", "7be5be79", classes=5, input_shape=(8, 8, 3), layers=LAYERS)
    with pytest.raises(cnnzoo.InputError, match=f"a file whose SHA-256 starts with {digest}, not 7be5be79"):
        weights.load(unchanged(small_net()), "ours", published)
    assert not list(cache.iterdir())


def test_a_failed_download_names_its_url(origin, cache, unchanged):
    _, address = origin
    missing = Pretrained("ours", f"{address}/net.pth", "7be5be79", classes=5, input_shape=(8, 8, 3), layers=LAYERS)
    with pytest.raises(cnnzoo.InputError, match=r"'ours' could not be downloaded from .*404.*pass its path as weights"):
        weights.load(unchanged(small_net()), "ours", missing)
    with pytest.raises(cnnzoo.InputError, match=r"'ours' could not be downloaded from http://127.0.0.1:9/net.pth"):
        weights.load(unchanged(small_net()), "ours", PUBLISHED)  # nobody listens there
    assert not list(cache.iterdir())


def test_another_number_of_classes_is_refused_before_anything_is_downloaded(cache):
    with pytest.raises(
        cnnzoo.InputError, match=r"`classes` must be 5 for weights='ours' with include_top=True. Received: 3"
    ):
        weights.load(small_net(classes=3), "ours", PUBLISHED)
    assert not cache.exists()


@pytest.mark.parametrize("file_name", ["net.weights.h5", "net.keras"])
def test_saved_weights_of_other_shapes_change_nothing_and_both_shapes_are_named(file_name, tmp_path, unchanged):
    other = small_net(classes=3)
    other.save(tmp_path / file_name) if file_name.endswith(".keras") else other.save_weights(tmp_path / file_name)
    words = r"do not fit small: layer 'fc2' takes weights of \(6, 5\) and \(5,\), and the file has \(6, 3\) and \(3,\)"
    with pytest.raises(cnnzoo.InputError, match=words):
        weights.load(unchanged(small_net()), tmp_path / file_name)  # conv1 and fc1 would have fitted


@pytest.mark.parametrize("file_name", ["net.weights.h5", "net.keras"])
def test_saved_weights_of_another_family_name_their_layers(file_name, tmp_path, unchanged):
    other = cnnzoo.lenet(compile=False)
    other.save(tmp_path / file_name) if file_name.endswith(".keras") else other.save_weights(tmp_path / file_name)
    with pytest.raises(cnnzoo.InputError, match=r"'conv1' takes .* has none for it: .* for C1, C3, C5, F6, output"):
        weights.load(unchanged(small_net()), tmp_path / file_name)


@pytest.mark.parametrize("file_name", ["net.weights.h5", "net.keras"])
@pytest.mark.parametrize("content", ["random", "empty", "cut"])
def test_a_damaged_file_changes_nothing(file_name, content, tmp_path, unchanged):
    model = small_net()
    model.save(tmp_path / file_name) if file_name.endswith(".keras") else model.save_weights(tmp_path / file_name)
    whole = (tmp_path / file_name).read_bytes()
    damaged = {"random": np.random.default_rng(0).bytes(999), "empty": b"", "cut": whole[: len(whole) // 2]}[content]
    (tmp_path / file_name).write_bytes(damaged)
    with pytest.raises(cnnzoo.InputError, match=f"{file_name}' do not fit small: "):
        weights.load(unchanged(small_net()), tmp_path / file_name)


def test_an_archive_without_weights_is_refused(tmp_path, unchanged):
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(cnnzoo.InputError, match=r"model.weights.h5"):
        weights.load(unchanged(small_net()), tmp_path / "net.keras")


def test_a_refused_file_leaves_the_optimizer_as_it_was(tmp_path, unchanged):
    targets = np.zeros((6, 5), "float32")
    trained, other = small_net(), small_net(maps=3)
    for model, epochs in ((trained, 1), (other, 3)):
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
        model.fit(images(), targets, epochs=epochs, verbose=0)
    other.save_weights(tmp_path / "other.weights.h5")
    before = [np.array(variable) for variable in trained.optimizer.variables]
    with pytest.raises(cnnzoo.InputError, match="layer 'conv1' takes"):
        weights.load(unchanged(trained), tmp_path / "other.weights.h5")
    for old, variable in zip(before, trained.optimizer.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


@pytest.mark.parametrize("file_name", ["net.weights.h5", "net.keras"])
def test_saved_weights_load_with_and_without_a_head(file_name, tmp_path):
    model = small_net()
    model.save(tmp_path / file_name) if file_name.endswith(".keras") else model.save_weights(tmp_path / file_name)
    again, headless = small_net(), small_net(include_top=False)
    for loaded in (again, headless):
        weights.load(loaded, tmp_path / file_name)
    np.testing.assert_array_equal(model(images()), again(images()))
    np.testing.assert_array_equal(model.get_layer("conv1")(images()), headless(images()))


def test_file_types_are_named(tmp_path):
    with pytest.raises(
        cnnzoo.InputError,
        match=r"`weights` must be None, or the path of a .weights.h5 or .keras file. Received: 'x.pth'",
    ):
        weights.load(small_net(), "x.pth")
    with pytest.raises(
        cnnzoo.InputError,
        match=r"None, 'ours', or the path of a .weights.h5 or .keras or .pth file. Received: 'theirs'",
    ):
        weights.load(small_net(), "theirs", PUBLISHED)
    with pytest.raises(cnnzoo.InputError, match="there is no weights file"):
        weights.load(small_net(), tmp_path / "nowhere.pth", PUBLISHED)
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(cnnzoo.InputError, match="there is no weights file"):
        weights.load(small_net(), tmp_path / "folder.keras")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"input_shape": (99, 99, 3)},
            r"`input_shape` must be \(224, 224, 3\) for weights='imagenet' .*. Received: \(99, 99, 3\)",
        ),
        (
            {"input_shape": (63, 63, 1), "include_top": False},
            r"`input_shape` must be \(height, width, 3\) for weights='imagenet'. Received: \(63, 63, 1\)",
        ),
        ({"classes": 5, "input_shape": (63, 63, 3)}, "`classes` must be 1000 .*. Received: 5"),
    ],
)
def test_options_that_cannot_fit_are_refused_before_anything_is_downloaded(options, words, monkeypatch):
    def get_file(*arguments, **more):
        pytest.fail("the file was downloaded")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.alexnet_owt(weights="imagenet", **options)


def test_a_card_of_an_earlier_version_names_the_new_key(tmp_path, monkeypatch):
    entry = weights.shipped("lenet5", "mnist")
    card = tmp_path / "lenet5" / "1" / shipped_models.CARD
    card.parent.mkdir(parents=True)
    old = {"licence" if key == "license" else key: value for key, value in entry.card.items()}
    card.write_text(json.dumps(old))
    monkeypatch.setattr(shipped_models, "_folder", lambda: tmp_path)
    with pytest.raises(
        cnnzoo.InputError, match=r"card.json' .* key 'licence' is now 'license'; export the model again"
    ):
        weights.list()
    card.write_text(json.dumps(entry.card))
    assert [(entry.model, entry.weights) for entry in weights.list()] == [("lenet5", "mnist")]


@pytest.mark.parametrize(("correct", "examples"), [(9891, 10_000), (344, 360), (0, 20), (20, 20), (1, 1), (3, 7)])
def test_the_interval_of_an_accuracy_is_wilsons(correct, examples):
    """Its ends are the fractions p that lie exactly 1.96 of their own standard deviations from what was observed."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    observed, deviations = correct / examples, norm.ppf(0.975)

    def excess(p):
        return (observed - p) ** 2 - deviations**2 * p * (1 - p) / examples

    low = brentq(excess, 0, observed - 1e-7, xtol=1e-15) if correct else 0.0
    high = brentq(excess, observed + 1e-7, 1, xtol=1e-15) if correct < examples else 1.0
    assert shipped_models.wilson_interval(observed, examples) == pytest.approx((low, high), abs=1e-9)


def test_metrics_have_the_interval_of_their_images_and_no_more():
    accuracy = {"accuracy": 0.9891, "loss": 1.0}
    for more, text in (
        ({}, "accuracy 98.91 %"),
        ({"images": 10_000}, "accuracy 98.91 % (95 % interval 98.69 to 99.10 %) on 10,000 test images"),
        ({"images": 10_000, "n": 1}, "accuracy 98.91 % (95 % interval 98.69 to 99.10 %) on 10,000 test images, n=1"),
    ):
        assert shipped_models.formatted_metrics({**accuracy, **more}) == text
    reconstruction = {"squared_error": 2.5, "images": 1_000, "n": 1}
    assert shipped_models.formatted_metrics(reconstruction) == "squared error per image 2.500 on 1,000 test images, n=1"


def test_weights_that_are_neither_a_name_nor_a_path_are_refused():
    with pytest.raises(cnnzoo.InputError, match=r"`weights` must be None, a name or a path\. Received: 5"):
        cnnzoo.mlp(weights=5)


def test_shipped_weights_know_functions_by_their_registered_names():
    """Keras 3.15 and 3.16 serialize the same function with another module and another `registered_name`."""
    entry, model = weights.shipped("lenet5", "mnist"), cnnzoo.lenet5()

    def card_with(**activation):
        layers = {**entry.card["layers"], "C1": {**entry.card["layers"]["C1"], "activation": activation}}
        return dataclasses.replace(entry, card={**entry.card, "layers": layers})

    name = "cnnzoo>scaled_tanh"
    for module, registered in (("builtins", "function"), ("cnnzoo.layers.lenet5", name)):
        written = {"module": module, "class_name": "function", "registered_name": registered}
        shipped_models.check_fits(model, card_with(**written, config=name))
        with pytest.raises(cnnzoo.InputError, match=r"'C1' has activation 'cnnzoo>scaled_tanh', .* 'cnnzoo>tanh'"):
            shipped_models.check_fits(model, card_with(**written, config="cnnzoo>tanh"))
