"""JSON bodies, read: what is large in them becomes arrays.

Python does nothing else while a body is parsed, and tens of megabytes of JSON take seconds. So a large one is read in a
process of its own, which gives its memory back as well. It runs this file, which therefore loads no TensorFlow.
"""

import base64
import binascii
import os
import pickle
import subprocess
import sys
from itertools import chain
from typing import Any

import numpy as np
import orjson
import psutil

from cnnzoo.errors import InputError, reason

MOST_AXES = 32  # of a tensor
APART = 100_000  # values; fewer take at most some hundredths of a second


class RequestTooLargeError(InputError):
    """A request is larger than the limits allow, or asks for more."""


def count_values(text: bytes | bytearray) -> int:
    """Return how many values JSON may have, and names of values: each but the outermost follows one of these signs.

    Example:
    >>> count_values(b'{"instances": [[1, 2], [3, 4]]}')
    8
    """
    return sum(map(text.count, (b"[", b"{", b",", b":")))


def read_apart(text: bytes | bytearray, protocol: str) -> dict[str, Any]:
    """Return what `read` does, from a process of its own.

    Raises:
        InputError: as in `read`.
        RequestTooLargeError: the process died, most likely for lack of memory.
    """
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", __file__, protocol]
    ended = subprocess.run(command, input=text, stdout=subprocess.PIPE, env=os.environ | path, check=False)  # noqa: S603
    if ended.returncode:
        raise RequestTooLargeError("the JSON of this request is too large to be read")
    content = pickle.loads(ended.stdout)  # noqa: S301 - from `_main` below
    if isinstance(content, InputError):
        raise content
    return content


def read(text: bytes | bytearray, protocol: str) -> dict[str, Any]:
    """Return the JSON object of a request, with arrays for its tensors.

    Args:
        text: the JSON.
        protocol: `"v1"`, whose result has `style`, `"rows"` or `"columns"`, and `inputs`, arrays by name, the name
            `None` standing for the only input; or `"v2"`, whose tensors each have an array as `data`.

    Raises:
        InputError: it is no JSON, or its tensors are none.
    """
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the body must be JSON: {reason(error)}") from error
    if not isinstance(content, dict):
        raise InputError(f"the body must be a JSON object, not a {type(content).__name__}")
    return _read_v1(content) if protocol == "v1" else _read_v2(content)


def refusal(name: str, allowed: str, value: Any) -> InputError:
    """Return the error for a part of a request. Of its value it shows only the beginning: a request can be long."""
    return InputError(f"`{name}` must be {allowed}. Received: {value!r:.100}")


def _read_v1(content: dict[str, Any]) -> dict[str, Any]:
    keys = [key for key in ("instances", "inputs") if key in content]
    if len(keys) != 1:
        raise InputError("a request must have either 'instances', a list with an entry for every image, or 'inputs'")
    values, by_rows = content[keys[0]], keys == ["instances"]
    if by_rows:
        if not isinstance(values, list) or not values:
            raise refusal("instances", "a list with an entry for every image, of one or more", values)
        values = _columns(values)
    named = isinstance(values, dict) and not _is_file(values)
    inputs = {name: _array(name, value) for name, value in values.items()} if named else {None: _array(keys[0], values)}
    name = content.get("signature_name")
    if name is not None and not isinstance(name, str):
        raise refusal("signature_name", "a string", name)
    return {"signature_name": name, "style": "rows" if by_rows else "columns", "inputs": inputs}


def _read_v2(content: dict[str, Any]) -> dict[str, Any]:
    for tensor in dictionaries(content, "inputs", "tensors with name, shape, datatype and data"):
        if tensor.get("data") is not None:
            name = tensor.get("name")
            is_text, parameters = tensor.get("datatype") == "BYTES", mapping(tensor, "parameters")
            is_base64 = parameters.get("content_type") == "base64"
            tensor["data"] = _texts(name, tensor["data"], is_base64) if is_text else _numbers(name, tensor["data"])
    return content


def mapping(content: dict[str, Any], key: str) -> dict[str, Any]:
    """Return an object in a JSON object, empty if it is not there."""
    value = content.get(key)
    if value is not None and not isinstance(value, dict):
        raise refusal(key, "a JSON object", value)
    return value or {}


def dictionaries(content: dict[str, Any], key: str, items: str) -> list[dict[str, Any]]:
    """Return a list of objects in a JSON object, empty if it is not there."""
    values = content.get(key)
    if values is not None and not (isinstance(values, list) and all(isinstance(value, dict) for value in values)):
        raise refusal(key, f"a list of {items}", values)
    return values or []


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


def _array(name: str, value: Any) -> np.ndarray:
    """Return numbers in nested lists, texts in a list, or files in base64, as an array."""
    if _is_file(value):
        return objects([_base64_decoded(value["b64"])]).reshape(())  # as TensorFlow Serving: one file is no batch
    if isinstance(value, list) and value and _is_file(value[0]):
        if not all(map(_is_file, value)):
            raise InputError(f"the entries of `{name:.100}` must all be files, {{'b64': …}}")
        return objects([_base64_decoded(file["b64"]) for file in value])
    if isinstance(value, list) and value and isinstance(value[0], str):
        return _texts(name, value, is_base64=False)
    return _numbers(name, value)


def objects(values: list[bytes]) -> np.ndarray:
    """Return an array of bytes of any lengths."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _base64_decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise InputError(f"'b64' must hold base64: {reason(error)}") from error


def _numbers(name: Any, value: Any) -> np.ndarray:
    """Return numbers, or truth values, in lists of one length each. NumPy alone would read "1" as a number, too."""
    shape: list[int] = []
    flat, types = [value], {type(value)}
    while types == {list} and len(shape) < MOST_AXES:
        lengths = set(map(len, flat))
        if len(lengths) > 1:
            break
        shape += lengths
        flat = list(chain.from_iterable(flat))
        types = set(map(type, flat))
    if types <= {int, float} or types == {bool}:
        array = np.array(flat)
        if array.dtype != object:  # as integers that are too long for any type would be
            return array.reshape(shape)
    raise InputError(f"`{name!s:.100}` must hold numbers in lists of one length each, or files as {{'b64': …}}")


def _texts(name: Any, data: Any, is_base64: bool) -> np.ndarray:
    if not isinstance(data, list) or not all(isinstance(text, str) for text in data):
        raise refusal(f"data of {name!s:.100}", "a list of strings; files are binary, or in base64", data)
    return objects([_base64_decoded(text) if is_base64 else text.encode("utf-8", "surrogatepass") for text in data])


def _main() -> None:
    # Clients with small requests go first.
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    elif hasattr(os, "nice"):
        os.nice(10)
    try:
        content: Any = read(sys.stdin.buffer.read(), sys.argv[1])
    except InputError as error:
        content = error
    pickle.dump(content, sys.stdout.buffer)


if __name__ == "__main__":
    _main()
