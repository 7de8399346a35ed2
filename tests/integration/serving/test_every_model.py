"""Every model in every format: the same predictions by Keras, TensorFlow, ONNX Runtime, LiteRT and OpenVINO."""

import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import models
from tests import processes
from tests.small_nets import AUTOENCODERS, by_family, small, thin

OTHER_RUNTIMES = Path(__file__).parent / "other_runtimes.py"
OF_1998 = ("lenet_1989", "lenet1", "lenet4", "lenet5")  # whose outputs are no probabilities
WIDE = "alexnet_owt as wide as it is"  # whose dense layers take tf2onnx half a minute and five gigabytes


def randomize(model, inputs):
    """Give a model weights with which its predictions differ between images: equal ones would prove nothing."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        for kernel in (weight for weight in layer.trainable_weights if len(weight.shape) > 1):
            size = np.sqrt(np.square(keras.Model(model.input, layer.input)(inputs)).mean())
            kernel.assign(rng.normal(0, 2 / size / math.sqrt(math.prod(kernel.shape[:-1])), kernel.shape))


@pytest.fixture(scope="module", params=[*by_family(cnnzoo.list_models()), pytest.param(WIDE, marks=pytest.mark.slow)])
def exported(request, tmp_path_factory):
    """A model's name, pixels, Keras' predictions for them, and the folder of its files."""
    name, _, wide = request.param.partition(" ")
    model = (small if wide else thin)(name)
    preprocess = models.preprocessing(name, model)
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (5, *model.input_shape[1:])) * np.linspace(0.1, 1, 5)[:, None, None, None]
    pixels = pixels.astype("uint8").astype("float32")
    randomize(model, preprocess(pixels))
    outputs = np.asarray(model(preprocess(pixels)))
    expected = tf.nn.softmax(outputs).numpy() if name in OF_1998 else outputs
    assert expected.std(axis=0).max() > 0.005
    version = cnnzoo.export(
        model,
        tmp_path_factory.mktemp(name),
        formats=("saved_model", "onnx", "litert"),
        preprocess=preprocess,
        warmup=True,
    )
    return name, pixels, expected, version


@pytest.fixture(scope="module")
def signatures(exported):
    """The signatures, loaded by TensorFlow alone."""
    return tf.saved_model.load(str(exported[-1])).signatures


@pytest.fixture(scope="module")
def predictions(exported, tmp_path_factory):
    """The predictions of the other runtimes, by file, runtime and batch size."""
    _, pixels, _, version = exported
    folder = tmp_path_factory.mktemp("predictions")
    np.save(folder / "pixels.npy", pixels)
    ended = processes.run([OTHER_RUNTIMES, version, folder / "pixels.npy", folder / "predictions.npz"])
    assert ended.returncode == 0, ended.stderr
    return np.load(folder / "predictions.npz")


def test_tensorflow_alone_gives_the_predictions_of_keras(exported, signatures):
    name, pixels, expected, _ = exported
    output = "reconstruction" if name in AUTOENCODERS else "probabilities"
    pngs = [tf.io.encode_png(image.astype("uint8")).numpy() for image in pixels]
    for batch in (1, 5):
        outputs = signatures["serving_default"](images=pixels[:batch])
        np.testing.assert_allclose(outputs[output], expected[:batch], atol=1e-5)
        outputs = signatures["serve_bytes"](image_bytes=pngs[:batch])
        np.testing.assert_allclose(outputs[output], expected[:batch], atol=1e-5)
    if name in AUTOENCODERS:
        code = signatures["encode"](images=pixels)["code"]
        np.testing.assert_allclose(signatures["decode"](code=code)[output], expected, atol=1e-5)
        np.testing.assert_allclose(signatures["reconstruct"](images=pixels)[output], expected, atol=1e-5)
    else:
        np.testing.assert_array_equal(outputs["class_id"], expected.argmax(axis=1))


@pytest.mark.parametrize(
    ("runtime", "tolerance"),
    [
        ("model.onnx by_onnx_runtime", 1e-4),
        ("model.onnx by_openvino", 1e-4),
        ("model.tflite by_litert", 1e-5),
        ("model.tflite by_openvino", 1e-4),
    ],
)
def test_other_runtimes_give_the_predictions_of_keras(runtime, tolerance, exported, predictions):
    _, _, expected, _ = exported
    for batch in (1, 5):
        np.testing.assert_allclose(predictions[f"{runtime} {batch}"], expected[:batch], atol=tolerance)


def test_warm_up_records_parse_and_replay(exported, signatures):
    from tensorflow_serving.apis import prediction_log_pb2

    _, _, _, version = exported
    replayed = set()
    for record in tf.data.TFRecordDataset(str(version / "assets.extra" / "tf_serving_warmup_requests")):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        outputs = signatures[request.model_spec.signature_name](**inputs)
        assert all(len(value) == 1 for value in outputs.values())
        replayed.add(request.model_spec.signature_name)
    assert replayed == set(signatures)


def test_invalid_inputs_are_errors_and_the_session_goes_on_working(exported):
    """As a server runs it: the graph alone, without the checks of TensorFlow's Python code."""
    _, pixels, _, version = exported
    png = tf.io.encode_png(pixels[0].astype("uint8")).numpy()
    side = pixels.shape[1]
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(version)).signature_def
        for name, signature in signatures.items():
            if not signature.inputs:
                continue
            ((argument, tensor),) = signature.inputs.items()
            outputs = [output.name for output in signature.outputs.values()]
            good = {"images": pixels[:1], "image_bytes": np.array([png], object)}.get(argument)
            if good is None:
                good = np.zeros([1, *(dim.size for dim in tensor.tensor_shape.dim[1:])], "float32")
            for bad, words in bad_values(argument, good, side):
                with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=words):
                    session.run(outputs, {tensor.name: bad})
            assert session.run(outputs, {tensor.name: good})[0].shape[0] == 1, name


def bad_values(argument, good, side):
    """Yield inputs that a signature must refuse, and words that the error must have."""
    if argument == "image_bytes":
        yield np.array([], object), "with a batch of 1 or more"
        yield np.array([[good[0]]], object), "expected|compatible|shape"
        for content in (b"", b"GIF89a", b"no image", good[0][:20], b"\x89PNG\r\n\x1a\n"):
            yield np.array([content], object), "whole"
        yield np.array([good[0], good[0][: len(good[0]) // 2]], object), "(?i)png"
        claims = good[0][:16] + (50_000).to_bytes(4, "big") * 2 + good[0][24:]
        yield np.array([claims], object), "at most|from 1 to 50000000 pixels"
        return
    rank = good.ndim
    expected = "shape|compatible"
    yield good[0], expected
    yield good[np.newaxis], expected
    yield np.zeros((1, *(n + 1 for n in good.shape[1:])), "float32"), expected
    yield np.zeros((1, *good.shape[1:-1], good.shape[-1] + 1), "float32"), expected
    yield np.zeros((0, *good.shape[1:]), "float32"), "with a batch of 1 or more"
    yield np.full_like(good, np.nan), "not NaN or Inf"
    yield np.full_like(good, np.inf), "not NaN or Inf"
    yield np.array([["text"] * rank]), "could not convert|shape"
