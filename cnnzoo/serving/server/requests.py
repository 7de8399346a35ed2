"""What a request asks: from bytes of JSON, or of JSON and tensors, to arrays for a signature."""

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from cnnzoo.errors import InputError, reason
from cnnzoo.serving.server.limits import Limits, TooMuchError, check_pixels
from cnnzoo.serving.server.version import Version

# The V2 protocol's names of types that images and codes may come in.
DATATYPES = {
    "FP64": "float64", "FP32": "float32", "FP16": "float16", "BOOL": "bool",
    **{f"{sign}INT{bits}": f"{sign.lower()}int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Question:
    """A request that was understood.

    Attributes:
        version: which version is asked.
        signature: which of its signatures.
        inputs: its arrays, by name.
        style: how it is answered: `"rows"`, a dictionary for every image, `"columns"`, a list for every output, or
            `"v2"`.
        id: the request's own, of V2.
        outputs: the outputs that V2 asks for, each with whether it is to be binary; empty for all of them.
        binary: whether all outputs are to be binary.
    """

    version: Version
    signature: str
    inputs: dict[str, np.ndarray]
    style: str
    id: str | None = None
    outputs: tuple[tuple[str, bool], ...] = ()
    binary: bool = False


def parsed_v1(body: bytes, version: Version, limits: Limits) -> Question:
    """Read a request of TensorFlow Serving's REST protocol, which KServe calls V1.

    `{"signature_name": …, "instances": […]}` has an entry for every image: its pixels in nested lists, or
    `{"b64": …}` for a file, or a dictionary of inputs by name; `"inputs"` in its place has whole batches.

    Raises:
        InputError: anything else.
        TooMuchError: more than the limits allow.
    """
    content = _object(body)
    given = [key for key in ("instances", "inputs") if key in content]
    if len(given) != 1:
        raise InputError("a request must have either 'instances', a list with an entry for every image, or 'inputs'")
    values = content[given[0]]
    if given == ["instances"]:
        if not isinstance(values, list) or not values:
            raise InputError("instances must be a list with an entry for every image, of one or more")
        values = _columns(values)
    named = values if isinstance(values, dict) and not _is_file(values) else None
    signature = _signature(content.get("signature_name"), named or {}, version, _of_files(values))
    if named is None:
        if len(version.inputs[signature]) != 1:
            raise InputError(f"signature {signature!r} takes several inputs; give each by its name")
        named = {next(iter(version.inputs[signature])): values}
    arrays = {name: _array(name, value) for name, value in named.items()}
    return _checked(Question(version, signature, arrays, "rows" if given == ["instances"] else "columns"), limits)


def parsed_v2(body: bytes, json_length: str | None, version: Version, limits: Limits) -> Question:
    """Read a request of the Open Inference Protocol, KServe's V2, with its extension for binary tensors.

    The signature is the one that takes inputs of these names, or `parameters.signature_name`.

    Args:
        body: the body; with binary tensors, they follow the JSON.
        json_length: the header `Inference-Header-Content-Length`, the length of the JSON, if there is one.
        version: which version is asked.
        limits: how much a request may hold.

    Raises:
        InputError: it is not of that form.
        TooMuchError: more than the limits allow.
    """
    length = len(body)
    if json_length is not None:
        if not (json_length.isdecimal() and int(json_length) <= length):
            raise InputError(f"Inference-Header-Content-Length must be a length within the body, not {json_length!r}")
        length = int(json_length)
    content, rest = _object(body[:length]), memoryview(body)[length:]
    inputs = content.get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(of, dict) for of in inputs):
        raise InputError("a request must have 'inputs', a list of tensors with name, shape, datatype and data")
    arrays = {}
    for tensor in inputs:
        name = tensor.get("name")
        if not isinstance(name, str):
            raise InputError(f"the name of an input must be a text, not {name!r:.100}")
        arrays[name], rest = _tensor(name, tensor, rest)
    parameters = _mapping(content, "parameters")
    signature = _signature(parameters.get("signature_name"), arrays, version)
    outputs = content.get("outputs") or []
    if not isinstance(outputs, list) or not all(isinstance(of, dict) for of in outputs):
        raise InputError("outputs must be a list of the outputs to return, each with its name")
    wanted = tuple((str(of.get("name")), bool(_mapping(of, "parameters").get("binary_data"))) for of in outputs)
    for name, _ in wanted:
        if name not in version.outputs[signature]:
            raise InputError(f"signature {signature!r} has no output {name!r:.100}")
    binary = bool(parameters.get("binary_data_output"))
    identity = content.get("id")
    question = Question(version, signature, arrays, "v2", id=identity and str(identity), outputs=wanted, binary=binary)
    return _checked(question, limits)


def _object(body: bytes | memoryview) -> dict[str, Any]:
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
        raise InputError(f"{key} must be a JSON object, not a {type(value).__name__}")
    return value


def _columns(instances: list[Any]) -> Any:
    """Return instances as a list for each input, if they name their inputs, else as they are."""
    first = instances[0]
    if not isinstance(first, dict) or _is_file(first):
        return instances
    if not all(isinstance(of, dict) and of.keys() == first.keys() for of in instances):
        raise InputError("all instances must have the same inputs")
    return {name: [of[name] for of in instances] for name in first}


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _of_files(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and _is_file(values[0])


def _signature(name: Any, inputs: Mapping[str, Any], version: Version, files: bool = False) -> str:
    if name is not None and not isinstance(name, str):
        raise InputError(f"signature_name must be a text, not a {type(name).__name__}")
    if name is None and files and "serve_bytes" in version.inputs:
        return "serve_bytes"  # what else could files be meant for
    return version.signature_for(name, set(inputs))


def _array(name: str, value: Any) -> np.ndarray:
    """Return numbers in nested lists, or files in base64, as an array."""
    if _is_file(value) or _of_files(value):
        files = [value] if _is_file(value) else value
        if not all(map(_is_file, files)):
            raise InputError(f"the entries of {name} must all be files, {{'b64': …}}")
        return _objects([_decoded(file["b64"]) for file in files])
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return _objects([text.encode("utf-8", "surrogatepass") for text in value])
    return _numbers(name, value)


def _objects(values: list[bytes]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise InputError(f"'b64' must hold base64: {reason(error)}") from error


def _numbers(name: str, value: Any, dtype: str | None = None) -> np.ndarray:
    try:
        array = np.array(value, dtype)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{name} must hold numbers in lists of one length each: {reason(error)}") from error
    if array.dtype.kind not in "iufb":
        raise InputError(f"{name} must hold numbers in lists of one length each, or files as {{'b64': …}}")
    return array


def _tensor(name: str, tensor: dict[str, Any], rest: memoryview) -> tuple[np.ndarray, memoryview]:
    """Return a tensor of the V2 protocol, and the binary data that follow its own."""
    datatype, shape = tensor.get("datatype"), tensor.get("shape")
    if datatype != "BYTES" and (not isinstance(datatype, str) or datatype not in DATATYPES):
        raise InputError(
            f"the datatype of {name} must be BYTES or one of {', '.join(DATATYPES)}, not {datatype!r:.100}"
        )
    if not isinstance(shape, list) or not all(type(side) is int and 0 <= side < 2**31 for side in shape):
        raise InputError(f"the shape of {name} must be a list of lengths, not {shape!r:.100}")
    parameters = _mapping(tensor, "parameters")
    size = parameters.get("binary_data_size")
    if size is not None:
        if type(size) is not int or not 0 <= size <= len(rest):
            raise InputError(f"binary_data_size of {name} must be a length within the body, not {size!r:.100}")
        data, rest = rest[:size], rest[size:]
        array = _from_bytes(name, datatype, data)
    elif datatype == "BYTES":
        array = _texts(name, tensor.get("data"), parameters.get("content_type") == "base64")
    else:
        array = _numbers(name, tensor.get("data"), DATATYPES[datatype])
    try:
        return array.reshape(shape), rest
    except ValueError as error:
        raise InputError(f"{name} of shape {tuple(shape)} does not have {array.size} values") from error


def _from_bytes(name: str, datatype: str, data: memoryview) -> np.ndarray:
    if datatype != "BYTES":
        dtype = np.dtype(DATATYPES[datatype]).newbyteorder("<")
        if len(data) % dtype.itemsize:
            raise InputError(f"{len(data)} bytes of {name} are no whole number of {datatype}")
        return np.frombuffer(data, dtype)
    values, at = [], 0
    while at < len(data):
        start = at + 4
        at = start + int.from_bytes(data[at:start], "little")
        if at > len(data) or start > len(data):
            raise InputError(f"the bytes of {name} must be values that each follow their length in four bytes")
        values.append(bytes(data[start:at]))
    return _objects(values)


def _texts(name: str, data: Any, encoded: bool) -> np.ndarray:
    if not isinstance(data, list) or not all(isinstance(text, str) for text in data):
        raise InputError(f"the data of {name} must be a list of texts; files come binary, or in base64")
    return _objects([_decoded(text) if encoded else text.encode("utf-8", "surrogatepass") for text in data])


def _checked(question: Question, limits: Limits) -> Question:
    """Refuse arrays that the signature does not take, before they reach TensorFlow."""
    specs = question.version.inputs[question.signature]
    if question.inputs.keys() != specs.keys():
        raise InputError(
            f"signature {question.signature!r} takes {', '.join(specs)}, not {', '.join(question.inputs)!r:.100}"
        )
    for name, array in question.inputs.items():
        spec, files = specs[name], question.inputs[name].dtype == object
        if files != (spec.dtype.name == "string"):
            raise InputError(f"{name} must hold {'numbers' if files else 'files, as base64 or bytes'}")
        if not spec.shape.is_compatible_with(array.shape):
            expected = ", ".join("batch" if side is None else str(side) for side in spec.shape)
            raise InputError(f"{name} must have the shape ({expected}), not {array.shape}")
        if len(array) > limits.batch:
            raise TooMuchError(f"a request must hold at most {limits.batch} images, not {len(array)}")
        if files:
            check_pixels(array, limits)
        else:
            with np.errstate(over="ignore"):  # what is too large for float32 is refused as infinite
                question.inputs[name] = array.astype(spec.dtype.as_numpy_dtype)
    return question
