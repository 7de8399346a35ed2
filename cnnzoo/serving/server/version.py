"""One version of a model, loaded from its folder by TensorFlow alone."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.core.protobuf import saved_model_pb2

from cnnzoo.errors import InputError
from cnnzoo.serving.model_card import read_warmup
from cnnzoo.tensorflow_errors import operation_message

# NumPy's names of types, and the V2 protocol's.
DATATYPES = {
    "float64": "FP64", "float32": "FP32", "float16": "FP16", "bfloat16": "BF16", "bool": "BOOL",
    "object": "BYTES",
    **{f"{sign.lower()}int{bits}": f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Spec:
    """Shape and type of an input or output.

    Attributes:
        shape: its sides, `None` for any; or `None` for any shape.
        dtype: NumPy's type, `object` for texts and files.
    """

    shape: tuple[int | None, ...] | None
    dtype: np.dtype

    def takes(self, shape: Sequence[int]) -> bool:
        """Return whether an array of a shape fits.

        Example:
        >>> Spec((None, 28), np.dtype("float32")).takes((3, 28))
        True
        """
        if self.shape is None:
            return True
        pairs = zip(self.shape, shape, strict=False)
        return len(self.shape) == len(shape) and all(side in (None, given) for side, given in pairs)


class Version:
    """A loaded SavedModel.

    Args:
        number: the version's number.
        folder: the version's folder.

    Raises:
        InputError: it holds no SavedModel that loads and runs.

    Attributes:
        number: the version's number.
        inputs: of each signature, the shape and type of its inputs, by name.
        outputs: of each signature, those of its outputs.
        signature_def: the signatures as TensorFlow Serving describes them.
    """

    def __init__(self, number: int, folder: Path):
        self.number = number
        try:
            self._loaded = tf.saved_model.load(str(folder))  # its signatures refer to its variables only weakly
            self._signatures = self._loaded.signatures
            self.inputs = {name: _specs(of.structured_input_signature[1]) for name, of in self._signatures.items()}
            self.outputs = {name: _specs(of.structured_outputs) for name, of in self._signatures.items()}
            self.signature_def = _described(folder, self._signatures.keys())
            for signature, warmup in read_warmup(folder).items():  # the first call of a signature takes seconds
                self(signature, warmup)
        except Exception as error:  # TensorFlow's own, of many kinds
            message = operation_message(error)
            raise InputError(f"{str(folder)!r} holds no model that can be served: {message}") from error
        if not self._signatures:
            raise InputError(f"{str(folder)!r} holds no model that can be served: it has no signatures")

    def signature_for(self, name: str | None, inputs: set[str]) -> str:
        """Return the signature to call: the one named, or the first that takes these inputs.

        Args:
            name: the signature named in the request, if any.
            inputs: names of the tensors in the request, if they have names.

        Raises:
            InputError: there is none.
        """
        if name and name in self._signatures:
            return name
        if name:
            raise InputError(f"there is no signature {name!r:.100}; there are {', '.join(sorted(self._signatures))}")
        order = sorted(self._signatures, key=lambda of: (of != "serving_default", of))
        for signature in order:
            if not inputs or inputs == set(self.inputs[signature]):
                return signature
        takes = "; ".join(f"{signature} takes {', '.join(self.inputs[signature])}" for signature in order)
        raise InputError(f"no signature takes {', '.join(sorted(inputs)):.100}: {takes}")

    def __call__(self, signature: str, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
        """Return a signature's outputs.

        Args:
            signature: its name.
            inputs: arrays by name.

        Raises:
            InputError: the graph refuses an input.
        """
        try:
            tensors = {name: tf.constant(value) for name, value in inputs.items()}
            outputs = self._signatures[signature](**tensors)
        except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, TypeError, ValueError) as error:
            raise InputError(operation_message(error)) from error
        return {name: value.numpy() for name, value in outputs.items()}


def _specs(tensors: dict[str, Any]) -> dict[str, Spec]:
    return {
        name: Spec(
            tuple(tensor.shape) if tensor.shape.rank is not None else None, np.dtype(tensor.dtype.as_numpy_dtype)
        )
        for name, tensor in tensors.items()
    }


def _described(folder: Path, names: Iterable[str]) -> dict[str, Any]:
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    options = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    described = saved.meta_graphs[0].signature_def
    return {name: MessageToDict(described[name], **options) for name in names}
