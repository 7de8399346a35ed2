"""Requests: from what was read of a body to the input arrays of a signature."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnzoo.errors import InputError
from cnnzoo.serving.server.json_body import MOST_AXES, RequestTooLargeError, dictionaries, mapping, objects, refusal
from cnnzoo.serving.server.limits import Limits
from cnnzoo.serving.server.version import DATATYPES, Spec, Version

# The V2 protocol's types as NumPy's, but for bfloat16, which NumPy lacks.
DTYPES = {datatype: np.dtype(name) for name, datatype in DATATYPES.items() if datatype != "BF16"}


@dataclasses.dataclass(frozen=True)
class ParsedRequest:
    """A request for the outputs of a signature.

    Attributes:
        version: the version of the model.
        signature: name of its signature.
        inputs: input arrays, by name.
        style: the form of the response: `"rows"`, a dictionary for every image, `"columns"`, a list for every output,
            or `"v2"`.
        outputs: name of each output to return, and whether it is to be binary.
        id: the request's own id, in V2.
    """

    version: Version
    signature: str
    inputs: dict[str, np.ndarray]
    style: str
    outputs: dict[str, bool]
    id: str | None = None

    @property
    def images(self) -> int:
        """Number of images."""
        return next((len(array) for array in self.inputs.values() if array.ndim), 1)

    @property
    def files(self) -> list[bytes]:
        """Its files."""
        return [file for array in self.inputs.values() if array.dtype == object for file in array.flat]


def parse_v1(content: dict[str, Any], version: Version, limits: Limits) -> ParsedRequest:
    """Return a request of TensorFlow Serving's REST protocol, which KServe calls V1.

    `{"signature_name": …, "instances": […]}` has an entry for every image: its pixels in nested lists, or
    `{"b64": …}` for a file, or a dictionary of inputs by name; `"inputs"` instead of `"instances"` has whole batches.

    Args:
        content: what `json_body.read` returns.
        version: the version of the model.
        limits: the most that a request may hold.

    Raises:
        InputError: the request has another form.
        RequestTooLargeError: it is larger than the limits allow.
    """
    arrays, name = content["inputs"], content["signature_name"]
    has_files = None in arrays and arrays[None].dtype == object
    if not name and has_files and "serve_bytes" in version.inputs:
        name = "serve_bytes"  # the only signature that takes files
    signature = version.signature_for(name, {name for name in arrays if name is not None})
    specs = version.inputs[signature]
    if None in arrays:
        if len(specs) != 1:
            raise InputError(f"signature {signature!r} takes several inputs; give each by its name")
        arrays = {next(iter(specs)): arrays[None]}
    _check_names(signature, arrays, specs)
    for name, array in arrays.items():
        _check_shape(name, array.shape, specs[name], limits)
    inputs = {name: _cast(name, array, specs[name].dtype) for name, array in arrays.items()}
    outputs = dict.fromkeys(version.outputs[signature], False)
    return ParsedRequest(version, signature, inputs, content["style"], outputs)


def parse_v2(content: dict[str, Any], binary: memoryview, version: Version, limits: Limits) -> ParsedRequest:
    """Return a request of the Open Inference Protocol, KServe's V2, with its extension for binary tensors.

    The signature is the one that takes inputs of these names, or `parameters.signature_name`.

    Args:
        content: what `json_body.read` returns.
        binary: what follows the JSON.
        version: the version of the model.
        limits: the most that a request may hold.

    Raises:
        InputError: the request has another form.
        RequestTooLargeError: it is larger than the limits allow.
    """
    tensors = _by_name(dictionaries(content, "inputs", "tensors"), "input")
    if not tensors:
        raise refusal("inputs", "a list of one or more tensors", content.get("inputs"))
    parameters = mapping(content, "parameters")
    signature = version.signature_for(_text(parameters, "signature_name"), set(tensors))
    specs = version.inputs[signature]
    _check_names(signature, tensors, specs)
    inputs = {}
    for name, tensor in tensors.items():
        array, binary = _tensor(name, tensor, binary, specs[name], limits)
        inputs[name] = _cast(name, array, specs[name].dtype)
    if binary:
        raise InputError(f"{len(binary)} bytes follow the binary data of the last input")
    all_binary = _flag(parameters, "binary_data_output")
    requested = _by_name(dictionaries(content, "outputs", "the outputs to return, each with its name"), "output")
    for name in requested.keys() - version.outputs[signature].keys():
        raise InputError(f"signature {signature!r} has no output {name!r:.100}")
    outputs = {
        name: _flag(_parameters(requested.get(name, {})), "binary_data", all_binary)
        for name in requested or version.outputs[signature]
    }
    return ParsedRequest(version, signature, inputs, "v2", outputs, _text(content, "id"))


def _by_name(entries: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    named: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = entry.get("name")
        if not isinstance(name, str):
            raise refusal(f"name of an {kind}", "a string", name)
        if name in named:
            raise InputError(f"{kind} {name!r:.100} is named twice")
        named[name] = entry
    return named


def _parameters(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a tensor; those of extensions that would change the answer are refused."""
    parameters = mapping(entry, "parameters")
    for name in ("classification", "shared_memory_region"):
        if name in parameters:
            raise InputError(f"this server has no extension for the parameter {name!r}")
    return parameters


def _flag(parameters: dict[str, Any], name: str, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise refusal(name, "true or false", value)
    return value


def _text(content: dict[str, Any], name: str) -> str | None:
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise refusal(name, "a string", value)
    return value


def _tensor(
    name: str, tensor: dict[str, Any], binary: memoryview, spec: Spec, limits: Limits
) -> tuple[np.ndarray, memoryview]:
    """Return a tensor of the V2 protocol, and the binary data that follow its own."""
    datatype: Any = tensor.get("datatype")
    shape: Any = tensor.get("shape")
    array: Any = tensor.get("data")
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise refusal(f"datatype of {name}", f"one of {', '.join(DTYPES)}", datatype)
    is_list = isinstance(shape, list) and len(shape) <= MOST_AXES
    if not is_list or not all(type(side) is int and 0 <= side < 2**31 for side in shape):
        raise refusal(f"shape of {name}", "a list of non-negative integers", shape)
    size = _parameters(tensor).get("binary_data_size")
    if (size is None) == (array is None):
        raise InputError(f"`{name}` must have either 'data' or the parameter 'binary_data_size'")
    values = math.prod(shape)
    if size is not None:
        _check_shape(name, shape, spec, limits)  # before as many are read
        if type(size) is not int or not 0 <= size <= len(binary):
            raise refusal(f"binary_data_size of {name}", "a length within the body", size)
        array, binary = _from_binary(name, datatype, binary[:size], values), binary[size:]
    if array.size != values:
        raise InputError(f"`{name}` of shape {_short(shape)} does not have {array.size} values")
    _check_shape(name, shape, spec, limits)
    return _cast(name, array.reshape(shape), DTYPES[datatype]), binary


def _from_binary(name: str, datatype: str, data: memoryview, values: int) -> np.ndarray:
    if datatype != "BYTES":
        dtype = DTYPES[datatype].newbyteorder("<")
        if len(data) % dtype.itemsize:
            raise InputError(f"the {len(data)} bytes of `{name}` are not a whole number of {datatype} values")
        return np.frombuffer(data, dtype)
    texts: list[bytes] = []
    at = 0
    while at < len(data) and len(texts) <= values:
        start = at + 4
        at = start + int.from_bytes(data[at:start], "little")
        if at > len(data) or start > len(data):
            raise InputError(f"the bytes of `{name}` must be values that each follow their length in four bytes")
        texts.append(bytes(data[start:at]))
    return objects(texts)


def _check_names(signature: str, given: dict[str, Any], specs: dict[str, Spec]) -> None:
    if given.keys() != specs.keys():
        raise InputError(f"signature {signature!r} takes {', '.join(specs)}, not {', '.join(given)!r:.100}")


def _check_shape(name: str, shape: Sequence[int], spec: Spec, limits: Limits) -> None:
    if not spec.takes(shape):
        expected = ", ".join("batch" if side is None else str(side) for side in spec.shape or ())
        raise InputError(f"`{name}` must have the shape ({expected}). Received: {_short(shape)}")
    if shape and shape[0] > limits.max_batch:
        raise RequestTooLargeError(f"a request must hold at most {limits.max_batch} images. Received: {shape[0]}")
    if 0 in shape:
        raise InputError(f"`{name}` must hold a batch of 1 or more. Received: {_short(shape)}")


def _short(shape: Sequence[int]) -> str:
    return f"{tuple(shape)!s:.100}"


def _cast(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return an array of another type, if that has all of its values; floats may be rounded."""
    if array.dtype == dtype:
        return array
    kinds = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}.get(dtype.kind, "")
    if array.dtype.kind not in kinds:
        wanted = {"f": "numbers", "O": "files, as base64 or bytes"}.get(dtype.kind, f"{dtype} values")
        raise InputError(f"`{name}` must hold {wanted}. Received: {DATATYPES.get(array.dtype.name)}")
    if dtype.kind in "iu" and array.size:
        least, most, range = array.min(), array.max(), np.iinfo(dtype)
        if least < range.min or most > range.max:
            raise InputError(f"`{name}` must hold {dtype} values. Received: {least} to {most}")
    with np.errstate(over="ignore"):  # a number too large for float32 is refused as infinite
        return array.astype(dtype)
