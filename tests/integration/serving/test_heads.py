"""Exports of every kind of head, in three formats, against the model's own `predict`."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import cnnzoo
from cnnzoo import cli
from cnnzoo.serving.formats import FORMATS, load_predictor
from tests import processes
from tests.heads import HEADS, dense, net
from tests.integration.serving.server.server_process import Server


def images_for(model):
    if model.name == "lenet5":  # whose penalties of noise are so large that they have few digits in single precision
        digits = cnnzoo.data.load("digits").test.images[:8]
        return np.array(cnnzoo.models.lenet.preprocess_input(digits, model.input_shape[1:]))
    return np.random.default_rng(5).normal(0, 2, (4, *model.input_shape[1:])).clip(-0.1, 1.1).astype("float32")


def served_by_numpy(model, images, activation, served):
    """Return what is to be served, from the outputs of `predict`, in float64."""
    outputs = model.predict(images, verbose=0).astype("float64")
    if activation == "softmax":
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        outputs /= outputs.sum(axis=1, keepdims=True)
    elif activation == "sigmoid":
        outputs = 1 / (1 + np.exp(-outputs))
    return outputs[:, 0] if served == "score" else outputs


def predictions(version, images, name):
    """Return the predictions of the SavedModel, of ONNX Runtime and of LiteRT."""
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    saved = tf.saved_model.load(str(version)).signatures["serving_default"](images=tf.constant(images))
    session = onnxruntime.InferenceSession(str(version / FORMATS["onnx"][0]), providers=["CPUExecutionProvider"])
    runner = Interpreter(str(version / FORMATS["litert"][0])).get_signature_runner()
    return saved, {
        "saved_model": saved[name].numpy(),
        "onnx": session.run([name], {"images": images})[0],
        "litert": runner(images=images)[name],
    }


@pytest.mark.parametrize("name", HEADS)
def test_an_export_returns_what_predict_does(name, tmp_path):
    build, served, activation = HEADS[name]
    keras.utils.set_random_seed(3)
    model = build()
    version = cnnzoo.export(model, tmp_path, formats=("saved_model", "onnx", "litert"), warmup=False)
    images = images_for(model)
    expected = served_by_numpy(model, images, activation, served)
    assert np.ptp(expected, axis=0).max() > 0.01, "equal predictions prove nothing"
    saved, found = predictions(version, images, served)
    for values in found.values():
        assert values.shape == expected.shape
        assert np.abs(values - expected).max() <= 1e-5 * max(1, np.abs(expected).max())
    if served == "probabilities":
        np.testing.assert_array_equal(saved["class_id"], expected.argmax(axis=1))
    elif served == "score":
        np.testing.assert_array_equal(saved["class_id"], expected > 0.5)
    else:
        assert set(saved) == {served}


def weighted_mean(x):
    return 0.25 * dense(3, "softmax")(x) + 0.75 * dense(3, "softmax")(x)


def own_softmax(x):
    return layers.Lambda(lambda z: ops.exp(z) / ops.sum(ops.exp(z), axis=-1, keepdims=True))(dense(3)(x))


@pytest.mark.parametrize(
    ("head", "output", "served", "activation"),
    [
        (weighted_mean, "probabilities", "probabilities", None),
        (own_softmax, "probabilities", "probabilities", None),
        (dense(3), "logits", "probabilities", "softmax"),
        (dense(1), "logits", "score", "sigmoid"),
        (lambda x: 1 - dense(1, "sigmoid")(x), "probabilities", "score", None),
        (lambda x: dense(3, "sigmoid")(x) ** 2, "labels", "labels", None),
        (dense(3), "values", "values", None),
        (dense(3, "softmax"), "values", "values", None),
        (lambda x: layers.Reshape((2, 3))(x), "values", "values", None),
    ],
)  # fmt: skip
def test_who_knows_better_says_what_the_outputs_are(tmp_path, head, output, served, activation):
    model = net(head)
    version = cnnzoo.export(model, tmp_path, output=output)
    images = np.random.default_rng(5).random((4, 8, 8, 1)).astype("float32")
    signature = tf.saved_model.load(str(version)).signatures["serving_default"]
    expected = served_by_numpy(model, images, activation, served)
    np.testing.assert_allclose(signature(images=images)[served], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("head", "loss", "options", "words"),
    [
        (lambda x: 2 * dense(3, "softmax")(x), None, {"output": "probabilities"}, "net returns .*from 0 to 1"),
        (lambda x: 0.5 * dense(3, "softmax")(x), None, {"output": "probabilities"}, "have a sum of 0.5, and not of 1"),
        (dense(3), None, {"output": "labels"}, "and probabilities are from 0 to 1"),
        # Keras' own default takes the outputs for probabilities, which those of a linear layer are not.
        (dense(3), "sparse_categorical_crossentropy", {}, "net returns .*and probabilities are from 0 to 1"),
        (dense(3), None, {}, "neither that nor its loss says what its outputs are"),
        (dense(1), "mse", {"class_names": ["cat", "dog"]}, "`class_names` must be None for net, which returns values"),
        (dense(1), "mse", {"top": 2}, "`top` must be 1 for net, which returns values. Received: 2"),
        (dense(1, "sigmoid"), None, {"top": 2}, "`top` must be 1 for net, which returns a score. Received: 2"),
        (dense(4, "sigmoid"), None, {"top": 2}, "`top` must be 1 for net, which returns a score for each label"),
        (dense(1, "sigmoid"), None, {"class_names": ["dog"]}, "`class_names` must be 2 names"),
        (lambda x: {"a": dense(3, "softmax")(x)}, None, {}, "returns a dictionary of outputs, a;"),
        (lambda x: [dense(3, "softmax")(x), dense(1)(x)], None, {}, "returns a list of outputs"),
        (lambda x: ops.log(dense(3)(x) - 1e6), "mse", {}, "returns numbers that are not finite"),
    ],
)
def test_what_would_be_wrong_is_not_published(tmp_path, head, loss, options, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.export(net(head, loss), tmp_path / "models", **options)
    assert not list((tmp_path / "models").glob("*"))


@pytest.mark.parametrize("name", ["one sigmoid", "several logits by their loss", "a regression of several numbers"])
def test_integers_of_8_bits_are_compared_with_predict_as_well(name, tmp_path):
    build, served, activation = HEADS[name]
    keras.utils.set_random_seed(3)
    model = build()
    images = np.random.default_rng(5).random((200, 8, 8, 1)).astype("float32")
    version = cnnzoo.export(model, tmp_path, formats="litert_int8", calibration=images)
    entry = json.loads((version / "assets.extra/card.json").read_text())["formats"]["litert_int8"]
    found = load_predictor("litert_int8", None, version)(images)
    expected = served_by_numpy(model, images, activation, served)
    if served == "score":
        difference = np.mean((found > 0.5) != (expected > 0.5))
    else:
        scale = expected.std() if served == "values" else 1
        difference = np.sqrt(np.mean(np.square(found - expected))) / scale
    assert entry["difference"] == pytest.approx(difference, rel=1e-3)
    assert difference <= entry["tolerance"] == 0.02


def test_a_copy_that_computes_something_else_is_not_published(tmp_path):
    model = net(lambda x: dense(3, "softmax")(Forgetful(5.0)(x)))
    cnnzoo.export(model, tmp_path / "whole")
    with pytest.raises(cnnzoo.InputError, match=r"a copy of net in float32 differs .*get_config leaves out"):
        cnnzoo.export(model, tmp_path / "half", weights_dtype="float16")


@keras.saving.register_keras_serializable("tests")
class Forgetful(layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype_policy.name}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """A folder with a model of each kind, and the models."""
    folder = tmp_path_factory.mktemp("kinds") / "models"
    models = {"score": net(dense(1, "sigmoid")), "labels": net(dense(4, "sigmoid")), "values": net(dense(1), "mse")}
    for name, model in models.items():
        names = {"score": ["cat", "dog"], "labels": list("abcd"), "values": None}[name]
        cnnzoo.export(model, folder / name, class_names=names)
    options = {"preprocess": lambda pixels: pixels / 255, "class_names": ["cat", "dog"]}
    cnnzoo.export(models["score"], folder / "photographs", **options)
    return folder, models


def test_cards_say_what_the_outputs_are(kinds):
    folder, _ = kinds
    cards = {name: json.loads((folder / name / "1/assets.extra/card.json").read_text()) for name in kinds[1]}
    assert cards["score"]["output"] == "`score`: the probability of the second of two classes"
    assert cards["labels"]["output"] == "`labels`: a probability for each of 4 labels, independent of the others"
    assert cards["values"]["output"] == "`values`: (1), the model's outputs as they are"
    assert [cards[name]["class_names"] for name in ("score", "labels", "values")] == [["cat", "dog"], [*"abcd"], None]
    assert "| output | `score`: the prob" in (folder / "score/1/assets.extra/README.md").read_text()
    assert (folder / "score/1/assets/labels.txt").read_text() == "cat\ndog\n"
    assert (folder / "labels/1/assets/labels.txt").read_text() == "a\nb\nc\nd\n"
    assert not (folder / "values/1/assets/labels.txt").exists()


def test_the_server_serves_every_kind_by_both_protocols(kinds, tmp_path):
    folder, models = kinds
    pixels = np.random.default_rng(5).integers(0, 256, (3, 8, 8, 1)).astype("uint8")
    images = pixels.astype("float32") / 255
    expected = {name: model.predict(images, verbose=0) for name, model in models.items()}
    with Server(folder) as server:
        status, response = server.post("/v1/models/score:predict", {"instances": images.tolist()})
        assert status == 200, response
        rows = response["predictions"]
        np.testing.assert_allclose([row["score"] for row in rows], expected["score"][:, 0], atol=1e-5)
        assert [row["class_name"] for row in rows] == [
            ["cat", "dog"][int(score > 0.5)] for score in expected["score"][:, 0]
        ]
        for name in ("labels", "values"):  # as in TensorFlow Serving, a single output has no name
            _, response = server.post(f"/v1/models/{name}:predict", {"instances": images.tolist()})
            np.testing.assert_allclose(response["predictions"], expected[name], atol=1e-5)
        tensor = {"name": "images", "datatype": "FP32", "shape": images.shape, "data": images.ravel().tolist()}
        for name, values in expected.items():
            status, response = server.post(f"/v2/models/{name}/infer", {"inputs": [tensor]})
            assert status == 200, response
            [output] = [each for each in response["outputs"] if each["name"] == name]
            np.testing.assert_allclose(output["data"], values.ravel(), atol=1e-5)
            assert output["shape"] == ([3] if name == "score" else [*values.shape])
            _, metadata = server.get(f"/v2/models/{name}")
            described = {each["name"]: each["shape"] for each in metadata["outputs"]}
            assert described[name] == ([-1] if name == "score" else [-1, values.shape[1]])
        files = [f"{number}.png" for number in range(3)]
        for file, image in zip(files, pixels, strict=True):
            (tmp_path / file).write_bytes(tf.io.encode_png(image).numpy())
        client = [processes.ROOT / "deploy/predict.py", "photographs", *files]
        ended = processes.run([*client, "--url", f"http://localhost:{server.port}"], cwd=tmp_path)
    assert ended.stdout.splitlines() == [
        f"{file}: {'dog' if score > 0.5 else 'cat'} ({max(score, 1 - score):.1%})"
        for file, score in zip(files, expected["score"][:, 0], strict=True)
    ], ended.stderr


def test_the_command_line_says_what_the_outputs_are(tmp_path, capsys):
    net(dense(3)).save(tmp_path / "net.keras")
    command = ["export", str(tmp_path / "net.keras"), "--to", str(tmp_path / "out")]
    for options, code, words in (
        ([], 2, "neither that nor its loss says what its outputs are"),
        (["--output", "logit"], 2, "unknown output 'logit'; did you mean 'logits'"),
        (["--output", "logits"], None, "saved_model: "),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main([*command, *options])
        assert (ended.value.code or None) == code
        assert words in "".join(capsys.readouterr())


def test_older_files_of_keras_are_named(tmp_path, recwarn):
    net(dense(3, "softmax")).save(tmp_path / "net.h5")
    recwarn.clear()  # Keras says that the format is old
    with pytest.raises(cnnzoo.InputError, match=r"net\.h5' is an HDF5 file, of which `load_model` reads none"):
        cnnzoo.export(tmp_path / "net.h5", tmp_path / "out")
