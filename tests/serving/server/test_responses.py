"""Answers of both protocols, read by Python's own `json` and by NumPy."""

import base64
import json
import types

import numpy as np
import pytest

from cnnzoo.errors import InputError
from cnnzoo.serving.server.json_body import RequestTooLargeError
from cnnzoo.serving.server.limits import Limits
from cnnzoo.serving.server.requests import ParsedRequest
from cnnzoo.serving.server.responses import PIECE, check_expected_size, check_size, v1_response, v2_response
from cnnzoo.serving.server.version import Spec

PROBABILITIES = np.random.default_rng(0).random((3, 4), "float32")
TEXTS = np.array(["Füße".encode(), b"", b"b"], object)
OUTPUTS = {"p": PROBABILITIES, "id": np.array([1, 2**40, -3]), "name": TEXTS}


def request(outputs, style="rows", images=3, binary=(), id=None):
    specs = {name: Spec((None, *value.shape[1:]), value.dtype) for name, value in outputs.items()}
    version = types.SimpleNamespace(number=5, outputs={"s": specs})
    inputs = {"x": np.zeros((images, 2))}
    return ParsedRequest(version, "s", inputs, style, {name: name in binary for name in outputs}, id)


def v1(outputs, style="rows"):
    return json.loads(v1_response(request(outputs, style), outputs))


def test_rows_have_a_dictionary_for_each_image():
    rows = v1(OUTPUTS)["predictions"]
    assert [list(row) for row in rows] == [["p", "id", "name"]] * 3
    np.testing.assert_array_equal(np.array([row["p"] for row in rows], "float32"), PROBABILITIES)  # bit by bit
    assert [row["id"] for row in rows] == [1, 2**40, -3]
    assert [row["name"] for row in rows] == ["Füße", "", "b"]


def test_columns_have_a_list_for_each_output():
    columns = v1(OUTPUTS, "columns")["outputs"]
    np.testing.assert_array_equal(np.array(columns["p"], "float32"), PROBABILITIES)
    assert (columns["id"], columns["name"]) == ([1, 2**40, -3], ["Füße", "", "b"])


@pytest.mark.parametrize("name", ["p", "name"])
def test_a_single_output_has_no_name(name):
    single = {name: OUTPUTS[name]}
    expected = v1(OUTPUTS, "columns")["outputs"][name]
    assert v1(single) == {"predictions": expected}
    assert v1(single, "columns") == {"outputs": expected}


def test_outputs_named_bytes_are_in_base64_as_in_tensorflow_serving():
    contents = [b"\xff\x00", b"", b"a"]
    expected = [{"b64": base64.b64encode(content).decode()} for content in contents]
    assert v1({"x_bytes": np.array(contents, object)})["predictions"] == expected
    assert v1({"x": np.array([b"\xff", b"", b"a"], object)})["predictions"] == ["\ufffd", "", "a"]


def test_an_output_without_an_entry_for_each_image_has_no_rows():
    outputs = {"mean": np.array(2.5, "float32"), "p": PROBABILITIES}
    with pytest.raises(InputError, match="output 'mean' has no entry for each image; ask for it by 'inputs'"):
        v1(outputs)
    assert v1(outputs, "columns")["outputs"]["mean"] == 2.5


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int8", "uint64", "uint8", "bool"])
def test_numbers_of_every_type_are_written(dtype):
    values = np.random.default_rng(0).uniform(0, 100, (3, 2, 2)).astype(dtype)
    np.testing.assert_array_equal(np.array(v1({"x": values})["predictions"], dtype), values)
    answer, _ = v2_response(request({"x": values}, "v2"), "net", {"x": values})
    np.testing.assert_array_equal(np.array(json.loads(answer)["outputs"][0]["data"], dtype), values.ravel())


def test_bfloat16_is_written_as_floats():
    import ml_dtypes

    values = np.array([[1.5, -2]] * 3, ml_dtypes.bfloat16)
    assert v1({"x": values}) == {"predictions": [[1.5, -2.0]] * 3}
    answer, _ = v2_response(request({"x": values}, "v2"), "net", {"x": values})
    assert json.loads(answer)["outputs"][0]["datatype"] == "BF16"


def test_v2_has_flat_data():
    answer, length = v2_response(request(OUTPUTS, "v2", id="7"), "net", OUTPUTS)
    content = json.loads(answer)
    assert length is None
    outputs = content.pop("outputs")
    assert content == {"model_name": "net", "model_version": "5", "id": "7"}
    assert [(entry["name"], entry["datatype"], entry["shape"]) for entry in outputs] == [
        ("p", "FP32", [3, 4]),
        ("id", "INT64", [3]),
        ("name", "BYTES", [3]),
    ]
    np.testing.assert_array_equal(np.array(outputs[0]["data"], "float32"), PROBABILITIES.ravel())
    assert outputs[2]["data"] == ["Füße", "", "b"]


def test_binary_outputs_follow_the_json():
    answer, length = v2_response(request(OUTPUTS, "v2", binary=("p", "name")), "net", OUTPUTS)
    content, data = json.loads(answer[:length]), answer[length:]
    sizes = [entry.get("parameters", {}).get("binary_data_size") for entry in content["outputs"]]
    assert sizes == [3 * 4 * 4, None, 3 * 4 + 6 + 1]
    assert len(data) == 48 + 19
    np.testing.assert_array_equal(np.frombuffer(data[:48], "<f4").reshape(3, 4), PROBABILITIES)
    assert data[48:] == b"\x06\0\0\0" + "Füße".encode() + b"\0\0\0\0" + b"\x01\0\0\0b"
    assert content["outputs"][1]["data"] == [1, 2**40, -3]


def test_long_outputs_are_written_in_pieces():
    values = np.arange(2 * PIECE + 1).reshape(1, -1)
    answer, _ = v2_response(request({"x": values}, "v2", images=1), "net", {"x": values})
    assert json.loads(answer)["outputs"][0]["data"] == values.ravel().tolist()


@pytest.mark.parametrize("value", [-1.1754944e-38, -3.4028235e38, 0.1, 1.0])
@pytest.mark.parametrize("style", ["rows", "v2"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_answer_of_numbers_is_longer_than_expected(value, style, dtype):
    outputs = {"x": np.full((3, 50, 1), value, dtype)}
    requested = request(outputs, style)
    answer = v1_response(requested, outputs) if style == "rows" else v2_response(requested, "net", outputs)[0]
    check_expected_size(requested, Limits(max_response=150 * (18 if dtype == "float32" else 28)))
    with pytest.raises(RequestTooLargeError, match=r"the answer must have at most .* and would have about"):
        check_expected_size(requested, Limits(max_response=len(answer) - 150))


def test_a_binary_answer_is_weighed_by_its_bytes():
    outputs = {"x": np.zeros((3, 50), "float32")}
    check_expected_size(request(outputs, "v2", binary=("x",)), Limits(max_response=600))
    with pytest.raises(RequestTooLargeError, match="at most 599 bytes, and would have about 600"):
        check_expected_size(request(outputs, "v2", binary=("x",)), Limits(max_response=599))


def test_texts_and_open_sides_are_weighed_when_they_are_there():
    texts = {"x": np.array([b"a" * 100, b"", b""], object)}
    requested = request(texts)
    check_expected_size(requested, Limits(max_response=1))
    with pytest.raises(RequestTooLargeError, match="at most 99 bytes, and would have about 100"):
        check_size(requested, texts, Limits(max_response=99))
    check_size(requested, texts, Limits(max_response=100))
