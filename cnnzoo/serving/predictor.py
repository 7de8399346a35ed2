"""A function from the pixels of images to predictions: of a model, of a run, or of an export."""

import dataclasses
import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo import models
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.files import versions
from cnnzoo.serving.export_model import exported_model_of
from cnnzoo.serving.saved_model import LABELS
from cnnzoo.weights.shipped_models import CARD

SAVED_MODEL = "saved_model.pb"
KINDS = ("probabilities", "score", "labels", "values", "reconstruction")
LINEAR = 1e-4  # by which, of its range, a preprocessing may differ from a straight line


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A function from pixels to outputs, and what they are.

    Attributes:
        run: takes float32 `(batch, *shape)`, and returns the outputs, and the model's inputs where they are known.
        shape: `(height, width, channels)`.
        kind: `"probabilities"`, `"score"`, `"labels"`, `"values"` or `"reconstruction"`; see `cnnzoo.models.heads`.
        class_names: the names of the classes or labels, if there are any.
        pixels: takes reconstructions, and returns them as pixels, uint8; `None` where that is not known.
        columns: names of a table's columns, in the order of its rows, where they are known.
        threshold: the squared error above which an example counts as an anomaly; `None` where there is none.
        score: takes examples as `run` does, and returns their squared errors, where the model's inputs are not known.
    """

    run: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
    shape: tuple[int, ...]
    kind: str
    class_names: tuple[str, ...] | None
    pixels: Callable[[np.ndarray], np.ndarray] | None
    columns: tuple[str, ...] = ()
    threshold: float | None = None
    score: Callable[[np.ndarray], np.ndarray] | None = None


def predictor_of(model: Any, preprocess: Any, image_shape: Any, class_names: Any, output: Any) -> Predictor:
    """Return the predictor of a model, a run or an export; see `cnnzoo.predict` for the arguments.

    Raises:
        InputError: no such model, or one that takes no pixels.
    """
    if isinstance(model, str | os.PathLike) and (folder := _exported(Path(model))) is not None:
        if any(option is not None for option in (preprocess, image_shape, class_names, output)):
            raise InputError(f"the export in {str(folder)!r} has its own preprocessing and names; give no others")
        return _of_export(folder)
    exported = exported_model_of(model, preprocess, image_shape, class_names, 1, "float32", output)
    if exported.takes_images and not exported.takes_image_files:
        raise InputError(
            f"{exported.model.name} takes inputs of {exported.image_shape}, and no pixels of image files: give "
            "`preprocess`, such as the preprocess_input of the model's module"
        )

    @tf.function(autograph=False, reduce_retracing=True)
    def run(pixels):
        inputs = exported.preprocessed(pixels)
        outputs = exported.model(inputs, training=False)
        return exported.head.predictions(tf.cast(keras.tree.flatten(outputs)[0], tf.float32)), inputs

    def by_batch(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        outputs, inputs = run(tf.constant(pixels))
        return outputs.numpy(), np.asarray(inputs)

    shape: tuple[int, ...] = exported.image_shape  # type: ignore[assignment]
    pixels = None
    if exported.reconstructs and exported.takes_images:
        pixels = _to_pixels(exported.preprocessed, shape, exported.model.output_shape[1:])
    columns, threshold = detection_of(exported.run)
    return Predictor(by_batch, shape, exported.head.name, exported.class_names, pixels, columns, threshold)


def detection_of(run: Run | None) -> tuple[tuple[str, ...], float | None]:
    """Return the columns of the table that a run was trained on, and the threshold of its anomalies, if it has them."""
    if run is None:
        return (), None
    return tuple(run.content.get("columns", ())), run.metrics.get("anomalies", {}).get("threshold")


def _exported(folder: Path) -> Path | None:
    """Return the newest version of an export, or `None` where a path is none."""
    if (folder / SAVED_MODEL).is_file():
        return folder
    numbers = versions(folder) if folder.is_dir() else []
    found = [folder / str(number) for number in numbers if (folder / str(number) / SAVED_MODEL).is_file()]
    return found[-1] if found else None


def _of_export(folder: Path) -> Predictor:
    """Return the predictor of a SavedModel that `cnnzoo.export` wrote; it runs without Keras."""
    try:
        loaded = tf.saved_model.load(str(folder))
        signature = loaded.signatures["serving_default"]
        [spec] = signature.structured_input_signature[1].values()
        shape = tuple(spec.shape[1:])
        kind = next(kind for kind in KINDS if kind in signature.structured_outputs)
    except Exception as error:  # TensorFlow has many
        raise InputError(f"{str(folder)!r} is no export that cnnzoo can read: {error}") from error
    if len(shape) == 3 and "serve_bytes" not in loaded.signatures:
        raise InputError(f"the model in {str(folder)!r} takes no pixels of image files: export it with preprocess")
    labels = folder / "assets" / LABELS
    names = tuple(labels.read_text(encoding="utf-8").splitlines()) if labels.is_file() else None
    preprocess = pixels = None
    if kind == "reconstruction":
        output_shape = tuple(signature.structured_outputs[kind].shape[1:])
        preprocess = _preprocessing(folder, output_shape) if len(shape) == 3 else None
        if preprocess:
            pixels = _to_pixels(preprocess, shape, output_shape)

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        outputs = loaded.signatures["serving_default"](**{spec.name: tf.constant(images)})[kind].numpy()
        return outputs, np.asarray(preprocess(images)) if preprocess else None

    def score(values: np.ndarray) -> np.ndarray:
        return loaded.signatures["score"](**{spec.name: tf.constant(values)})["squared_error"].numpy()

    card = _card(folder)
    return Predictor(
        run,
        shape,
        kind,
        names,
        pixels,
        tuple(card.get("columns") or ()),
        card.get("threshold"),
        score if "score" in loaded.signatures else None,
    )


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def _preprocessing(folder: Path, input_shape: tuple[int, ...]) -> Callable[[Any], Any] | None:
    """Return the preprocessing of an export of one of cnnzoo's models, which its graph does not hand out."""
    card = _card(folder)
    name = card.get("model") if card.get("module") else None  # of another's there is none
    if name not in models.FAMILIES:
        return None
    return functools.partial(models.family(name).preprocess_input, input_shape=input_shape)


def _to_pixels(
    preprocess: Callable[[Any], Any], shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> Callable[[np.ndarray], np.ndarray] | None:
    """Return a function from reconstructions to pixels, or `None` where the preprocessing is no straight line.

    A reconstruction is of the model's inputs: what it makes of black and of white are the pixels 0 and 255.
    """
    levels = np.stack([np.full(shape, level, "float32") for level in (0, 127.5, 255)])
    black, gray, white = np.asarray(preprocess(levels), "float64")
    scale = white - black
    if black.shape != tuple(output_shape) or not scale.all():
        return None
    if np.abs(gray - (black + white) / 2).max() > LINEAR * np.abs(scale).max():
        return None
    return lambda outputs: np.round(255 * np.clip((outputs - black) / scale, 0, 1)).astype("uint8")
