"""One version of a model, loaded from its folder by TensorFlow alone."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cnnzoo.errors import InputError, reason
from cnnzoo.serving.model_card import is_installed, read_warmup
from cnnzoo.serving.saved_model import signatures_in


class Version:
    """A loaded SavedModel.

    Args:
        folder: the version's folder, whose name is its number.

    Raises:
        InputError: it holds no SavedModel that loads and answers.

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
            self._warm_up(folder)
        except Exception as error:  # TensorFlow's own, of many kinds
            raise InputError(f"{str(folder)!r} holds no model that can be served: {reason(error)}") from error
        if not self._signatures:
            raise InputError(f"{str(folder)!r} holds no model that can be served: it has no signatures")

    def signature_for(self, name: str | None, inputs: set[str]) -> str:
        """Return the signature that is meant: the one named, or the first that takes these inputs.

        Args:
            name: what the request names, if it does.
            inputs: names of the tensors that it holds, if it has names.

        Raises:
            InputError: there is none.
        """
        if name is not None:
            if name not in self._signatures:
                raise InputError(
                    f"there is no signature {str(name)!r}; there are {', '.join(sorted(self._signatures))}"
                )
            return name
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
            InputError: an input that the graph refuses.
        """
        try:
            tensors = {name: tf.constant(value, self.inputs[signature][name].dtype) for name, value in inputs.items()}
            outputs = self._signatures[signature](**tensors)
        except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, TypeError, ValueError) as error:
            raise InputError(_refusal(error)) from error
        return {name: value.numpy() for name, value in outputs.items()}

    def _warm_up(self, folder: Path) -> None:
        """Ask every signature once that has a warm-up record: the first answer takes seconds."""
        if is_installed():
            for signature, inputs in read_warmup(folder).items():
                self(signature, inputs)


def _refusal(error: Exception) -> str:
    """Return what a graph says it refuses, without TensorFlow's words around it."""
    around = ("Graph execution error", "Detected at node", "<stack traces", "[[", "WARNING", "File ")
    lines = [line.strip() for line in str(error).splitlines()]
    said = next((line for line in lines if line and not line.startswith(around)), type(error).__name__)
    said = re.sub(r"\{\{.*?\}\}\s*|\s*\[Op:.*", "", said)
    if said.startswith("assertion failed: "):
        said = said.removeprefix("assertion failed: ").replace("] [", " ").strip("[] ")
    return said.rstrip(". ")
