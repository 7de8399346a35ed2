"""Requests of both protocols: what a signature gets, and what is refused."""

import json
import struct

import numpy as np
import pytest

from cnnzoo.errors import InputError
from cnnzoo.serving.server.json_body import RequestTooLargeError, read
from cnnzoo.serving.server.limits import Limits
from cnnzoo.serving.server.requests import DTYPES, parse_v1, parse_v2
from cnnzoo.serving.server.version import Spec, Version

F32, INT, BOOL, TEXT = (np.dtype(name) for name in ("float32", "int32", "bool", "object"))


class Stub(Version):
    """A version without a model."""

    def __init__(self):
        self.number = 1
        self.inputs = {
            "serving_default": {"images": Spec((None, 2, 2), F32)},
            "serve_bytes": {"image_bytes": Spec((None,), TEXT)},
            "integers": {"numbers": Spec((None, 2), INT)},
            "truths": {"truths": Spec((None,), BOOL)},
            "two": {"a": Spec((None,), F32), "b": Spec(None, F32)},
        }
        self.outputs = {name: {"x": Spec((None, 3), F32), "y": Spec((None,), TEXT)} for name in self.inputs}
        self._signatures = self.inputs


def v1(limits=None, **content):
    return parse_v1(read(json.dumps(content).encode(), "v1"), Stub(), limits or Limits())


def v2(*tensors, binary=b"", limits=None, **content):
    text = json.dumps({"inputs": list(tensors), **content}).encode()
    return parse_v2(read(text, "v2"), memoryview(binary), Stub(), limits or Limits())


def images(**changes):
    return {"name": "images", "datatype": "FP32", "shape": [1, 2, 2], "data": [0, 1, 2, 3], **changes}


def test_a_signature_is_found_by_its_name_by_its_inputs_or_by_default():
    pixels = np.zeros((1, 2, 2)).tolist()
    assert v1(instances=pixels).signature == "serving_default"
    assert v1(instances=pixels, signature_name="").signature == "serving_default"  # as if it were not there
    assert v1(instances=[{"b64": ""}]).signature == "serve_bytes"
    assert v1(inputs={"a": [1], "b": 2}).signature == "two"
    assert v1(instances=[[1, 2]], signature_name="integers").signature == "integers"
    assert v2(images(), parameters={"signature_name": "serving_default"}).signature == "serving_default"
    with pytest.raises(
        InputError, match="no signature 'x'; there are integers, serve_bytes, serving_default, truths, two"
    ):
        v1(instances=pixels, signature_name="x")
    with pytest.raises(InputError, match="takes several inputs"):
        v1(inputs=[1], signature_name="two")


@pytest.mark.parametrize("datatype", sorted(DTYPES.keys() - {"BOOL", "BYTES"}))
def test_numbers_of_every_type_become_those_of_the_signature(datatype):
    pixels = np.array([[[0, 1], [2, 100]]], DTYPES[datatype])
    given = images(datatype=datatype, data=pixels.ravel().tolist())
    for request in (
        v2(given),
        v2({**given, "data": pixels.tolist()}),
        v2(
            images(datatype=datatype, data=None, parameters={"binary_data_size": pixels.nbytes}),
            binary=pixels.tobytes(),
        ),
    ):
        array = request.inputs["images"]
        assert array.dtype == "float32"
        np.testing.assert_array_equal(array, pixels.astype("float32"))


@pytest.mark.parametrize(
    ("datatype", "data", "words"),
    [
        ("FP32", ["0"] * 4, "must hold numbers"),
        ("FP32", [0, 1, 2, "3"], "must hold numbers"),
        ("FP32", [0, 1, 2, True], "must hold numbers"),
        ("FP32", [True] * 4, "must hold numbers. Received: BOOL"),
        ("FP32", [None] * 4, "must hold numbers"),
        ("FP32", [[0, 1], [2]], "must hold numbers"),
        ("FP64", [{}] * 4, "must hold numbers"),
        ("UINT8", [1.7] * 4, "must hold uint8 values. Received: FP64"),
        ("UINT8", [1.0] * 4, "must hold uint8 values. Received: FP64"),
        ("UINT8", [256, 0, 0, 0], "must hold uint8 values. Received: 0 to 256"),
        ("UINT8", [-1, 0, 0, 0], "must hold uint8 values. Received: -1 to 0"),
        ("INT8", [128, 0, 0, 0], "must hold int8 values. Received: 0 to 128"),
        ("INT64", [2**63, 0, 0, 0], "must hold int64 values"),
        ("UINT64", [-1, 0, 0, 0], "must hold uint64 values"),
        ("INT32", [True] * 4, "must hold int32 values. Received: BOOL"),
        ("BOOL", [0, 1, 0, 1], "must hold bool values. Received: INT64"),
        ("BOOL", [True] * 4, "must hold numbers. Received: BOOL"),
        ("BYTES", ["a"] * 4, "must hold numbers. Received: BYTES"),
        ("BYTES", [1] * 4, "must be a list of strings"),
        ("FP33", [1] * 4, "`datatype of images` must be one of FP64, FP32"),
        ("BF16", [1] * 4, "`datatype of images` must be one of FP64, FP32"),
        (None, [1] * 4, "`datatype of images` must be one of FP64, FP32"),
    ],
)
def test_what_is_no_number_of_the_stated_type_is_refused(datatype, data, words):
    with pytest.raises(InputError) as refused:
        v2(images(datatype=datatype, data=data))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("signature", "values", "words"),
    [
        ("integers", [[1.5, 2]], "must hold int32 values. Received: FP64"),
        ("integers", [[2**31, 2]], "must hold int32 values. Received: 2 to 2147483648"),
        ("integers", [[True, False]], "must hold int32 values. Received: BOOL"),
        ("truths", [1, 0], "must hold bool values. Received: INT64"),
        ("serving_default", [[["a", "b"], ["c", "d"]]], "must hold numbers"),
        ("serving_default", ["a"], "must have the shape \\(batch, 2, 2\\)"),
        ("serve_bytes", [1.5], "must hold files, as base64 or bytes. Received: FP64"),
        ("serve_bytes", {"b64": "YQ=="}, "must have the shape \\(batch\\). Received: \\(\\)"),
    ],
)
def test_v1_takes_no_value_of_another_type(signature, values, words):
    with pytest.raises(InputError, match=words):
        v1(inputs=values, signature_name=signature)


def test_v1_takes_integers_and_truth_values_where_a_signature_has_them():
    np.testing.assert_array_equal(v1(inputs=[[1, -2]], signature_name="integers").inputs["numbers"], [[1, -2]])
    np.testing.assert_array_equal(v1(inputs=[True, False], signature_name="truths").inputs["truths"], [True, False])


@pytest.mark.parametrize(
    ("tensors", "content", "words"),
    [
        ([], {}, "`inputs` must be a list of one or more tensors"),
        ([images(), images()], {}, "input 'images' is named twice"),
        ([images()], {"outputs": [{"name": "x"}, {"name": "x"}]}, "output 'x' is named twice"),
        ([images()], {"outputs": [{"name": "z"}]}, "has no output 'z'"),
        ([images()], {"outputs": [{}]}, "`name of an output` must be a string"),
        ([images()], {"outputs": [{"name": "x", "parameters": {"classification": 3}}]}, "no extension for .*classif"),
        ([images()], {"outputs": [{"name": "x", "parameters": {"binary_data": 1}}]}, "must be true or false"),
        ([images()], {"parameters": {"binary_data_output": "false"}}, "must be true or false"),
        ([images()], {"parameters": []}, "`parameters` must be a JSON object"),
        ([images()], {"id": 7}, "`id` must be a string"),
        ([images(parameters={"shared_memory_region": "r"}, data=None)], {}, "no extension for .*shared_memory_region"),
        ([images(name=3)], {}, "`name of an input` must be a string"),
        ([images(name="x" * 100_000)], {}, "no signature takes xxx"),
        ([images(data=None)], {}, "must have either 'data' or the parameter"),
        ([images(parameters={"binary_data_size": 0})], {}, "must have either 'data' or the parameter"),
        ([images(data=None, parameters={"binary_data_size": 17})], {}, "a length within the body"),
        ([images(data=None, parameters={"binary_data_size": -1})], {}, "a length within the body"),
        ([images(data=None, parameters={"binary_data_size": True})], {}, "a length within the body"),
        ([images(data=None, parameters={"binary_data_size": 3})], {}, "not a whole number of FP32"),
        ([images(data=None, parameters={"binary_data_size": 12})], {}, "does not have 3 values"),
        ([images(shape=[2])], {}, "does not have 4 values"),
        ([images(shape=[4])], {}, r"must have the shape \(batch, 2, 2\). Received: \(4,\)"),
        ([images(shape=[0, 2, 2], data=[])], {}, r"must hold a batch of 1 or more. Received: \(0, 2, 2\)"),
        ([images(shape=[-1, 2, 2])], {}, "a list of non-negative integers"),
        ([images(shape=[1.0, 2, 2])], {}, "a list of non-negative integers"),
        ([images(shape=[1] * 33)], {}, "a list of non-negative integers"),
        ([images(shape=[2**31 - 1] * 32)], {}, "does not have 4 values"),
    ],
)  # fmt: skip
def test_v2_refuses_what_the_protocol_does_not_have(tensors, content, words):
    with pytest.raises(InputError, match=words) as refused:
        v2(*tensors, binary=bytes(16) if "binary_data_size" in str(tensors) else b"", **content)
    assert len(str(refused.value)) < 400


def test_bytes_after_the_last_tensor_are_refused():
    with pytest.raises(InputError, match="1 bytes follow the binary data"):
        v2(images(data=None, parameters={"binary_data_size": 16}), binary=bytes(17))
    with pytest.raises(InputError, match="16 bytes follow"):
        v2(images(), binary=bytes(16))


def test_binary_texts_each_follow_their_length():
    contents = [b"", b"\xff\x00", b"a" * 1000]
    data = b"".join(struct.pack("<I", len(content)) + content for content in contents)
    tensor = {"name": "image_bytes", "datatype": "BYTES", "shape": [3], "parameters": {"binary_data_size": len(data)}}
    assert v2(tensor, binary=data).inputs["image_bytes"].tolist() == contents
    for end in (1, 5, len(data) - 1):
        cut = {**tensor, "parameters": {"binary_data_size": end}}
        with pytest.raises(InputError, match=r"each follow their length|does not have"):
            v2(cut, binary=data[:end])


def test_no_more_binary_texts_are_read_than_a_request_may_have(monkeypatch):
    tensor = {"name": "image_bytes", "datatype": "BYTES", "parameters": {"binary_data_size": 4_000_000}}
    with pytest.raises(RequestTooLargeError, match=r"at most 1024 images. Received: 1000000"):
        v2({**tensor, "shape": [1_000_000]}, binary=bytes(4_000_000))
    with pytest.raises(InputError, match="`image_bytes` of shape \\(3,\\) does not have 4 values"):  # it stops there
        v2({**tensor, "shape": [3]}, binary=bytes(4_000_000))


def test_outputs_are_all_or_those_requested_in_their_order():
    assert v2(images()).outputs == {"x": False, "y": False}
    assert v2(images(), parameters={"binary_data_output": True}).outputs == {"x": True, "y": True}
    requested = [{"name": "y"}, {"name": "x", "parameters": {"binary_data": False}}]
    request = v2(images(), outputs=requested, id="7", parameters={"binary_data_output": True})
    assert list(request.outputs.items()) == [("y", True), ("x", False)]
    assert request.id == "7"


def test_a_batch_has_a_limit():
    with pytest.raises(RequestTooLargeError, match=r"at most 2 images. Received: 3"):
        v1(Limits(max_batch=2), instances=np.zeros((3, 2, 2)).tolist())
    with pytest.raises(RequestTooLargeError, match=r"at most 2 images. Received: 3"):
        v2(images(shape=[3, 2, 2], data=[0] * 12), limits=Limits(max_batch=2))
    assert v1(Limits(max_batch=3), instances=np.zeros((3, 2, 2)).tolist()).images == 3
