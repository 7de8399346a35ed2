"""Weights come whole or not at all, from the file that was meant, or a sentence says why not."""

import functools
import hashlib
import http.server
import os
import sys
import threading
import zipfile

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo import weights
from cnnzoo.weights import Pretrained

LAYERS = {"conv1": "features.0", "fc1": "classifier.1", "fc2": "classifier.3"}
PUBLISHED = Pretrained(
    "ours", "http://127.0.0.1:9/net.pth", "00000000", classes=5, input_shape=(8, 8, 3), layers=LAYERS
)


def small_net(classes=5, maps=4, include_top=True):
    """A convolution on three colors, flattened into two dense layers: every turn that weights take."""
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
def theirs(torch):
    """The same net in PyTorch, its features and its classifier."""
    torch.manual_seed(0)
    nn = torch.nn
    features = nn.Sequential(nn.Conv2d(3, 4, (3, 2)), nn.ReLU())
    return nn.Sequential(features, nn.Sequential(nn.Flatten(), nn.Linear(4 * 6 * 7, 6), nn.ReLU(), nn.Linear(6, 5)))


@pytest.fixture
def state(theirs):
    parts = zip(("features", "classifier"), theirs, strict=True)
    return {f"{part}.{name}": value for part, net in parts for name, value in net.state_dict().items()}


@pytest.fixture
def file(torch, state, tmp_path):
    path = tmp_path / "net.pth"
    torch.save(state, path)
    return path


@pytest.fixture
def unchanged():
    """Watch a model: at the end not one of its weights may have changed."""
    watched = []

    def watch(model):
        watched.append((model, model.get_weights()))
        return model

    yield watch
    for model, before in watched:
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def outputs_of(torch, net, images):
    with torch.no_grad():
        return net(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()


def images():
    return np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype("float32")


def test_a_state_dict_of_pytorch_gives_pytorchs_outputs(torch, theirs, file):
    model = small_net()
    weights.load(model, file, PUBLISHED)
    expected = outputs_of(torch, theirs, images())
    assert expected.std(axis=0).min() > 0.02, "a net that always says the same proves nothing"
    np.testing.assert_allclose(model(images()), expected, atol=1e-6)


def test_a_net_without_head_takes_what_it_has(torch, theirs, file):
    model = small_net(include_top=False)
    weights.load(model, file, PUBLISHED)
    np.testing.assert_allclose(np.moveaxis(model(images()), -1, 1), outputs_of(torch, theirs[0], images()), atol=1e-6)


def test_half_precision_and_parameters_are_read_too(torch, state, tmp_path):
    halves = {name: torch.nn.Parameter(value.bfloat16()) for name, value in state.items()}
    torch.save(halves, tmp_path / "halves.pth")
    model = small_net()
    weights.load(model, tmp_path / "halves.pth", PUBLISHED)
    np.testing.assert_array_equal(model.get_layer("fc2").bias, state["classifier.3.bias"].bfloat16().float())


@pytest.mark.parametrize(
    ("net", "change", "words"),
    [
        ({"classes": 3}, {}, r"'classifier.3.weight' has the shape \(5, 6\), and fc2 needs \(3, 6\)"),
        ({"maps": 2}, {}, r"'features.0.weight' has the shape \(4, 3, 3, 2\), and conv1 needs \(2, 3, 3, 2\)"),
        ({}, {"classifier.3.bias": None}, "they have no 'classifier.3.bias', for fc2"),
        ({}, {"epoch": 3}, "holds more than a state dict of PyTorch: 'epoch' is no tensor"),
    ],
)
def test_a_state_dict_that_does_not_fit_changes_nothing(net, change, words, torch, state, tmp_path, unchanged):
    changed = {name: value for name, value in {**state, **change}.items() if value is not None}
    torch.save(changed, tmp_path / "other.pth")
    with pytest.raises(cnnzoo.InputError, match=words):
        weights.load(unchanged(small_net(**net)), tmp_path / "other.pth", PUBLISHED)


class Payload:
    """What a pickle would run on being opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_not_run(torch, state, tmp_path, unchanged):
    torch.save({**state, "more": Payload(tmp_path / "run")}, tmp_path / "pickle.pth")
    with pytest.raises(cnnzoo.InputError, match="it could run code"):
        weights.load(unchanged(small_net()), tmp_path / "pickle.pth", PUBLISHED)
    assert not (tmp_path / "run").exists()
    torch.load(tmp_path / "pickle.pth", weights_only=False)
    assert (tmp_path / "run").exists(), "the payload was none"


@pytest.mark.parametrize("content", ["random", "empty", "cut", "list"])
def test_a_file_that_is_no_state_dict_is_refused(content, torch, file, unchanged):
    if content == "list":
        torch.save([1, 2], file)
    else:
        whole = file.read_bytes()
        random = np.random.default_rng(0).bytes(999)
        file.write_bytes({"random": random, "empty": b"", "cut": whole[: len(whole) // 2]}[content])
    with pytest.raises(cnnzoo.InputError, match=r"net.pth' holds no state dict of PyTorch"):
        weights.load(unchanged(small_net()), file, PUBLISHED)


def test_without_pytorch_a_sentence_says_how_to_get_it(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(cnnzoo.InputError, match=r"reading 'net.pth' needs PyTorch: pip install 'cnnzoo\[torch\]'"):
        weights.load(small_net(), file, PUBLISHED)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Let Keras keep what it fetches in a folder of the test."""
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "keras").mkdir()
    return tmp_path / "keras" / "models"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def origin(tmp_path):
    """Serve a folder over HTTP on this machine; return the folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_published_weights_are_fetched_once_and_checked_every_time(torch, theirs, file, origin, cache):
    folder, address = origin
    begins = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    (folder / "net.pth").write_bytes(file.read_bytes())
    published = Pretrained("ours", f"{address}/net.pth", begins, classes=5, input_shape=(8, 8, 3), layers=LAYERS)
    model = small_net()
    weights.load(model, "ours", published)
    np.testing.assert_allclose(model(images()), outputs_of(torch, theirs, images()), atol=1e-6)

    (folder / "net.pth").unlink()  # the second time nothing is asked for
    weights.load(small_net(), "ours", published)

    (cache / "net.pth").write_bytes(b"changed")
    with pytest.raises(cnnzoo.InputError, match=f"not {begins}; it was removed"):
        weights.load(small_net(), "ours", published)


def test_a_wrong_file_at_the_origin_is_refused_and_removed(origin, cache, unchanged):
    folder, address = origin
    (folder / "net.pth").write_bytes(b"an apology in place of the weights")
    found = hashlib.sha256(b"an apology in place of the weights").hexdigest()[:8]
    published = Pretrained("ours", f"{address}/net.pth", "7be5be79", classes=5, input_shape=(8, 8, 3), layers=LAYERS)
    with pytest.raises(cnnzoo.InputError, match=f"a file whose SHA-256 begins with {found}, not 7be5be79"):
        weights.load(unchanged(small_net()), "ours", published)
    assert not list(cache.iterdir())


def test_what_cannot_be_fetched_gets_a_sentence(origin, cache, unchanged):
    _, address = origin
    missing = Pretrained("ours", f"{address}/net.pth", "7be5be79", classes=5, input_shape=(8, 8, 3), layers=LAYERS)
    with pytest.raises(cnnzoo.InputError, match=r"'ours' could not be fetched from .*404.*pass its path as weights"):
        weights.load(unchanged(small_net()), "ours", missing)
    with pytest.raises(cnnzoo.InputError, match=r"'ours' could not be fetched from http://127.0.0.1:9/net.pth"):
        weights.load(unchanged(small_net()), "ours", PUBLISHED)  # nobody listens there
    assert not list(cache.iterdir())


def test_other_classes_are_refused_before_anything_is_fetched(cache):
    with pytest.raises(cnnzoo.InputError, match=r"'ours' tell 5 classes apart: .*classes must be 5, not 3"):
        weights.load(small_net(classes=3), "ours", PUBLISHED)
    assert not cache.exists()


@pytest.mark.parametrize("kind", ["net.weights.h5", "net.keras"])
def test_saved_weights_of_other_shapes_change_nothing_and_both_shapes_are_named(kind, tmp_path, unchanged):
    other = small_net(classes=3)
    other.save(tmp_path / kind) if kind.endswith(".keras") else other.save_weights(tmp_path / kind)
    words = r"do not fit small: layer 'fc2' takes weights of \(6, 5\) and \(5,\), and the file has \(6, 3\) and \(3,\)"
    with pytest.raises(cnnzoo.InputError, match=words):
        weights.load(unchanged(small_net()), tmp_path / kind)  # conv1 and fc1 would have fitted


@pytest.mark.parametrize("kind", ["net.weights.h5", "net.keras"])
def test_saved_weights_of_another_family_say_whose_they_are(kind, tmp_path, unchanged):
    other = cnnzoo.lenet(compile=False)
    other.save(tmp_path / kind) if kind.endswith(".keras") else other.save_weights(tmp_path / kind)
    with pytest.raises(cnnzoo.InputError, match=r"'conv1' takes .* has none for it: .* for C1, C3, C5, F6, output"):
        weights.load(unchanged(small_net()), tmp_path / kind)


@pytest.mark.parametrize("kind", ["net.weights.h5", "net.keras"])
@pytest.mark.parametrize("content", ["random", "empty", "cut"])
def test_a_damaged_file_changes_nothing(kind, content, tmp_path, unchanged):
    model = small_net()
    model.save(tmp_path / kind) if kind.endswith(".keras") else model.save_weights(tmp_path / kind)
    whole = (tmp_path / kind).read_bytes()
    damaged = {"random": np.random.default_rng(0).bytes(999), "empty": b"", "cut": whole[: len(whole) // 2]}[content]
    (tmp_path / kind).write_bytes(damaged)
    with pytest.raises(cnnzoo.InputError, match=f"{kind}' do not fit small: "):
        weights.load(unchanged(small_net()), tmp_path / kind)


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


@pytest.mark.parametrize("kind", ["net.weights.h5", "net.keras"])
def test_saved_weights_load_with_and_without_a_head(kind, tmp_path):
    model = small_net()
    model.save(tmp_path / kind) if kind.endswith(".keras") else model.save_weights(tmp_path / kind)
    again, headless = small_net(), small_net(include_top=False)
    for loaded in (again, headless):
        weights.load(loaded, tmp_path / kind)
    np.testing.assert_array_equal(model(images()), again(images()))
    np.testing.assert_array_equal(model.get_layer("conv1")(images()), headless(images()))


def test_kinds_of_files_are_named(tmp_path):
    with pytest.raises(cnnzoo.InputError, match=r"None, the path of a .weights.h5 or .keras file, not 'x.pth'"):
        weights.load(small_net(), "x.pth")
    with pytest.raises(cnnzoo.InputError, match=r"None, 'ours' or the path of a .weights.h5, .keras, .pth file, not"):
        weights.load(small_net(), "theirs", PUBLISHED)
    with pytest.raises(cnnzoo.InputError, match="there is no weights file"):
        weights.load(small_net(), tmp_path / "nowhere.pth", PUBLISHED)
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(cnnzoo.InputError, match="there is no weights file"):
        weights.load(small_net(), tmp_path / "folder.keras")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"input_shape": (99, 99, 3)}, r"include_top=True, input_shape must be \(224, 224, 3\), not \(99, 99, 3\)"),
        ({"input_shape": (63, 63, 1), "include_top": False}, "'imagenet' are for images with 3 channels, not 1"),
        ({"classes": 5, "input_shape": (63, 63, 3)}, "classes must be 1000, not 5"),
    ],
)
def test_what_cannot_fit_is_refused_before_anything_is_fetched(options, words, monkeypatch):
    def fetched(*arguments, **more):
        pytest.fail("the file was asked for")

    monkeypatch.setattr(keras.utils, "get_file", fetched)
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.alexnet_owt(weights="imagenet", **options)
