"""Answers for clients that others wrote: Triton's, KServe's, and curl after TensorFlow Serving's documentation.

https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/api_rest.md
"""

import asyncio
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from tests.integration.serving.server.server_process import Server


class HalfPlusThree(tf.Module):
    """The model of the documentation, x / 2 + 3, with a signature of texts."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, name="x")])
    def half(self, x):
        return {"y": x / 2 + 3}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="x_bytes")])
    def echo(self, x_bytes):
        return {"y_bytes": x_bytes, "length": tf.strings.length(x_bytes)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve") / "models"
    options = {"preprocess": cnnzoo.models.lenet.preprocess_input, "image_shape": (28, 28, 1)}
    for _ in range(2):
        cnnzoo.export(cnnzoo.lenet(), folder / "net", class_names=list("abcdefghij"), **options)
    module = HalfPlusThree()
    signatures = {"serving_default": module.half, "echo": module.echo}
    tf.saved_model.save(module, str(folder / "half_plus_three" / "123"), signatures=signatures)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with Server(folder, "--versions", "2") as up:
        yield up


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype("float32")


@pytest.fixture(scope="module")
def expected(folder, pixels):
    """Return the outputs of both versions, by TensorFlow alone."""
    found = {}
    for version in ("1", "2"):
        serve = tf.saved_model.load(str(folder / "net" / version)).signatures["serving_default"]
        found[version] = {name: value.numpy() for name, value in serve(images=tf.constant(pixels)).items()}
    return found


# === Triton's client ===


@pytest.fixture
def triton(server):
    client = pytest.importorskip("tritonclient.http", reason="Triton's client is not installed")
    with client.InferenceServerClient(f"127.0.0.1:{server.port}") as connected:
        yield connected


def triton_input(name, array, binary=True, datatype=None):
    from tritonclient.http import InferInput
    from tritonclient.utils import np_to_triton_dtype

    tensor = InferInput(name, list(array.shape), datatype or np_to_triton_dtype(array.dtype))
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def test_triton_finds_the_server_and_its_models(triton):
    from tritonclient.utils import InferenceServerException

    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.get_server_metadata() == {
        "name": "cnnzoo",
        "version": cnnzoo.__version__,
        "extensions": ["binary_tensor_data"],
    }
    assert triton.is_model_ready("net")
    assert triton.is_model_ready("net", "1")
    assert not triton.is_model_ready("net", "3")
    assert not triton.is_model_ready("nte")
    metadata = triton.get_model_metadata("net")
    assert (metadata["name"], metadata["versions"]) == ("net", ["1", "2"])
    assert metadata["inputs"] == [{"name": "images", "datatype": "FP32", "shape": [-1, 28, 28, 1]}]
    assert {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]} in metadata["outputs"]
    for extension in (
        lambda: triton.get_model_config("net"),
        triton.get_model_repository_index,
        lambda: triton.load_model("net"),
        lambda: triton.unload_model("net"),
        triton.get_inference_statistics,
        triton.get_trace_settings,
        triton.get_system_shared_memory_status,
    ):
        with pytest.raises(InferenceServerException, match=r"\[404\]"):  # none is among the server's extensions
            extension()


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("version", ["1", "2", ""])
def test_triton_gets_the_outputs_of_a_version(triton, pixels, expected, binary, compression, version):
    from tritonclient.http import InferRequestedOutput

    result = triton.infer(
        "net",
        [triton_input("images", pixels, binary)],
        version,
        outputs=[InferRequestedOutput(name, binary_data=binary) for name in ("class_name", "probabilities")],
        request_id="7",
        request_compression_algorithm=compression,
        response_compression_algorithm="gzip",  # offered, and not taken
    )
    response = result.get_response()
    assert (response["id"], response["model_name"]) == ("7", "net")
    assert response["model_version"] == version or "2"
    assert [output["name"] for output in response["outputs"]] == ["class_name", "probabilities"]
    outputs = expected[version or "2"]
    np.testing.assert_allclose(result.as_numpy("probabilities"), outputs["probabilities"], atol=1e-6)
    names = [name if isinstance(name, str) else name.decode() for name in result.as_numpy("class_name")]
    assert names == [name.decode() for name in outputs["class_name"]]


def test_triton_gets_all_outputs_of_files(triton, pixels, expected):
    files = np.array([tf.io.encode_png(image.astype("uint8")).numpy() for image in pixels], object)
    result = triton.infer("net", [triton_input("image_bytes", files)])
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected["2"]["probabilities"], atol=1e-6)
    np.testing.assert_array_equal(result.as_numpy("class_id"), expected["2"]["class_id"])


def test_triton_gets_many_answers_at_once(server, pixels, expected):
    client = pytest.importorskip("tritonclient.http", reason="Triton's client is not installed")
    with client.InferenceServerClient(f"127.0.0.1:{server.port}", concurrency=8) as triton:
        waiting = [triton.async_infer("net", [triton_input("images", pixels)]) for _ in range(40)]
        for each in waiting:
            np.testing.assert_array_equal(each.get_result().as_numpy("class_id"), expected["2"]["class_id"])


def test_triton_is_refused_by_sentences(triton, pixels):
    from tritonclient.http import InferRequestedOutput
    from tritonclient.utils import InferenceServerException

    images = triton_input("images", pixels)
    for arguments, words in (
        (("net", [images], "9"), "no version '9'"),
        (("nte", [images]), "no model 'nte'"),
        (("net", [images, images]), "input 'images' is named twice"),
        (("net", [triton_input("x", pixels)]), "no signature takes x"),
        (("net", [images], "", [InferRequestedOutput("probabilities", class_count=3)]), "parameter 'classification'"),
        (("net", [images], "", [InferRequestedOutput("x")]), "has no output 'x'"),
        (("net", [triton_input("images", pixels[:0])]), "a batch of 1 or more. Received: (0, 28, 28, 1)"),
    ):
        with pytest.raises(InferenceServerException) as refused:
            triton.infer(*arguments[:3], **({"outputs": arguments[3]} if len(arguments) > 3 else {}))
        assert words in refused.value.message()


# === KServe's client ===


def test_kserves_client_asks_by_both_protocols(server, pixels, expected):
    # It is no dependency of the tests: it holds protobuf and psutil back.
    kserve = pytest.importorskip("kserve", reason="KServe's client is not installed")

    async def ask():
        address = f"http://127.0.0.1:{server.port}"
        v1 = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v1"))
        v2 = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2"))
        assert await v2.is_server_live(address)
        assert await v2.is_server_ready(address)
        assert await v2.is_model_ready(address, "net")
        assert await v1.is_model_ready(address, "net")
        answer = await v1.infer(address, {"instances": pixels.tolist()}, model_name="net")
        rows = [row["probabilities"] for row in answer["predictions"]]
        tensor = kserve.InferInput("images", list(pixels.shape), "FP32")
        for binary in (True, False):
            tensor.set_data_from_numpy(pixels, binary_data=binary)
            requested = kserve.InferRequest(model_name="net", infer_inputs=[tensor], request_id="7")
            answer = await v2.infer(address, requested, model_name="net")
            assert answer.id == "7"
            outputs = {output.name: output.as_numpy() for output in answer.outputs}
            np.testing.assert_allclose(outputs["probabilities"], expected["2"]["probabilities"], atol=1e-6)
            np.testing.assert_allclose(rows, outputs["probabilities"], atol=1e-6)
        await v1.close()
        await v2.close()

    asyncio.run(ask())


# === curl, after TensorFlow Serving's documentation ===


@pytest.fixture
def curl(server, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")

    def ask(path, body=None, *options):
        command = ["curl", "-s", "-w", "\n%{http_code} %{content_type}", *options]
        if body is not None:
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            (tmp_path / "body").write_bytes(body)
            command += ["-X", "POST", "--data-binary", f"@{tmp_path}/body"]
        command.append(f"http://127.0.0.1:{server.port}{path}")
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        content, _, end = ended.stdout.rpartition("\n")
        assert end.endswith(" application/json")
        return int(end.split()[0]), json.loads(content)

    return ask


HALF = "/v1/models/half_plus_three"


def test_the_documented_calls_get_the_documented_answers(curl):
    status, content = curl(HALF)
    assert status == 200
    assert content["model_version_status"] == [
        {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]
    assert curl(f"{HALF}:predict", {"instances": [1.0, 2.0, 5.0]}) == (200, {"predictions": [3.5, 4.0, 5.5]})
    status, content = curl("/v1/models/half:predict", {"instances": [1.0, 5.0]})
    assert (status, list(content)) == (404, ["error"])


@pytest.mark.parametrize("version", ["", "/versions/123"])
@pytest.mark.parametrize("signature", [{}, {"signature_name": ""}, {"signature_name": "serving_default"}])
@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"instances": [1, 2.0, -5e0]}, {"predictions": [3.5, 4.0, 0.5]}),
        ({"instances": [{"x": 1.0}, {"x": 2.0}]}, {"predictions": [3.5, 4.0]}),
        ({"inputs": [1.0, 2.0]}, {"outputs": [3.5, 4.0]}),
        ({"inputs": {"x": [1.0, 2.0]}}, {"outputs": [3.5, 4.0]}),
    ],
)
def test_inputs_of_each_form(curl, version, signature, body, answer):
    assert curl(f"{HALF}{version}:predict", {**signature, **body}) == (200, answer)


def test_texts_and_binary_values(curl):
    echo = {"signature_name": "echo"}
    file = {"b64": "/wBh"}  # ff 00 61
    rows = [{"y_bytes": file, "length": 3}, {"y_bytes": {"b64": ""}, "length": 0}]
    for instances in ([file, {"b64": ""}], [{"x_bytes": file}, {"x_bytes": {"b64": ""}}]):
        assert curl(f"{HALF}:predict", {**echo, "instances": instances}) == (200, {"predictions": rows})
    columns = {"y_bytes": [{"b64": "w7w="}, {"b64": "Yg=="}], "length": [2, 1]}
    assert curl(f"{HALF}:predict", {**echo, "inputs": ["ü", "b"]}) == (200, {"outputs": columns})


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (":predict", {"inputs": 1.0}, "must have the shape (batch). Received: ()"),
        (
            ":predict",
            {"inputs": {"b64": "YQ=="}, "signature_name": "echo"},
            "must have the shape (batch). Received: ()",
        ),
        (":predict", {"inputs": [1.0], "instances": [1.0]}, "must have either 'instances'"),
        (":predict", {"instances": [1.0, "2"]}, "must hold numbers"),
        (":predict", {"instances": [True, False]}, "must hold numbers"),
        (":predict", {"instances": [[1.0]]}, "must have the shape (batch). Received: (1, 1)"),
        (":predict", {"instances": [1.0], "signature_name": "x"}, "there is no signature 'x'"),
        (":predict", {"instances": [1.0], "signature_name": 1}, "`signature_name` must be a string"),
        (":predict", b"", "must be JSON"),
        (":classify", {"examples": [{"x": 1.0}]}, "for :predict, not :classify or :regress"),
        ("/versions/123:regress", {"examples": [{"x": 1.0}]}, "for :predict, not :classify or :regress"),
    ],
)
def test_requests_that_the_documentation_does_not_have_are_refused(curl, path, body, words):
    status, content = curl(f"{HALF}{path}", body)
    assert (status, list(content)) == (400, ["error"])
    assert words in content["error"]


def test_metadata_is_the_json_of_the_signatures(curl, folder):
    status, content = curl(f"{HALF}/metadata")
    assert (status, content) == curl(f"{HALF}/versions/123/metadata")
    assert content["model_spec"] == {"name": "half_plus_three", "signature_name": "", "version": "123"}
    described = content["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert described["method_name"] == "tensorflow/serving/predict"
    for tensors, name in (("inputs", "x"), ("outputs", "y")):
        tensor = described[tensors][name]
        assert tensor["dtype"] == "DT_FLOAT"
        assert tensor["tensor_shape"] == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    # The same names as TensorFlow's own tool reads from the file.
    show = [Path(sys.executable).with_name("saved_model_cli"), "show", "--dir", folder / "half_plus_three" / "123"]
    options = ["--tag_set", "serve", "--signature_def", "serving_default"]
    shown = subprocess.run([*show, *options], capture_output=True, text=True, check=True).stdout
    assert f"name: {described['inputs']['x']['name']}" in shown
    assert f"name: {described['outputs']['y']['name']}" in shown


def test_a_compressed_body_is_unpacked_or_refused(curl):
    body = json.dumps({"instances": [1.0, 2.0, 5.0]}).encode()
    packed = gzip.compress(body)
    good = (200, {"predictions": [3.5, 4.0, 5.5]})
    assert curl(f"{HALF}:predict", packed, "-H", "Content-Encoding: gzip") == good
    assert curl(f"{HALF}:predict", body, "-H", "Content-Encoding: identity") == good
    for content in (packed[:-1], packed + packed, packed + b"x", body, b""):
        status, answer = curl(f"{HALF}:predict", content, "-H", "Content-Encoding: gzip")
        assert (status, list(answer)) == (400, ["error"])
        assert "cannot be unpacked" in answer["error"]
    status, answer = curl(f"{HALF}:predict", body, "-H", "Content-Encoding: br")
    assert (status, answer) == (415, {"error": "the body must be plain, or compressed by gzip or deflate, not 'br'"})
    bomb = gzip.compress(bytes(2**25 + 1))
    status, answer = curl(f"{HALF}:predict", bomb, "-H", "Content-Encoding: gzip")
    assert (status, list(answer)) == (413, ["error"])
    assert "at most 33554432 bytes" in answer["error"]
