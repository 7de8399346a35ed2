"""Predictions for image files: of a model, of a run, or of an export."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo.checks import integer, refusal
from cnnzoo.data.decoding import Decoded, decode_files
from cnnzoo.data.folder_layout import Layout
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.files import versions
from cnnzoo.serving.export_model import exported_model_of
from cnnzoo.serving.saved_model import LABELS

SAVED_MODEL = "saved_model.pb"


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model predicts for a file.

    Attributes:
        file: its path, as it was given or found.
        classes: the most probable classes, or the labels, each with its probability; empty where there are none.
        outputs: all outputs, float32 array: probabilities, values, or a reconstruction.
        squared_error: of a reconstruction, the sum over the pixels as the model takes them; else `None`.
        error: why there is no prediction; else empty.
    """

    file: str
    classes: tuple[tuple[str, float], ...] = ()
    outputs: np.ndarray | None = None
    squared_error: float | None = None
    error: str = ""


def predict(
    model: keras.Model | Run | str | Path,
    files: str | Path | Iterable[str | Path],
    *,
    top: int = 5,
    batch_size: int = 64,
    preprocess: Callable[[Any], Any] | None = None,
    image_shape: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    output: str | None = None,
) -> Iterator[Prediction]:
    """Yield a model's prediction for each image file, in their order.

    Files are decoded as those of a training folder are: turned upright as their EXIF says, their largest central part
    cropped and resized. The files of a folder are taken in the order of their paths. One that cannot be read has an
    `error`, and the others are predicted.

    Args:
        model: a model with one output, a finished `Run`, the path of a run, of a `.keras` file, or of an export.
        files: a file, a folder, or several of them.
        top: most classes to name.
        batch_size: files in a batch.
        preprocess: turns pixels, float32 `(batch, height, width, channels)` from 0 to 255, into the model's inputs.
            Needed for a plain model; runs and exports have it.
        image_shape: `(height, width, channels)` of the pixels that it takes; default that of the model's input.
        class_names: the names of the classes of a plain model; default their numbers.
        output: what the model's outputs are, as in `cnnzoo.export`.

    Raises:
        InputError: no such model, one that takes no pixels, or no file.

    Example:
    >>> import cnnzoo, keras, tempfile
    >>> digits = cnnzoo.data.load("digits").test.images[:2].repeat(4, axis=1).repeat(4, axis=2)
    >>> folder = Path(tempfile.mkdtemp())
    >>> for number, image in enumerate(digits):
    ...     keras.utils.save_img(folder / f"{number}.png", image, scale=False)
    >>> found = predict(
    ...     cnnzoo.lenet5(weights="mnist"),
    ...     folder,
    ...     preprocess=cnnzoo.models.lenet.preprocess_input,
    ...     image_shape=(28, 28, 1),
    ... )
    >>> [Path(each.file).name for each in found]
    ['0.png', '1.png']
    """
    integer("top", top)
    integer("batch_size", batch_size)
    predictor = _predictor(model, preprocess, image_shape, class_names, output)
    paths = list(_files(files))
    if not paths:
        raise refusal("files", "image files, or folders with some", files)
    return _predictions(predictor, paths, top, batch_size)


@dataclasses.dataclass(frozen=True)
class _Predictor:
    """A function from pixels to outputs, and what they are.

    Attributes:
        run: takes float32 `(batch, *shape)`, and returns the outputs, and the model's inputs where they are known.
        shape: `(height, width, channels)`.
        kind: `"probabilities"`, `"score"`, `"labels"`, `"values"` or `"reconstruction"`; see `cnnzoo.models.heads`.
        class_names: the names of the classes or labels, if there are any.
    """

    run: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
    shape: tuple[int, int, int]
    kind: str
    class_names: tuple[str, ...] | None


def _predictor(model: Any, preprocess: Any, image_shape: Any, class_names: Any, output: Any) -> _Predictor:
    """Return the predictor of a model, a run or an export."""
    if isinstance(model, str | os.PathLike) and (folder := _exported(Path(model))) is not None:
        if any(option is not None for option in (preprocess, image_shape, class_names, output)):
            raise InputError(f"the export in {str(folder)!r} has its own preprocessing and names; give no others")
        return _of_export(folder)
    exported = exported_model_of(model, preprocess, image_shape, class_names, 1, "float32", output)
    if not exported.takes_image_files:
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

    return _Predictor(by_batch, exported.image_shape, exported.head.name, exported.class_names)  # type: ignore[arg-type]


def _exported(folder: Path) -> Path | None:
    """Return the newest version of an export, or `None` where a path is none."""
    if (folder / SAVED_MODEL).is_file():
        return folder
    numbers = versions(folder) if folder.is_dir() else []
    found = [folder / str(number) for number in numbers if (folder / str(number) / SAVED_MODEL).is_file()]
    return found[-1] if found else None


def _of_export(folder: Path) -> _Predictor:
    """Return the predictor of a SavedModel that `cnnzoo.export` wrote; it runs without Keras."""
    try:
        loaded = tf.saved_model.load(str(folder))
        signature = loaded.signatures["serving_default"]
        shape = tuple(signature.structured_input_signature[1]["images"].shape[1:])
        kind = next(kind for kind in KINDS if kind in signature.structured_outputs)
    except Exception as error:  # TensorFlow has many
        raise InputError(f"{str(folder)!r} is no export that cnnzoo can read: {error}") from error
    if "serve_bytes" not in loaded.signatures:
        raise InputError(f"the model in {str(folder)!r} takes no pixels of image files: export it with preprocess")
    labels = folder / "assets" / LABELS
    names = tuple(labels.read_text(encoding="utf-8").splitlines()) if labels.is_file() else None

    def run(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return loaded.signatures["serving_default"](images=tf.constant(pixels))[kind].numpy(), None

    return _Predictor(run, shape, kind, names)


KINDS = ("probabilities", "score", "labels", "values", "reconstruction")


def _files(given: Any) -> Iterator[str]:
    """Yield the paths of files, and of the images below folders."""
    for path in [given] if isinstance(given, str | os.PathLike) else given:
        if not isinstance(path, str | os.PathLike):
            raise refusal("files", "image files, or folders with some", path)
        if not Path(path).is_dir():
            yield str(path)
            continue
        yield from sorted(Layout().images(Path(path)))


def _predictions(predictor: _Predictor, paths: list[str], top: int, batch_size: int) -> Iterator[Prediction]:
    readable = [path for path in paths if Path(path).is_file()]  # no pipe, which nobody may write to
    decoded = decode_files(np.array([os.fsencode(path) for path in readable]), predictor.shape)
    waiting: list[tuple[str, Decoded | None]] = []
    for path in paths:
        waiting.append((path, next(decoded) if Path(path).is_file() else None))
        if len(waiting) == batch_size:
            yield from _of_batch(predictor, waiting, top)
            waiting = []
    yield from _of_batch(predictor, waiting, top)


def _of_batch(predictor: _Predictor, batch: list[tuple[str, Decoded | None]], top: int) -> Iterator[Prediction]:
    images = [_in_channels(file.pixels, predictor.shape) for _, file in batch if file and file.pixels is not None]
    outputs, inputs = predictor.run(np.stack(images).astype("float32")) if images else (np.empty(0), None)
    index = 0
    for path, file in batch:
        if file is None or file.pixels is None:
            why = file.reason if file else "it does not exist" if not Path(path).exists() else "it is no regular file"
            yield Prediction(path, error=why)
            continue
        error = None
        if predictor.kind == "reconstruction" and inputs is not None:
            error = float(np.square(np.asarray(outputs[index], "float64") - inputs[index]).sum())
        yield Prediction(path, _named(predictor, outputs[index], top), outputs[index], error)
        index += 1


def _in_channels(pixels: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return pixels in gray where a model takes gray; Pillow decodes to colors."""
    if pixels.shape[-1] == shape[-1]:
        return pixels
    return tf.image.rgb_to_grayscale(tf.constant(pixels)).numpy()


def _named(predictor: _Predictor, outputs: np.ndarray, top: int) -> tuple[tuple[str, float], ...]:
    if predictor.kind not in ("probabilities", "score", "labels"):
        return ()
    values = np.atleast_1d(outputs)
    if predictor.kind == "score":  # that of the second of two classes
        values = np.array([1 - values[0], values[0]])
    names = predictor.class_names or tuple(map(str, range(len(values))))
    order = np.argsort(-values, kind="stable")[:top]
    return tuple((names[index], float(values[index])) for index in order)
