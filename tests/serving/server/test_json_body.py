"""JSON bodies: what is read of them, compared with Python's own `json` and with NumPy."""

import base64
import json
import subprocess

import numpy as np
import pytest

from cnnzoo.errors import InputError
from cnnzoo.serving.server import json_body
from cnnzoo.serving.server.json_body import RequestTooLargeError, count_values, read, read_apart


def v1(**content):
    return read(json.dumps(content).encode(), "v1")


def v2(**tensor):
    return read(json.dumps({"inputs": [tensor]}).encode(), "v2")["inputs"][0]["data"]


@pytest.mark.parametrize("shape", [(3,), (1, 2), (2, 28, 28, 1), (2, 1, 3, 4)])
@pytest.mark.parametrize("dtype", ["int64", "float64", "bool"])
def test_nested_lists_become_the_array_that_numpy_makes_of_them(shape, dtype):
    values = np.random.default_rng(0).uniform(-300, 300, shape).astype(dtype)
    for array in (v1(instances=values.tolist())["inputs"][None], v2(name="x", data=values.tolist())):
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, values)


def test_integers_and_floats_may_be_mixed():
    np.testing.assert_array_equal(v1(inputs=[[1, 2.5], [2**60, -1]])["inputs"][None], [[1, 2.5], [2.0**60, -1]])


NO_NUMBERS = [
    *(["0"], [[1, "0"]], [1, True], [[True], [0]], [None], [1, None], [[1], 2], [[1, 2], [3]], [[], [1]], None, "1"),
    *([{}], [{"b64": 1, "x": 2}], {"x": [["a"]]}, [["a" * 9], ["b"]], [[{"b64": "YQ=="}]]),
]


@pytest.mark.parametrize("depth", [33, 64, 65, 1000, 100_000])
def test_lists_deeper_than_any_tensor_are_refused(depth):
    with pytest.raises(InputError, match=r"must hold numbers in lists|must be JSON: depth limit"):
        read(b'{"inputs":' + b"[" * depth + b"]" * depth + b"}", "v1")
    assert read(b'{"inputs":' + b"[" * 32 + b"1" + b"]" * 32 + b"}", "v1")["inputs"][None].shape == (1,) * 32


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_among_numbers_is_refused(value):
    if value != ["0"]:  # a text, as TensorFlow Serving has them
        with pytest.raises(InputError, match=r"must hold numbers in lists of one length each|must hold base64"):
            v1(inputs=value)
    with pytest.raises(InputError, match="must hold numbers in lists of one length each"):
        v2(name="x", datatype="FP32", data=[value])


def test_files_and_texts_become_bytes():
    contents = [b"", b"\xff\x00", b"a" * 1000]
    files = [{"b64": base64.b64encode(content).decode()} for content in contents]
    assert v1(instances=files)["inputs"][None].tolist() == contents
    assert v1(inputs={"x": files})["inputs"]["x"].tolist() == contents
    assert v1(instances=[{"x": file, "y": [1]} for file in files])["inputs"]["x"].tolist() == contents
    assert v1(instances=["ä", ""])["inputs"][None].tolist() == ["ä".encode(), b""]
    assert v2(name="x", datatype="BYTES", data=["ä", ""]).tolist() == ["ä".encode(), b""]
    encoded = {"data": [file["b64"] for file in files], "parameters": {"content_type": "base64"}}
    assert v2(name="x", datatype="BYTES", **encoded).tolist() == contents


def test_a_lone_file_is_no_batch():
    assert v1(inputs={"b64": "YQ=="})["inputs"][None].shape == ()
    assert v1(inputs={"x": {"b64": "YQ=="}})["inputs"]["x"].shape == ()


def test_rows_are_gathered_into_columns():
    content = v1(signature_name="s", instances=[{"x": [1, 2], "y": 3}, {"x": [4, 5], "y": 6}])
    assert (content["signature_name"], content["style"]) == ("s", "rows")
    np.testing.assert_array_equal(content["inputs"]["x"], [[1, 2], [4, 5]])
    np.testing.assert_array_equal(content["inputs"]["y"], [3, 6])
    with pytest.raises(InputError, match="must have the same inputs"):
        v1(instances=[{"x": 1}, {"y": 1}])


def test_refusals_show_the_beginning_of_a_value_only():
    for content in ({"instances": "x" * 10_000}, {"instances": [1], "signature_name": ["x" * 10_000]}):
        with pytest.raises(InputError, match="Received: ") as refused:
            v1(**content)
        assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "content", [{}, {"a": 1}, {"a": [1, 2]}, {"a": [[], [], {}]}, {"a": {"b": "c", "d": [[1.5, [2]]]}, "e": None}]
)
def test_no_json_has_more_values_and_names_than_are_counted(content):
    def values(part):
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return 1 + sum(map(values, parts)) + (len(part) if isinstance(part, dict) else 0)

    assert values(content) <= 1 + count_values(json.dumps(content).encode())


def test_reading_apart_gives_the_same(processes):
    values = np.random.default_rng(0).uniform(size=(40, 28, 28, 1))
    text = bytearray(json.dumps({"instances": values.tolist()}).encode())
    np.testing.assert_array_equal(read_apart(text, "v1")["inputs"][None], values)
    tensor = {"name": "x", "datatype": "FP64", "shape": [784 * 40], "data": values.ravel().tolist()}
    content = read_apart(json.dumps({"id": "7", "inputs": [tensor]}).encode(), "v2")
    np.testing.assert_array_equal(content["inputs"][0].pop("data"), values.ravel())
    assert content == {"id": "7", "inputs": [{"name": "x", "datatype": "FP64", "shape": [784 * 40]}]}
    with pytest.raises(InputError, match="the body must be JSON"):
        read_apart(b"{", "v1")


def test_reading_apart_loads_no_tensorflow(processes):
    """Else it would take seconds, and hundreds of megabytes."""
    code = f"import runpy, sys; runpy.run_path({json_body.__file__!r}); sys.exit('tensorflow' in sys.modules)"
    processes.finished([processes.start(["-c", code])])


def test_a_reading_process_that_dies_is_a_request_too_large(monkeypatch):
    died = subprocess.CompletedProcess([], -9, b"")
    monkeypatch.setattr(json_body.subprocess, "run", lambda *args, **options: died)
    with pytest.raises(RequestTooLargeError, match="too large to be read"):
        read_apart(b"{}", "v1")
