"""A model of the folder, with the versions of it that are loaded, as KServe's server knows models."""

from typing import Any

import kserve
import numpy as np
from kserve.protocol.infer_type import InferOutput, InferResponse, RequestedOutput
from kserve.utils.numpy_codec import from_np_dtype

from cnnzoo.serving.server.batching import Batcher, Outputs
from cnnzoo.serving.server.requests import Question
from cnnzoo.serving.server.version import Version


class ServedModel(kserve.Model):
    """A model and its loaded versions.

    Args:
        name: name of its folder.
        batcher: what answers.

    Attributes:
        versions: number → version, replaced as a whole when one comes or goes; whoever asks one of them keeps it
            until the answer is there.
        refused: number → why that version is not served.
    """

    def __init__(self, name: str, batcher: Batcher):
        super().__init__(name)
        self.versions: dict[int, Version] = {}
        self.refused: dict[int, str] = {}
        self._batcher = batcher

    async def healthy(self) -> bool:
        """Return whether a version can be asked."""
        return bool(self.versions)

    def stop(self) -> None:
        """Forget all versions."""
        self.versions = {}

    async def predict(self, payload: Question, headers=None, response_headers=None) -> tuple[Question, Outputs]:
        """Return a signature's outputs."""
        return payload, await self._batcher.answer(payload)

    async def postprocess(self, result, headers=None, response_headers=None) -> Any:
        """Return the answer as the question's protocol has it: a dictionary of V1, or KServe's response of V2."""
        question, outputs = result
        if question.style == "v2":
            return self._as_v2(question, outputs)
        # As TensorFlow Serving does it: an only output goes without its name.
        plain = {name: _plain(value) for name, value in outputs.items()}
        if question.style == "columns":
            return {"outputs": next(iter(plain.values())) if len(plain) == 1 else plain}
        if len(plain) == 1:
            return {"predictions": next(iter(plain.values()))}
        return {"predictions": [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]}

    def _as_v2(self, question: Question, outputs: Outputs) -> InferResponse:
        tensors = []
        for name, value in outputs.items():
            tensor = InferOutput(name, list(value.shape), from_np_dtype(value.dtype))
            tensor.data = value
            tensors.append(tensor)
        return InferResponse(
            response_id=question.id or "",
            model_name=self.name,
            model_version=str(question.version.number),
            infer_outputs=tensors,
            use_binary_outputs=question.binary,
            requested_outputs=[
                RequestedOutput(name, {"binary_data": binary or question.binary}) for name, binary in question.outputs
            ],
        )


def _plain(value: np.ndarray) -> list:
    if value.dtype != object:
        return value.tolist()
    return [_texts(row) for row in value]


def _texts(row: Any) -> Any:
    return row.decode() if isinstance(row, bytes) else [_texts(part) for part in row]
