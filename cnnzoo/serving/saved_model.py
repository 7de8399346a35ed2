"""Writing and reading SavedModels."""

import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from cnnzoo.serving.signatures import signatures_of
from cnnzoo.serving.subject import Subject, weight_variables

LABELS = "labels.txt"


def write_saved_model(subject: Subject, folder: Path) -> None:
    """Write a SavedModel: its signatures, its weights as `weights_dtype`, and the names of its classes as an asset.

    Weights are stored one by one in Keras' order, so that `cnnzoo.weights` finds them again.

    Args:
        subject: what is exported.
        folder: where to.
    """
    module: Any = tf.Module(name=subject.model.name)
    module.stored = weight_variables(subject)
    with tempfile.TemporaryDirectory() as assets:
        if subject.class_names is not None:
            labels = Path(assets) / LABELS
            labels.write_text("".join(f"{name}\n" for name in subject.class_names), encoding="utf-8")
            module.labels = tf.saved_model.Asset(str(labels))
        tf.saved_model.save(module, str(folder), signatures=signatures_of(subject, module.stored))


def signatures_in(folder: Path) -> dict[str, Any]:
    """Return the signatures of a SavedModel, as TensorFlow alone loads it."""
    loaded = tf.saved_model.load(str(folder))
    # Signatures hold the variables only weakly; without the module they would be gone.
    return {name: _holding(loaded, signature) for name, signature in loaded.signatures.items()}


def _holding(module: Any, signature: Any) -> Any:
    signature.holds = module
    return signature
