"""A served model with its loaded versions, as a model of KServe's server."""

from typing import Any

import kserve
import numpy as np
from kserve.protocol.infer_type import InferOutput, InferResponse, RequestedOutput
from kserve.utils.numpy_codec import from_np_dtype

from cnnzoo.serving.server.batching import Batcher, Outputs
from cnnzoo.serving.server.requests import ParsedRequest
from cnnzoo.serving.server.version import Version


class ServedModel(kserve.Model):
    """A model and its loaded versions.

    Args:
        name: name of its folder.
        batcher: computes the requests.

    Attributes:
        versions: number → version, replaced as a whole when one is loaded or removed; a request keeps its version
            until it is computed.
        errors: number → why that version did not load.
    """

    def __init__(self, name: str, batcher: Batcher):
        super().__init__(name)
        self.versions: dict[int, Version] = {}
        self.errors: dict[int, str] = {}
        self._batcher = batcher

    async def healthy(self) -> bool:
        """Return whether a version is loaded."""
        return bool(self.versions)

    def stop(self) -> None:
        """Remove all versions."""
        self.versions = {}

    async def predict(
        self, payload: ParsedRequest, headers=None, response_headers=None
    ) -> tuple[ParsedRequest, Outputs]:
        """Return a signature's outputs."""
        return payload, await self._batcher.predict(payload)

    async def postprocess(self, result, headers=None, response_headers=None) -> Any:
        """Return the response in the protocol of the request: a dictionary for V1, or KServe's response for V2."""
        request, outputs = result
        if request.style == "v2":
            return self._as_v2(request, outputs)
        # As in TensorFlow Serving, a single output has no name.
        plain = {name: _plain(value) for name, value in outputs.items()}
        if request.style == "columns":
            return {"outputs": next(iter(plain.values())) if len(plain) == 1 else plain}
        if len(plain) == 1:
            return {"predictions": next(iter(plain.values()))}
        return {"predictions": [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]}

    def _as_v2(self, request: ParsedRequest, outputs: Outputs) -> InferResponse:
        tensors = []
        for name, value in outputs.items():
            tensor = InferOutput(name, list(value.shape), from_np_dtype(value.dtype))
            tensor.data = value
            tensors.append(tensor)
        return InferResponse(
            response_id=request.id or "",
            model_name=self.name,
            model_version=str(request.version.number),
            infer_outputs=tensors,
            use_binary_outputs=request.binary,
            requested_outputs=[
                RequestedOutput(name, {"binary_data": binary or request.binary}) for name, binary in request.outputs
            ],
        )


def _plain(value: Any) -> Any:
    """Return an array of outputs as nested lists, with texts decoded."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.tolist()
    return value.decode() if isinstance(value, bytes) else [_plain(part) for part in value]
