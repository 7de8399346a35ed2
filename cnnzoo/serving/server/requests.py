"""Parsing of requests: from JSON, or JSON and binary tensors, to the input arrays of a signature."""

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from cnnzoo.errors import InputError, reason
from cnnzoo.serving.server.limits import Limits, RequestTooLargeError, check_pixels
from cnnzoo.serving.server.version import Version

# The V2 protocol's names of the types that images and codes may have.
DATATYPES = {
    "FP64": "float64", "FP32": "float32", "FP16": "float16", "BOOL": "bool",
    **{f"{sign}INT{bits}": f"{sign.lower()}int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ParsedRequest:
    """A request for the outputs of a signature.

    Attributes:
        version: the version of the model.
        signature: name of its signature.
        inputs: input arrays, by name.
        style: the form of the response: `"rows"`, a dictionary for every image, `"columns"`, a list for every output,
            or `"v2"`.
        id: the request's own id, in V2.
        outputs: name of each output to return, in V2, and whether it is to be binary; empty for all of them.
        binary: whether all outputs are to be binary.
    """

    version: Version
    signature: str
    inputs: dict[str, np.ndarray]
    style: str
    id: str | None = None
    outputs: tuple[tuple[str, bool], ...] = ()
    binary: bool = False

    @property
    def images(self) -> int:
        """Number of images."""
        return len(next(iter(self.inputs.values())))


def parse_v1(body: bytes, version: Version, limits: Limits) -> ParsedRequest:
    """Parse a request of TensorFlow Serving's REST protocol, which KServe calls V1.

    `{"signature_name": …, "instances": […]}` has an entry for every image: its pixels in nested lists, or
    `{"b64": …}` for a file, or a dictionary of inputs by name; `"inputs"` instead of `"instances"` has whole batches.

    Raises:
        InputError: the request has another form.
        RequestTooLargeError: it is larger than the limits allow.
    """
    content = _json_object(body)
    keys = [key for key in ("instances", "inputs") if key in content]
    if len(keys) != 1:
        raise InputError("a request must have either 'instances', a list with an entry for every image, or 'inputs'")
    values, by_rows = content[keys[0]], keys == ["instances"]
    if by_rows:
        if not isinstance(values, list) or not values:
            raise _refusal("instances", "a list with an entry for every image, of one or more", values)
        values = _columns(values)
    inputs = values if isinstance(values, dict) and not _is_file(values) else None
    signature = _signature(content.get("signature_name"), inputs or {}, version, _is_list_of_files(values))
    if inputs is None:
        if len(version.inputs[signature]) != 1:
            raise InputError(f"signature {signature!r} takes several inputs; give each by its name")
        inputs = {next(iter(version.inputs[signature])): values}
    arrays = {name: _array(name, value) for name, value in inputs.items()}
    return _checked(ParsedRequest(version, signature, arrays, "rows" if by_rows else "columns"), limits)


def parse_v2(body: bytes, json_length: str | None, version: Version, limits: Limits) -> ParsedRequest:
    """Parse a request of the Open Inference Protocol, KServe's V2, with its extension for binary tensors.

    The signature is the one that takes inputs of these names, or `parameters.signature_name`.

    Args:
        body: the body; binary tensors follow the JSON.
        json_length: the header `Inference-Header-Content-Length`, the length of the JSON, if there is one.
        version: the version of the model.
        limits: the most that a request may hold.

    Raises:
        InputError: the request has another form.
        RequestTooLargeError: it is larger than the limits allow.
    """
    length = len(body)
    if json_length is not None:
        if not (json_length.isdecimal() and int(json_length) <= length):
            raise _refusal("Inference-Header-Content-Length", "a length within the body", json_length)
        length = int(json_length)
    content, binary = _json_object(body[:length]), memoryview(body)[length:]
    arrays = {}
    for tensor in _dictionaries(content, "inputs", "tensors with name, shape, datatype and data"):
        name = tensor.get("name")
        if not isinstance(name, str):
            raise _refusal("name of an input", "a string", name)
        arrays[name], binary = _tensor(name, tensor, binary)
    if not arrays:
        raise _refusal("inputs", "a list of one or more tensors", content.get("inputs"))
    parameters = _mapping(content, "parameters")
    signature = _signature(parameters.get("signature_name"), arrays, version)
    outputs = tuple(
        (str(output.get("name")), bool(_mapping(output, "parameters").get("binary_data")))
        for output in _dictionaries(content, "outputs", "the outputs to return, each with its name")
    )
    for name, _ in outputs:
        if name not in version.outputs[signature]:
            raise InputError(f"signature {signature!r} has no output {name!r:.100}")
    id, all_binary = content.get("id"), bool(parameters.get("binary_data_output"))
    return _checked(
        ParsedRequest(version, signature, arrays, "v2", id and str(id), outputs=outputs, binary=all_binary), limits
    )


def _refusal(name: str, allowed: str, value: Any) -> InputError:
    """Return the error for a part of a request. Of its value it shows only the beginning: a request can be long."""
    return InputError(f"`{name}` must be {allowed}. Received: {value!r:.100}")


def _json_object(body: bytes | memoryview) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the body must be JSON: {reason(error)}") from error
    if not isinstance(content, dict):
        raise InputError(f"the body must be a JSON object, not a {type(content).__name__}")
    return content


def _mapping(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise _refusal(key, "a JSON object", value)
    return value


def _dictionaries(content: Mapping[str, Any], key: str, items: str) -> list[dict[str, Any]]:
    values = content.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise _refusal(key, f"a list of {items}", values)
    return values


def _columns(instances: list[Any]) -> Any:
    """Return instances as a list for each input, if they name their inputs; else unchanged."""
    first = instances[0]
    if not isinstance(first, dict) or _is_file(first):
        return instances
    if not all(isinstance(instance, dict) and instance.keys() == first.keys() for instance in instances):
        raise InputError("all `instances` must have the same inputs")
    return {name: [instance[name] for instance in instances] for name in first}


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _is_list_of_files(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and _is_file(values[0])


def _signature(name: Any, inputs: Mapping[str, Any], version: Version, files: bool = False) -> str:
    if name is not None and not isinstance(name, str):
        raise _refusal("signature_name", "a string", name)
    if name is None and files and "serve_bytes" in version.inputs:
        return "serve_bytes"  # the only signature that takes files
    return version.signature_for(name, set(inputs))


def _array(name: str, value: Any) -> np.ndarray:
    """Return numbers in nested lists, or files in base64, as an array."""
    if _is_file(value) or _is_list_of_files(value):
        files = [value] if _is_file(value) else value
        if not all(map(_is_file, files)):
            raise InputError(f"the entries of `{name}` must all be files, {{'b64': …}}")
        return _objects([_base64_decoded(file["b64"]) for file in files])
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return _objects([text.encode("utf-8", "surrogatepass") for text in value])
    return _numbers(name, value)


def _objects(values: list[bytes]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _base64_decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise InputError(f"'b64' must hold base64: {reason(error)}") from error


def _numbers(name: str, value: Any, dtype: str | None = None) -> np.ndarray:
    try:
        array = np.array(value, dtype)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"`{name}` must hold numbers in lists of one length each: {reason(error)}") from error
    if array.dtype.kind not in "iufb":
        raise InputError(f"`{name}` must hold numbers in lists of one length each, or files as {{'b64': …}}")
    return array


def _tensor(name: str, tensor: dict[str, Any], binary: memoryview) -> tuple[np.ndarray, memoryview]:
    """Return a tensor of the V2 protocol, and the binary data that follow its own."""
    datatype, shape = tensor.get("datatype"), tensor.get("shape")
    if not isinstance(datatype, str) or datatype not in ("BYTES", *DATATYPES):
        raise _refusal(f"datatype of {name}", f"BYTES or one of {', '.join(DATATYPES)}", datatype)
    if not isinstance(shape, list) or not all(type(side) is int and 0 <= side < 2**31 for side in shape):
        raise _refusal(f"shape of {name}", "a list of non-negative integers", shape)
    parameters = _mapping(tensor, "parameters")
    size = parameters.get("binary_data_size")
    if size is not None:
        if type(size) is not int or not 0 <= size <= len(binary):
            raise _refusal(f"binary_data_size of {name}", "a length within the body", size)
        data, binary = binary[:size], binary[size:]
        array = _from_binary(name, datatype, data)
    elif datatype == "BYTES":
        array = _strings(name, tensor.get("data"), parameters.get("content_type") == "base64")
    else:
        array = _numbers(name, tensor.get("data"), DATATYPES[datatype])
    try:
        return array.reshape(shape), binary
    except ValueError as error:
        raise InputError(f"`{name}` of shape {tuple(shape)} does not have {array.size} values") from error


def _from_binary(name: str, datatype: str, data: memoryview) -> np.ndarray:
    if datatype != "BYTES":
        dtype = np.dtype(DATATYPES[datatype]).newbyteorder("<")
        if len(data) % dtype.itemsize:
            raise InputError(f"the {len(data)} bytes of `{name}` are not a whole number of {datatype} values")
        return np.frombuffer(data, dtype)
    values, at = [], 0
    while at < len(data):
        start = at + 4
        at = start + int.from_bytes(data[at:start], "little")
        if at > len(data) or start > len(data):
            raise InputError(f"the bytes of `{name}` must be values that each follow their length in four bytes")
        values.append(bytes(data[start:at]))
    return _objects(values)


def _strings(name: str, data: Any, is_base64: bool) -> np.ndarray:
    if not isinstance(data, list) or not all(isinstance(text, str) for text in data):
        raise _refusal(f"data of {name}", "a list of strings; files are binary, or in base64", data)
    return _objects([_base64_decoded(text) if is_base64 else text.encode("utf-8", "surrogatepass") for text in data])


def _checked(request: ParsedRequest, limits: Limits) -> ParsedRequest:
    """Refuse arrays that the signature does not take, before they reach TensorFlow."""
    specs = request.version.inputs[request.signature]
    if request.inputs.keys() != specs.keys():
        raise InputError(
            f"signature {request.signature!r} takes {', '.join(specs)}, not {', '.join(request.inputs)!r:.100}"
        )
    for name, array in request.inputs.items():
        spec, has_files = specs[name], array.dtype == object
        if has_files != (spec.dtype.name == "string"):
            raise InputError(f"`{name}` must hold {'numbers' if has_files else 'files, as base64 or bytes'}")
        if not spec.shape.is_compatible_with(array.shape):
            expected = ", ".join("batch" if side is None else str(side) for side in spec.shape)
            raise InputError(f"`{name}` must have the shape ({expected}). Received: {array.shape}")
        if len(array) > limits.max_batch:
            raise RequestTooLargeError(f"a request must hold at most {limits.max_batch} images. Received: {len(array)}")
        if has_files:
            check_pixels(array, limits)
        else:
            with np.errstate(over="ignore"):  # a number too large for float32 is refused as infinite
                request.inputs[name] = array.astype(spec.dtype.as_numpy_dtype)
    return request
