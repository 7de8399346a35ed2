"""Where the server answers: TensorFlow Serving's REST protocol and the Open Inference Protocol, with versions.

KServe's own routes know no versions and no binary files, and let anybody unload a model; these stand before them.
"""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from kserve.protocol.infer_type import InferResponse
from kserve.utils.numpy_codec import from_np_dtype
from starlette.exceptions import HTTPException

from cnnzoo.errors import InputError
from cnnzoo.serving.server.limits import Limits, TooMuchError
from cnnzoo.serving.server.model import ServedModel
from cnnzoo.serving.server.repository import Repository
from cnnzoo.serving.server.requests import Question, parsed_v1, parsed_v2
from cnnzoo.serving.server.version import Version

JSON_LENGTH = "inference-header-content-length"


def routes(repository: Repository, limits: Limits) -> APIRouter:
    """Return the routes over a repository.

    Args:
        repository: the models.
        limits: how much a request may hold.
    """
    router = APIRouter()
    ask = _Request(repository, limits)
    for version in ("", "/versions/{number}"):
        v1, v2 = f"/v1/models/{{name}}{version}", f"/v2/models/{{name}}{version}"
        router.add_api_route(f"{v1}:predict", ask.predict, methods=["POST"])
        router.add_api_route(f"{v1}/metadata", ask.metadata_v1, methods=["GET"])
        router.add_api_route(v1, ask.status, methods=["GET"])
        router.add_api_route(f"{v2}/infer", ask.infer, methods=["POST"])
        router.add_api_route(f"{v2}/ready", ask.ready, methods=["GET"])
        router.add_api_route(v2, ask.metadata_v2, methods=["GET"])
    for path in (
        "/v1/models/{name}:explain",
        "/v2/repository/models/{name}/load",
        "/v2/repository/models/{name}/unload",
    ):
        router.add_api_route(path, _not_offered, methods=["POST"])
    return router


class _Request:
    """The routes' functions, which share the repository and the limits."""

    def __init__(self, repository: Repository, limits: Limits):
        self._repository = repository
        self._limits = limits

    async def predict(self, request: Request, name: str, number: str | None = None) -> Response:
        model, version = self._found(name, number)
        body = await request.body()
        answer = await _answer(model, lambda: parsed_v1(body, version, self._limits))
        return _json(answer)

    async def infer(self, request: Request, name: str, number: str | None = None) -> Response:
        model, version = self._found(name, number)
        body, length = await request.body(), request.headers.get(JSON_LENGTH)
        answer: InferResponse = await _answer(model, lambda: parsed_v2(body, length, version, self._limits))
        content, json_length = answer.to_rest()
        if json_length is None:
            return _json(content)
        headers = {JSON_LENGTH: str(json_length)}
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def status(self, name: str, number: str | None = None) -> Response:
        model = self._model(name)
        known = dict.fromkeys(model.versions, ("AVAILABLE", "OK", ""))
        known |= {number: ("END", "INVALID_ARGUMENT", why) for number, why in model.refused.items()}
        if number is not None:
            known = {version: state for version, state in known.items() if str(version) == number}
        if not known:
            raise HTTPException(404, f"model {name!r} has no version {number!r}")
        statuses = [
            {"version": str(version), "state": state, "status": {"error_code": code, "error_message": why}}
            for version, (state, code, why) in sorted(known.items(), reverse=True)
        ]
        return _json({"name": name, "ready": bool(model.versions), "model_version_status": statuses})

    async def ready(self, name: str, number: str | None = None) -> Response:
        self._found(name, number)
        return _json({"name": name, "ready": True})

    async def metadata_v1(self, name: str, number: str | None = None) -> Response:
        _, version = self._found(name, number)
        spec = {"name": name, "signature_name": "", "version": str(version.number)}
        signatures = {
            signature: {
                "inputs": {of: _described(spec) for of, spec in version.inputs[signature].items()},
                "outputs": {of: _described(spec) for of, spec in version.outputs[signature].items()},
                "method_name": "tensorflow/serving/predict",
            }
            for signature in version.inputs
        }
        return _json({"model_spec": spec, "metadata": {"signature_def": {"signature_def": signatures}}})

    async def metadata_v2(self, name: str, number: str | None = None) -> Response:
        model, version = self._found(name, number)
        signature = version.signature_for(None, set())
        tensors = {
            kind: [{"name": of, **_described(spec)} for of, spec in specs[signature].items()]
            for kind, specs in (("inputs", version.inputs), ("outputs", version.outputs))
        }
        versions = [str(number) for number in sorted(model.versions)]
        return _json({"name": name, "versions": versions, "platform": "tensorflow_savedmodel", **tensors})

    def _model(self, name: str) -> ServedModel:
        model = self._repository.get_model(name)
        if not isinstance(model, ServedModel):
            there = ", ".join(sorted(self._repository.models)) or "none"
            raise HTTPException(404, f"there is no model {name!r:.100}; there is {there}")
        return model

    def _found(self, name: str, number: str | None) -> tuple[ServedModel, Version]:
        model = self._model(name)
        served = model.versions  # once, as it may be replaced meanwhile
        for version in sorted(served, reverse=True):
            if number is None or str(version) == number:
                return model, served[version]
        there = ", ".join(map(str, sorted(served)))
        raise HTTPException(404, f"model {name!r} has no version {number!r:.100}; there is {there}")


async def _answer(model: ServedModel, parsed: Any) -> Any:
    """Parse a question and put it to the model; what is wrong with it comes back as a sentence."""
    try:
        question: Question = parsed()
        answer, _ = await model(question)
    except InputError as error:
        raise HTTPException(400, str(error)) from error
    except TooMuchError as error:
        raise HTTPException(413, str(error)) from error
    return answer


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def refused(request: Request, error: HTTPException) -> Response:
    """Answer with a JSON error, as both protocols want it."""
    return _json({"error": str(error.detail)}, error.status_code)


async def _not_offered(name: str) -> Response:
    raise HTTPException(404, "this server neither explains nor is told what to load: it serves what lies in its folder")


def _described(spec: Any) -> dict[str, Any]:
    datatype = "BYTES" if spec.dtype.name == "string" else from_np_dtype(spec.dtype.as_numpy_dtype)
    return {"datatype": datatype, "shape": [-1 if side is None else side for side in spec.shape]}
