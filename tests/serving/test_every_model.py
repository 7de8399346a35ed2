"""Every model in every format: as Keras answers, by the word of TensorFlow, ONNX Runtime, LiteRT and OpenVINO."""

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo import models
from tests.models.test_contract import ALIKE
from tests.small_nets import AUTOENCODERS, small

# Their dense layers take tf2onnx twenty seconds each; one of the three always runs.
SLOW = {*ALIKE, "alexnet", "caffenet"}
MODELS = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in cnnzoo.list_models()]


@pytest.fixture(scope="module", params=MODELS)
def exported(request, tmp_path_factory):
    """A model's name, pixels, what Keras makes of them, and the folder of its files."""
    name = request.param
    model = small(name)
    preprocess = models.preprocessing(name, model)
    folder = tmp_path_factory.mktemp(name)
    version = cnnzoo.export(
        model, folder, formats=("saved_model", "onnx", "litert"), preprocess=preprocess, warmup=True
    )
    pixels = np.random.default_rng(1).integers(0, 256, (5, *model.input_shape[1:])).astype("float32")
    outputs = np.asarray(model(preprocess(pixels)))
    expected = tf.nn.softmax(outputs).numpy() if name == "lenet5" else outputs
    return name, pixels, expected, version


def test_tensorflow_alone(exported):
    name, pixels, expected, version = exported
    signatures = tf.saved_model.load(str(version)).signatures
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


def test_onnx_runtime(exported):
    import onnxruntime

    _, pixels, expected, version = exported
    session = onnxruntime.InferenceSession(str(version / "model.onnx"), providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        np.testing.assert_allclose(session.run(None, {"images": pixels[:batch]})[0], expected[:batch], atol=1e-4)


def test_litert(exported):
    from ai_edge_litert.interpreter import Interpreter

    _, pixels, expected, version = exported
    serve = Interpreter(str(version / "model.tflite")).get_signature_runner("serving_default")
    for batch in (1, 5):
        (found,) = serve(images=pixels[:batch]).values()
        np.testing.assert_allclose(found, expected[:batch], atol=1e-5)


@pytest.mark.parametrize("file", ["model.onnx", "model.tflite"])
def test_openvino(exported, file):
    import openvino

    _, pixels, expected, version = exported
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32"}  # it would take bfloat16 where the processor has it
    found = core.compile_model(str(version / file), "CPU", options)(pixels)[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_warm_up_records_parse_and_replay(exported):
    from tensorflow_serving.apis import prediction_log_pb2

    _, _, _, version = exported
    signatures = tf.saved_model.load(str(version)).signatures
    replayed = set()
    for record in tf.data.TFRecordDataset(str(version / "assets.extra" / "tf_serving_warmup_requests")):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        outputs = signatures[request.model_spec.signature_name](**inputs)
        assert all(len(value) == 1 for value in outputs.values())
        replayed.add(request.model_spec.signature_name)
    assert replayed == set(signatures)


def test_bad_requests_are_errors_and_not_the_end(exported):
    """As a server runs it: the graph alone, past the checks that TensorFlow's Python makes."""
    _, pixels, _, version = exported
    png = tf.io.encode_png(pixels[0].astype("uint8")).numpy()
    side = pixels.shape[1]
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(version)).signature_def
        for name, signature in signatures.items():
            if not signature.inputs:
                continue
            ((argument, tensor),) = signature.inputs.items()
            outputs = [of.name for of in signature.outputs.values()]
            good = {"images": pixels[:1], "image_bytes": np.array([png], object)}.get(argument)
            if good is None:
                good = np.zeros([1, *(dim.size for dim in tensor.tensor_shape.dim[1:])], "float32")
            for bad, words in bad_values(argument, good, side):
                with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=words):
                    session.run(outputs, {tensor.name: bad})
            assert session.run(outputs, {tensor.name: good})[0].shape[0] == 1, name  # and it lives


def bad_values(argument, good, side):
    """Yield what a signature must refuse, and words that the refusal must have."""
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
