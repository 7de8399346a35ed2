"""The routes of the server: TensorFlow Serving's REST protocol and the Open Inference Protocol, with versions.

KServe's own routes have no versions and no binary files, and let anybody unload a model; these take precedence.
"""

from collections.abc import Callable
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from kserve.protocol.infer_type import InferResponse
from kserve.utils.numpy_codec import from_np_dtype
from starlette.exceptions import HTTPException

from cnnzoo.errors import InputError
from cnnzoo.serving.server.limits import Limits, RequestTooLargeError
from cnnzoo.serving.server.model import ServedModel
from cnnzoo.serving.server.repository import Repository
from cnnzoo.serving.server.requests import ParsedRequest, parse_v1, parse_v2
from cnnzoo.serving.server.version import Version

JSON_LENGTH = "inference-header-content-length"


def routes(repository: Repository, limits: Limits) -> APIRouter:
    """Return the routes over a repository.

    Args:
        repository: the models.
        limits: how much a request may hold.
    """
    router = APIRouter()
    endpoints = _Endpoints(repository, limits)
    for version in ("", "/versions/{number}"):
        v1, v2 = f"/v1/models/{{name}}{version}", f"/v2/models/{{name}}{version}"
        router.add_api_route(f"{v1}:predict", endpoints.predict, methods=["POST"])
        router.add_api_route(f"{v1}/metadata", endpoints.metadata_v1, methods=["GET"])
        router.add_api_route(v1, endpoints.status, methods=["GET"])
        router.add_api_route(f"{v2}/infer", endpoints.infer, methods=["POST"])
        router.add_api_route(f"{v2}/ready", endpoints.ready, methods=["GET"])
        router.add_api_route(v2, endpoints.metadata_v2, methods=["GET"])
    for path in (
        "/v1/models/{name}:explain",
        "/v2/repository/models/{name}/load",
        "/v2/repository/models/{name}/unload",
    ):
        router.add_api_route(path, _unsupported, methods=["POST"])
    return router


class _Endpoints:
    """The functions of the routes, which share the repository and the limits."""

    def __init__(self, repository: Repository, limits: Limits):
        self._repository = repository
        self._limits = limits

    async def predict(self, request: Request, name: str, number: str | None = None) -> Response:
        model, version = self._version(name, number)
        body = await request.body()
        return _json(await _predict(model, lambda: parse_v1(body, version, self._limits)))

    async def infer(self, request: Request, name: str, number: str | None = None) -> Response:
        model, version = self._version(name, number)
        body, length = await request.body(), request.headers.get(JSON_LENGTH)
        response: InferResponse = await _predict(model, lambda: parse_v2(body, length, version, self._limits))
        content, json_length = response.to_rest()
        if json_length is None:
            return _json(content)
        headers = {JSON_LENGTH: str(json_length)}
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def status(self, name: str, number: str | None = None) -> Response:
        model = self._model(name)
        states = dict.fromkeys(model.versions, ("AVAILABLE", "OK", ""))
        states |= {version: ("END", "INVALID_ARGUMENT", error) for version, error in model.errors.items()}
        statuses = [
            {"version": str(version), "state": state, "status": {"error_code": code, "error_message": error}}
            for version, (state, code, error) in sorted(states.items(), reverse=True)
            if number in (None, str(version))
        ]
        if not statuses:
            raise HTTPException(404, f"model {name!r} has no version {number!r}")
        return _json({"name": name, "ready": bool(model.versions), "model_version_status": statuses})

    async def ready(self, name: str, number: str | None = None) -> Response:
        self._version(name, number)
        return _json({"name": name, "ready": True})

    async def metadata_v1(self, name: str, number: str | None = None) -> Response:
        _, version = self._version(name, number)
        spec = {"name": name, "signature_name": "", "version": str(version.number)}
        signatures = {
            signature: {
                "inputs": {tensor: _tensor_spec(spec) for tensor, spec in version.inputs[signature].items()},
                "outputs": {tensor: _tensor_spec(spec) for tensor, spec in version.outputs[signature].items()},
                "method_name": "tensorflow/serving/predict",
            }
            for signature in version.inputs
        }
        return _json({"model_spec": spec, "metadata": {"signature_def": {"signature_def": signatures}}})

    async def metadata_v2(self, name: str, number: str | None = None) -> Response:
        model, version = self._version(name, number)
        signature = version.signature_for(None, set())
        tensors = {
            key: [{"name": tensor, **_tensor_spec(spec)} for tensor, spec in specs[signature].items()]
            for key, specs in (("inputs", version.inputs), ("outputs", version.outputs))
        }
        versions = [str(number) for number in sorted(model.versions)]
        return _json({"name": name, "versions": versions, "platform": "tensorflow_savedmodel", **tensors})

    def _model(self, name: str) -> ServedModel:
        model = self._repository.get_model(name)
        if not isinstance(model, ServedModel):
            names = ", ".join(sorted(self._repository.models)) or "none"
            raise HTTPException(404, f"there is no model {name!r:.100}; the models are {names}")
        return model

    def _version(self, name: str, number: str | None) -> tuple[ServedModel, Version]:
        model = self._model(name)
        versions = model.versions  # read once, as it may be replaced meanwhile
        for version in sorted(versions, reverse=True):
            if number in (None, str(version)):
                return model, versions[version]
        numbers = ", ".join(map(str, sorted(versions)))
        raise HTTPException(404, f"model {name!r} has no version {number!r:.100}; the versions are {numbers}")


async def _predict(model: ServedModel, parse: Callable[[], ParsedRequest]) -> Any:
    """Parse a request and return the model's response. Errors become HTTP 4xx responses with a message."""
    try:
        response, _ = await model(parse())
    except InputError as error:
        raise HTTPException(400, str(error)) from error
    except RequestTooLargeError as error:
        raise HTTPException(413, str(error)) from error
    return response


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def error_response(request: Request, error: HTTPException) -> Response:
    """Return a JSON error, as both protocols have it."""
    return _json({"error": str(error.detail)}, error.status_code)


async def _unsupported(name: str) -> Response:
    raise HTTPException(404, "this server supports neither explain nor load and unload: it serves its folder")


def _tensor_spec(spec: Any) -> dict[str, Any]:
    datatype = "BYTES" if spec.dtype.name == "string" else from_np_dtype(spec.dtype.as_numpy_dtype)
    return {"datatype": datatype, "shape": [-1 if side is None else side for side in spec.shape]}
