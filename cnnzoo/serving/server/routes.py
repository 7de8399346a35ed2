"""The routes: TensorFlow Serving's REST protocol and the Open Inference Protocol, with versions, health and metrics."""

import asyncio
import re
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import prometheus_client
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from cnnzoo.errors import InputError
from cnnzoo.serving.server.batching import Batcher
from cnnzoo.serving.server.json_body import APART, RequestTooLargeError, count_values, read, read_apart
from cnnzoo.serving.server.limits import JPEG, Limits, check_pixels
from cnnzoo.serving.server.memory_budget import MemoryBudget, MemoryBudgetMiddleware, Reservation
from cnnzoo.serving.server.repository import Repository, ServedModel
from cnnzoo.serving.server.requests import ParsedRequest, parse_v1, parse_v2
from cnnzoo.serving.server.responses import Outputs, check_expected_size, check_size, v1_response, v2_response
from cnnzoo.serving.server.version import DATATYPES, Spec, Version
from cnnzoo.versions import version_of

VERSION = str(version_of("cnnzoo"))
JSON_LENGTH = "inference-header-content-length"
READ_FACTOR = 8  # a body that is too long is read up to so many times the limit
SMALL = 2**16  # bytes that are read and written at once
LONGEST_MESSAGE = 1000  # letters of an error


def application(repository: Repository, batcher: Batcher, limits: Limits) -> FastAPI:
    """Return the application over a repository.

    Args:
        repository: the models.
        batcher: computes the requests.
        limits: how much a request may hold.
    """
    app = FastAPI(title="cnnzoo serve", version=VERSION, docs_url=None, redoc_url=None)
    endpoints = _Endpoints(repository, batcher, limits)
    for version in ("", "/versions/{number}"):
        v1, v2 = f"/v1/models/{{name}}{version}", f"/v2/models/{{name}}{version}"
        app.add_api_route(f"{v1}:predict", endpoints.predict, methods=["POST"])
        app.add_api_route(f"{v1}:classify", endpoints.classify, methods=["POST"])
        app.add_api_route(f"{v1}:regress", endpoints.classify, methods=["POST"])
        app.add_api_route(f"{v1}/metadata", endpoints.metadata_v1, methods=["GET"])
        app.add_api_route(v1, endpoints.status, methods=["GET"])
        app.add_api_route(f"{v2}/infer", endpoints.infer, methods=["POST"])
        app.add_api_route(f"{v2}/ready", endpoints.ready, methods=["GET"])
        app.add_api_route(v2, endpoints.metadata_v2, methods=["GET"])
    for path in ("/v1/models", "/v2/models"):
        app.add_api_route(path, endpoints.models, methods=["GET"])
    app.add_api_route("/v2/health/ready", endpoints.all_ready, methods=["GET"])
    app.add_api_route("/v2/health/live", _live, methods=["GET"])
    app.add_api_route("/v2", _metadata, methods=["GET"])
    app.add_api_route("/metrics", endpoints.metrics, methods=["GET"])
    app.add_api_route("/", _alive, methods=["GET"])
    for path in (
        "/v1/models/{name}:explain",
        "/v2/repository/models/{name}/load",
        "/v2/repository/models/{name}/unload",
    ):
        app.add_api_route(path, _unsupported, methods=["POST"])
    app.add_middleware(MemoryBudgetMiddleware, budget=MemoryBudget(limits.max_held))
    for error in (InputError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(error, _error_response)
    return app


class _Endpoints:
    """The functions of the routes, which share the repository and the limits."""

    def __init__(self, repository: Repository, batcher: Batcher, limits: Limits):
        self._repository = repository
        self._batcher = batcher
        self._limits = limits
        self._metrics = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._metrics)
        prometheus_client.GCCollector(registry=self._metrics)
        self._seconds = {
            step: prometheus_client.Histogram(
                f"request_{step}_seconds", f"Seconds to {step} a request.", ["model_name"], registry=self._metrics
            )
            for step in ("preprocess", "predict", "postprocess")
        }
        # Threads of their own, one each: those that compute may be busy for seconds, and a reading process may be, too.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._apart = ThreadPoolExecutor(1, thread_name_prefix="read apart")

    async def predict(self, request: Request, name: str, number: str | None = None) -> Response:
        _, version = self._version(name, number)
        body = await self._body(request)
        parsed, outputs = await self._computed(
            request.scope["reservation"],
            name,
            len(body),
            body,
            "v1",
            lambda content: parse_v1(content, version, self._limits),
        )
        with self._seconds["postprocess"].labels(name).time():
            return _json_bytes(await self._in_thread(_size(outputs) > SMALL, v1_response, parsed, outputs))

    async def infer(self, request: Request, name: str, number: str | None = None) -> Response:
        _, version = self._version(name, number)
        body = await self._body(request)
        length = _json_length(request, len(body))
        text, binary = body if length == len(body) else body[:length], memoryview(body)[length:]
        parsed, outputs = await self._computed(
            request.scope["reservation"],
            name,
            len(body),
            text,
            "v2",
            lambda content: parse_v2(content, binary, version, self._limits),
        )
        with self._seconds["postprocess"].labels(name).time():
            answer, json_length = await self._in_thread(_size(outputs) > SMALL, v2_response, parsed, name, outputs)
        if json_length is None:
            return _json_bytes(answer)
        return Response(answer, media_type="application/octet-stream", headers={JSON_LENGTH: str(json_length)})

    async def _computed(
        self,
        reservation: Reservation,
        name: str,
        size: int,
        text: bytearray,
        protocol: str,
        parse: Callable[[dict[str, Any]], ParsedRequest],
    ) -> tuple[ParsedRequest, Outputs]:
        """Return a request, read and within all limits, and its outputs."""
        with self._seconds["preprocess"].labels(name).time():
            content = await self._read(text, protocol)
            parsed = await self._in_thread(size > SMALL, parse, content)
            expected = check_expected_size(parsed, self._limits)
            reservation.reserve(expected)
            files = parsed.files
            jpegs = sum(file.startswith(JPEG) for file in files)  # each takes the decoder a tenth of a millisecond
            await self._in_thread(jpegs > 2, check_pixels, files, self._limits)
        with self._seconds["predict"].labels(name).time():
            outputs = await self._batcher.predict(parsed)
        reservation.reserve(max(0, check_size(parsed, outputs, self._limits) - expected))
        return parsed, outputs

    async def _body(self, request: Request) -> bytearray:
        """Return the body of a request. Of one that is too long no more is kept than the limit.

        It is read to its end all the same, as most clients read the answer only then; one of more than `READ_FACTOR`
        times the limit is cut off.
        """
        body, length, limit = bytearray(), 0, self._limits.max_body
        reservation, refusal = request.scope["reservation"], None
        async for part in request.stream():
            length += len(part)
            if length <= limit and refusal is None:
                try:
                    reservation.reserve(len(part))
                    body += part
                except HTTPException as error:
                    refusal, body = error, bytearray()
                    reservation.release()
            elif length > READ_FACTOR * limit:
                break
        if refusal is not None:
            raise refusal
        encoding = request.headers.get("content-encoding", "identity").lower()
        if length <= limit and encoding != "identity":
            if encoding not in ("gzip", "deflate"):
                message = f"the body must be plain, or compressed by gzip or deflate, not {encoding!r:.100}"
                raise HTTPException(415, message)
            body = await self._in_thread(True, _decompressed, body, limit)
            reservation.reserve(max(0, len(body) - length))
            length = len(body)
        if length > limit:
            message = f"the body of a request must have at most {limit} bytes, and this one is longer"
            raise HTTPException(413, message, headers={"connection": "close"})
        return body

    async def _read(self, text: bytearray, protocol: str) -> dict[str, Any]:
        """Return what `json_body.read` does; how long that may take decides where it is done."""
        values = await self._in_thread(len(text) > SMALL, count_values, text)
        if values > self._limits.max_values:
            raise RequestTooLargeError(
                f"the JSON of a request must have at most {self._limits.max_values} values, and this one has about "
                f"{values}; send files or binary tensors"
            )
        if values > APART:
            return await asyncio.get_running_loop().run_in_executor(self._apart, read_apart, text, protocol)
        return await self._in_thread(len(text) > SMALL, read, text, protocol)

    async def _in_thread(self, is_long: bool, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function: in a thread if it may take long, else at once, which takes less time than another thread."""
        if not is_long:
            return function(*args)
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def classify(self, name: str, number: str | None = None) -> Response:
        self._version(name, number)
        raise HTTPException(400, f"the signatures of model {name!r} are for :predict, not :classify or :regress")

    async def models(self) -> Response:
        return _json({"models": sorted(self._repository.models)})

    async def status(self, name: str, number: str | None = None) -> Response:
        model = self._model(name)
        states = dict.fromkeys(model.versions, ("AVAILABLE", "OK", ""))
        states |= {version: ("END", "INVALID_ARGUMENT", error) for version, error in model.errors.items()}
        statuses = [
            {"version": str(version), "state": state, "status": {"error_code": code, "error_message": error}}
            for version, (state, code, error) in sorted(states.items(), reverse=True)
            if number in (None, str(version))
        ]
        if number is not None and not statuses:
            raise self._no_version(model, number)
        return _json({"name": name, "ready": bool(model.versions), "model_version_status": statuses})

    async def all_ready(self) -> Response:
        ready = all(model.versions for model in self._repository.models.values())
        return _json({"ready": ready}, 200 if ready else 503)

    async def ready(self, name: str, number: str | None = None) -> Response:
        self._version(name, number)
        return _json({"name": name, "ready": True})

    async def metadata_v1(self, name: str, number: str | None = None) -> Response:
        _, version = self._version(name, number)
        spec = {"name": name, "signature_name": "", "version": str(version.number)}
        return _json({"model_spec": spec, "metadata": {"signature_def": {"signature_def": version.signature_def}}})

    async def metadata_v2(self, name: str, number: str | None = None) -> Response:
        model, version = self._version(name, number)
        signature = version.signature_for(None, set())
        tensors = {
            key: [_described(tensor, spec) for tensor, spec in specs[signature].items()]
            for key, specs in (("inputs", version.inputs), ("outputs", version.outputs))
        }
        versions = [str(number) for number in sorted(model.versions)]
        return _json({"name": name, "versions": versions, "platform": "tensorflow_savedmodel", **tensors})

    async def metrics(self) -> Response:
        text = prometheus_client.generate_latest(self._metrics)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    def _model(self, name: str) -> ServedModel:
        models = self._repository.models
        if name not in models:
            names = ", ".join(sorted(models)) or "none"
            raise HTTPException(404, f"there is no model {name!r:.100}; the models are {names}")
        return models[name]

    def _version(self, name: str, number: str | None) -> tuple[ServedModel, Version]:
        model = self._model(name)
        versions = model.versions  # read once, as it may be replaced meanwhile
        for version in sorted(versions, reverse=True):
            if number in (None, str(version)):
                return model, versions[version]
        raise self._no_version(model, number)

    def _no_version(self, model: ServedModel, number: str | None) -> HTTPException:
        if not model.versions:
            return HTTPException(404, f"no version of model {model.name!r} could be loaded")
        numbers = ", ".join(map(str, sorted(model.versions)))
        return HTTPException(404, f"model {model.name!r} has no version {number!r:.100}; the versions are {numbers}")


def _size(outputs: Outputs) -> int:
    return sum(value.nbytes for value in outputs.values())


def _json_length(request: Request, body_length: int) -> int:
    """Return the length of the JSON of a body, which binary tensors may follow."""
    stated = request.headers.get(JSON_LENGTH)
    if stated is None:
        return body_length
    if not re.fullmatch("[0-9]{1,18}", stated) or int(stated) > body_length:
        raise InputError(f"`{JSON_LENGTH}` must be a length within the body. Received: {stated!r:.100}")
    return int(stated)


def _decompressed(body: bytearray, limit: int) -> bytearray:
    """Return a body unpacked, or a byte more of it than the limit."""
    unpacker = zlib.decompressobj(32 + zlib.MAX_WBITS)  # gzip or deflate, as its header says
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise InputError(f"the body cannot be unpacked: {error}") from error
    if len(content) <= limit and (not unpacker.eof or unpacker.unused_data):
        raise InputError("the body cannot be unpacked: it must be one complete stream")
    return bytearray(content)


def _described(name: str, spec: Spec) -> dict[str, Any]:
    sides = [-1 if side is None else side for side in spec.shape or ()]
    return {"name": name, "datatype": DATATYPES.get(spec.dtype.name, "BYTES"), "shape": sides}


def _json(content: Any, status: int = 200, headers: Any = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def _json_bytes(content: bytes) -> Response:
    return Response(content, media_type="application/json")


async def _error_response(request: Request, error: Exception) -> Response:
    """Return a JSON error, as both protocols have it. Of what a client sent it shows only the beginning."""
    status, message = 500, "the server failed; its log says more"
    if isinstance(error, InputError):
        status, message = 413 if isinstance(error, RequestTooLargeError) else 400, str(error)
    elif isinstance(error, HTTPException):
        status, message = error.status_code, str(error.detail)
    elif isinstance(error, ClientDisconnect):
        status, message = 400, "the connection was closed"  # nobody reads it
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[:LONGEST_MESSAGE]}…"
    return _json({"error": message}, status, getattr(error, "headers", None))


async def _live() -> Response:
    return _json({"live": True})


async def _alive() -> Response:
    return _json({"status": "alive"})


async def _metadata() -> Response:
    return _json({"name": "cnnzoo", "version": VERSION, "extensions": ["binary_tensor_data"]})


async def _unsupported(name: str) -> Response:
    raise HTTPException(404, "this server supports neither explain nor load and unload: it serves its folder")
