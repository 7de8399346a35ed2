"""One version of a model, loaded from its folder by TensorFlow alone."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cnnzoo.errors import InputError, reason
from cnnzoo.serving.model_card import read_warmup
from cnnzoo.serving.saved_model import signatures_in


class Version:
    """A loaded SavedModel.

    Args:
        folder: the version's folder, whose name is its number.

    Raises:
        InputError: it holds no SavedModel that loads and runs.

    Attributes:
        number: the version's number.
        inputs: of each signature, the shape and type of its one input, by name.
        outputs: of each signature, those of its outputs.
    """

    def __init__(self, folder: Path):
        self.number = int(folder.name)
        try:
            self._signatures = signatures_in(folder)
            self.inputs = {name: dict(of.structured_input_signature[1]) for name, of in self._signatures.items()}
            self.outputs = {name: dict(of.structured_outputs) for name, of in self._signatures.items()}
            for signature, warmup in read_warmup(folder).items():  # the first call of a signature takes seconds
                self(signature, warmup)
        except Exception as error:  # TensorFlow's own, of many kinds
            raise InputError(f"{str(folder)!r} holds no model that can be served: {reason(error)}") from error
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
        if name in self._signatures:
            return name
        if name is not None:
            raise InputError(f"there is no signature {name!r}; there are {', '.join(sorted(self._signatures))}")
        order = sorted(self._signatures, key=lambda of: (of != "serving_default", of))
        for signature in order:
            if not inputs or inputs == set(self.inputs[signature]):
                return signature
        takes = "; ".join(f"{signature} takes {', '.join(self.inputs[signature])}" for signature in order)
        raise InputError(f"no signature takes {', '.join(sorted(inputs))}: {takes}")

    def __call__(self, signature: str, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
        """Return a signature's outputs.

        Args:
            signature: its name.
            inputs: arrays by name.

        Raises:
            InputError: the graph refuses an input.
        """
        try:
            tensors = {name: tf.constant(value, self.inputs[signature][name].dtype) for name, value in inputs.items()}
            outputs = self._signatures[signature](**tensors)
        except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, TypeError, ValueError) as error:
            raise InputError(_message(error)) from error
        return {name: value.numpy() for name, value in outputs.items()}


def _message(error: Exception) -> str:
    """Return the message of a graph's own error, without the lines that TensorFlow adds."""
    added = ("Graph execution error", "Detected at node", "<stack traces", "[[", "WARNING", "File ")
    lines = [line.strip() for line in str(error).splitlines()]
    message = next((line for line in lines if line and not line.startswith(added)), type(error).__name__)
    message = re.sub(r"\{\{.*?\}\}\s*|\s*\[Op:.*", "", message)
    if message.startswith("assertion failed: "):
        message = message.removeprefix("assertion failed: ").replace("] [", " ").strip("[] ")
    return message.rstrip(". ")
