"""Answers: from a signature's outputs to the bytes of either protocol."""

import base64
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from cnnzoo.errors import InputError
from cnnzoo.serving.server.json_body import RequestTooLargeError
from cnnzoo.serving.server.limits import Limits
from cnnzoo.serving.server.requests import ParsedRequest
from cnnzoo.serving.server.version import DATATYPES

Outputs = dict[str, np.ndarray]

PIECE = 50_000  # numbers that are written at a time: a millisecond or two, in which Python does nothing else


def check_expected_size(request: ParsedRequest, limits: Limits) -> int:
    """Return the bytes of a request's answer, as far as the shapes of its outputs tell, and refuse too large a one.

    Raises:
        RequestTooLargeError: the message says how large.
    """
    specs = request.version.outputs[request.signature]
    total = 0
    for name, binary in request.outputs.items():
        spec = specs[name]
        if spec.shape and spec.dtype != object:
            values = math.prod(request.images if side is None else side for side in spec.shape[:1])
            total += values * math.prod(side or 1 for side in spec.shape[1:]) * _bytes_of(spec.dtype, binary)
    _check_size(total, limits)
    return total


def check_size(request: ParsedRequest, outputs: Outputs, limits: Limits) -> int:
    """Return the bytes of an answer, and refuse too large a one: texts and open sides are known once it is computed.

    Raises:
        RequestTooLargeError: the message says how large.
    """
    total = 0
    for name, binary in request.outputs.items():
        value = outputs[name]
        is_text = value.dtype == object
        total += sum(map(len, value.flat)) if is_text else value.size * _bytes_of(value.dtype, binary)
    _check_size(total, limits)
    return total


def _bytes_of(dtype: np.dtype, binary: bool) -> int:
    """Return the bytes of a number, at most: in JSON with a comma and a list of its own."""
    return dtype.itemsize if binary else 18 if dtype.itemsize <= 4 else 28


def _check_size(total: int, limits: Limits) -> None:
    if total > limits.max_response:
        raise RequestTooLargeError(
            f"the answer must have at most {limits.max_response} bytes, and would have about {total}; ask for fewer "
            "images or outputs, or for binary ones"
        )


def v1_response(request: ParsedRequest, outputs: Outputs) -> bytes:
    """Return an answer of TensorFlow Serving's REST protocol. As there, a single output has no name.

    Raises:
        InputError: the answer is asked for by rows, and an output has none.
    """
    plain = {name: _texts(name, value) for name, value in outputs.items()}
    single = next(iter(plain)) if len(plain) == 1 else None
    if request.style == "columns":
        columns = [(name, _list(value) if np.ndim(value) else _dumps(value)) for name, value in plain.items()]
        if single is not None:
            return b'{"outputs":%s}' % columns[0][1]
        return b'{"outputs":{%s}}' % b",".join(b"%s:%s" % (_dumps(name), column) for name, column in columns)
    for name, value in outputs.items():
        if value.shape[:1] != (request.images,):
            raise InputError(f"output {name!r} has no entry for each image; ask for it by 'inputs', not 'instances'")
    if single is not None:
        return b'{"predictions":%s}' % _list(plain[single])
    return b'{"predictions":%s}' % _list(
        dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)
    )


def v2_response(request: ParsedRequest, model: str, outputs: Outputs) -> tuple[bytes, int | None]:
    """Return an answer of the Open Inference Protocol, and the length of its JSON if binary data follow it."""
    binary, entries = [], []
    for name, is_binary in request.outputs.items():
        value = outputs[name]
        entry: dict[str, Any] = {"name": name, "datatype": DATATYPES[value.dtype.name], "shape": value.shape}
        if is_binary:
            binary.append(_binary(value))
            entry["parameters"] = {"binary_data_size": len(binary[-1])}
            entries.append(_dumps(entry))
        else:
            flat = _texts("", value.ravel())
            parts = [_dumps(flat[at : at + PIECE])[1:-1] for at in range(0, len(flat), PIECE)]
            entries.append(b'%s,"data":[%s]}' % (_dumps(entry)[:-1], b",".join(parts)))
    head = {"model_name": model, "model_version": str(request.version.number)}
    if request.id is not None:
        head["id"] = request.id
    text = b'%s,"outputs":[%s]}' % (_dumps(head)[:-1], b",".join(entries))
    return b"".join([text, *binary]), len(text) if binary else None


def _list(rows: Iterable[Any]) -> bytes:
    # Written one by one, so that other threads get their turn.
    return b"[%s]" % b",".join([_dumps(row) for row in rows])


def _dumps(value: Any) -> bytes:
    return orjson.dumps(value, default=_to_list, option=orjson.OPT_SERIALIZE_NUMPY)


def _to_list(value: Any) -> Any:
    """Return an array of a type that orjson does not know, such as bfloat16."""
    return value.astype("float64").tolist()


def _texts(name: str, value: np.ndarray) -> Any:
    """Return an array, or texts in nested lists; as in TensorFlow Serving, `…_bytes` are no texts."""
    if value.dtype != object:
        return value

    def text(content: bytes) -> Any:
        return (
            {"b64": base64.b64encode(content).decode()} if name.endswith("_bytes") else content.decode(errors="replace")
        )

    return np.vectorize(text, otypes=[object])(value).tolist()


def _binary(value: np.ndarray) -> bytes:
    if value.dtype != object:
        return value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()
    return b"".join(len(text).to_bytes(4, "little") + text for text in value.flat)
