"""The server's responses to valid and invalid requests, compared with the SavedModel itself."""

import base64
import contextlib
import json
import struct

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from tests.integration.serving.server.server_process import Server

PREDICT = "/v1/models/net:predict"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve") / "models"
    options = {"preprocess": cnnzoo.models.lenet.preprocess_input, "image_shape": (28, 28, 1)}
    model = cnnzoo.lenet()
    for _ in range(2):
        cnnzoo.export(model, folder / "net", class_names=list("abcdefghij"), **options)
        model.set_weights([0.5 * value for value in model.get_weights()])
    coder = cnnzoo.autoencoder(units=(), code=3)
    cnnzoo.export(coder, folder / "coder", preprocess=lambda images: images / 255, image_shape=(28, 28, 1))
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with Server(folder, "--versions", "2", "--max-batch", "16", "--max-pixels", "20000", "--max-body", "1000000") as up:
        yield up


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype("uint8")


@pytest.fixture(scope="module")
def files(pixels):
    return [tf.io.encode_png(image).numpy() for image in pixels]


@pytest.fixture(scope="module")
def expected(folder, pixels):
    signatures = tf.saved_model.load(str(folder / "net" / "2")).signatures
    outputs = signatures["serving_default"](images=tf.constant(pixels, tf.float32))
    return {name: value.numpy() for name, value in outputs.items()}


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


def test_pixels_and_files_by_rows(server, pixels, files, expected):
    named = [{"images": image.tolist()} for image in pixels]
    by_name = [{"image_bytes": b64(file)} for file in files]
    for instances in (pixels.tolist(), named, [b64(file) for file in files], by_name):
        status, response = server.post(PREDICT, {"instances": instances})
        assert status == 200, response
        rows = response["predictions"]
        np.testing.assert_allclose([row["probabilities"] for row in rows], expected["probabilities"], atol=1e-6)
        assert [row["class_id"] for row in rows] == expected["class_id"].tolist()
        assert [row["class_name"] for row in rows] == ["abcdefghij"[number] for number in expected["class_id"]]


def test_whole_batches_by_columns(server, pixels, files, expected):
    for inputs in (pixels.tolist(), {"images": pixels.tolist()}, {"image_bytes": [b64(file) for file in files]}):
        status, response = server.post(PREDICT, {"inputs": inputs})
        assert status == 200, response
        assert response["outputs"]["class_id"] == expected["class_id"].tolist()


def test_each_version_has_its_own_address(server, folder, pixels):
    for version in ("1", "2"):
        serve = tf.saved_model.load(str(folder / "net" / version)).signatures["serving_default"]
        version_outputs = serve(images=tf.constant(pixels, tf.float32))["probabilities"].numpy()
        status, response = server.post(f"/v1/models/net/versions/{version}:predict", {"instances": pixels.tolist()})
        assert status == 200
        np.testing.assert_allclose(
            [row["probabilities"] for row in response["predictions"]], version_outputs, atol=1e-6
        )
        body = {"inputs": [{"name": "images", "datatype": "UINT8", "shape": [3, 28, 28, 1], "data": pixels.tolist()}]}
        status, response = server.post(f"/v2/models/net/versions/{version}/infer", body)
        assert (status, response["model_version"]) == (200, version)


@pytest.mark.parametrize("datatype", ["UINT8", "FP32", "FP16"])
def test_binary_tensors_in_requests_and_responses(server, pixels, expected, datatype):
    from tritonclient.http import InferResult

    data = pixels.astype({"UINT8": "uint8", "FP32": "float32", "FP16": "float16"}[datatype]).tobytes()
    tensor = {
        "name": "images",
        "datatype": datatype,
        "shape": pixels.shape,
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"id": "7", "inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    with contextlib.closing(server.connection()) as connection:
        connection.request("POST", "/v2/models/net/infer", head + data, headers)
        response = connection.getresponse()
        content = response.read()
    assert response.status == 200, content
    length = int(response.getheader("inference-header-content-length"))
    response = InferResult.from_response_body(content, header_length=length)
    assert response.get_response()["id"] == "7"
    np.testing.assert_allclose(response.as_numpy("probabilities"), expected["probabilities"], atol=1e-6)
    np.testing.assert_array_equal(response.as_numpy("class_id"), expected["class_id"])


def test_binary_and_encoded_files(server, files, expected):
    data = b"".join(struct.pack("<I", len(file)) + file for file in files)
    tensor = {"name": "image_bytes", "datatype": "BYTES", "shape": [3]}
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(data)}}]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    texts = [b64(file)["b64"] for file in files]
    encoded = {"inputs": [{**tensor, "parameters": {"content_type": "base64"}, "data": texts}]}
    for body, header in ((head + data, headers), (encoded, {})):
        status, response = server.post("/v2/models/net/infer", body, **header)
        assert status == 200, response
        outputs = {output["name"]: output for output in response["outputs"]}
        assert outputs["class_id"]["data"] == expected["class_id"].tolist()
        assert outputs["class_name"]["datatype"] == "BYTES"


def test_an_autoencoder_encodes_and_decodes(server, pixels):
    body = {"signature_name": "encode", "instances": pixels.tolist()}
    status, response = server.post("/v1/models/coder:predict", body)
    codes = response["predictions"]
    assert (status, np.shape(codes)) == (200, (3, 3))
    status, response = server.post("/v1/models/coder:predict", {"signature_name": "decode", "instances": codes})
    assert (status, np.shape(response["predictions"])) == (200, (3, 28, 28, 1))
    tensor = {"name": "code", "datatype": "FP32", "shape": [3, 3], "data": codes}
    status, other = server.post("/v2/models/coder/infer", {"inputs": [tensor]})
    np.testing.assert_allclose(np.ravel(other["outputs"][0]["data"]), np.ravel(response["predictions"]), atol=1e-6)


def test_models_versions_and_signatures_are_listed(server):
    assert server.get("/v1/models")[1] == {"models": ["coder", "net"]}
    _, response = server.get("/v1/models/net")
    assert [state["version"] for state in response["model_version_status"]] == ["2", "1"]
    assert {state["state"] for state in response["model_version_status"]} == {"AVAILABLE"}
    _, response = server.get("/v1/models/net/metadata")
    signature = response["metadata"]["signature_def"]["signature_def"]["serve_bytes"]
    shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    named = {"name": "serve_bytes_image_bytes:0", "dtype": "DT_STRING", "tensor_shape": shape}
    assert signature["inputs"] == {"image_bytes": named}  # as TensorFlow Serving writes a SignatureDef
    _, response = server.get("/v2/models/net")
    assert response["inputs"] == [{"name": "images", "datatype": "FP32", "shape": [-1, 28, 28, 1]}]
    assert server.get("/v2/models/net/ready")[0] == 200
    assert server.get("/v2/health/ready") == (200, {"ready": True})


def test_metrics_count_requests(server, pixels):
    server.post(PREDICT, {"instances": pixels.tolist()})
    status, text = server.get("/metrics")
    assert status == 200
    assert b'request_predict_seconds_count{model_name="net"}' in text


PNG = tf.io.encode_png(np.zeros((28, 28, 1), "uint8")).numpy()
BOMB = PNG[:16] + (50_000).to_bytes(4, "big") * 2 + PNG[24:]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (PREDICT, b"{", 400, "must be JSON"),
        (PREDICT, b"[" * 100_000, 400, "must be JSON"),
        (PREDICT, b"[1]", 400, "JSON object, not a list"),
        (PREDICT, b'{"instances": [NaN]}', 400, "must be JSON"),
        (PREDICT, {}, 400, "either 'instances'"),
        (PREDICT, {"instances": []}, 400, "of one or more"),
        (PREDICT, {"instances": [[1, [2]]]}, 400, "numbers in lists of one length"),
        (PREDICT, {"instances": [[[1.0]]]}, 400, "shape (batch, 28, 28, 1). Received: (1, 1, 1)"),
        (PREDICT, {"instances": np.zeros((17, 28, 28, 1)).tolist()}, 413, "at most 16 images. Received: 17"),
        (PREDICT, {"instances": np.full((1, 28, 28, 1), 1e300).tolist()}, 400, "not NaN or Inf"),
        (PREDICT, {"instances": [{"b64": "?"}]}, 400, "must hold base64"),
        (PREDICT, {"instances": [b64(b"no image")]}, 400, "whole JPEG or PNG files"),
        (PREDICT, {"instances": [b64(PNG[:-20])]}, 400, "PNG"),
        (PREDICT, {"instances": [b64(BOMB)]}, 413, "at most 20000 pixels together. Received: 2500000000"),
        (PREDICT, {"instances": [b64(PNG)], "signature_name": "serve"}, 400, "there is no signature 'serve'"),
        (PREDICT, {"instances": [{"b64": 3}]}, 400, "base64"),
        (PREDICT, b" " * 1_000_001, 413, "at most 1000000 bytes, and this one is longer"),
        ("/v1/models/nte:predict", {}, 404, "no model 'nte'; the models are coder, net"),
        ("/v1/models/..%2fnet:predict", {}, 404, ""),
        ("/v1/models/net/versions/3:predict", {}, 404, "no version '3'; the versions are 1, 2"),
        ("/v1/models/net/versions/-1:predict", {}, 404, "no version"),
        ("/v1/models/net:explain", {}, 404, "supports neither explain"),
        ("/v2/repository/models/net/unload", {}, 404, "it serves its folder"),
        ("/v2/models/net/infer", {}, 400, "`inputs` must be a list of one or more tensors"),
        ("/v2/models/net/infer", {"inputs": [{"name": "images"}]}, 400, "datatype of images"),
        ("/v2/models/net/infer", {"inputs": [{"name": 3}]}, 400, "must be a string. Received: 3"),
        (
            "/v2/models/net/infer",
            {"inputs": [{"name": "images", "datatype": "FP32", "shape": [2], "data": [1]}]},
            400,
            "does not have 1 values",
        ),
        (
            "/v2/models/net/infer",
            {"inputs": [{"name": "image", "datatype": "FP32", "shape": [1], "data": [1]}]},
            400,
            "no signature takes image",
        ),
    ],
)
def test_invalid_requests_get_an_error_message(server, path, body, status, words):
    received, response = server.post(path, body)
    assert (received, list(response)) == (status, ["error"])
    assert words in response["error"]
    assert server.get("/v1/models/net")[0] == 200


def test_other_methods_and_paths_get_json_errors(server):
    for path in (PREDICT, "/nowhere", "/v1/models/net/versions"):
        status, response = server.get(path)
        assert status in (404, 405)
        assert list(response) == ["error"]


def test_one_broken_file_does_not_affect_other_requests_of_its_batch(server, files, expected):
    from concurrent.futures import ThreadPoolExecutor

    def post(number):
        content = files[number % 3] if number % 4 else b"\x89PNG\r\n\x1a\n" + bytes(40)
        return server.post(PREDICT, {"instances": [b64(content)]})

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(post, range(64)))
    for number, (status, response) in enumerate(responses):
        if number % 4:
            assert status == 200, response
            assert response["predictions"][0]["class_id"] == expected["class_id"][number % 3]
        else:
            assert status == 400
