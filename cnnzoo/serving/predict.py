"""Predictions for image files, or the rows of tables: of a model, of a run, or of an export."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo.checks import integer, refusal
from cnnzoo.data.decoding import Decoded, decode_files
from cnnzoo.data.folder_layout import Layout
from cnnzoo.data.source import kind_of
from cnnzoo.data.tables import read_rows
from cnnzoo.experiments.run import Run
from cnnzoo.serving.predictor import Predictor, predictor_of


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a model predicts for a file.

    Attributes:
        file: its path, as it was given or found.
        classes: the most probable classes, or the labels, each with its probability; empty where there are none.
        outputs: all outputs, float32 array: probabilities, values, or a reconstruction.
        squared_error: of a reconstruction, the sum over the values as the model takes them; else `None`.
        anomalous: whether that is above the threshold of a run with `anomalies`, or of its export; else `None`.
        pixels: a reconstruction, uint8 array `(height, width, channels)`; else `None`.
        error: why there is no prediction; else empty.
        damage: what is damaged of a JPEG that can be decoded even so: some of its pixels are wrong; else empty.
    """

    file: str
    classes: tuple[tuple[str, float], ...] = ()
    outputs: np.ndarray | None = None
    squared_error: float | None = None
    anomalous: bool | None = None
    pixels: np.ndarray | None = None
    error: str = ""
    damage: str = ""


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
    `error`, and the others are predicted. What the inputs of an autoencoder are is not known of the export of one that
    is none of cnnzoo's: its reconstructions have neither `squared_error` nor `pixels`.

    Args:
        model: a model with one output, a finished `Run`, the path of a run, of a `.keras` file, or of an export.
        files: an image file, a folder of them, or several; for a model of tables CSV files, whose rows are predicted.
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
    predictor = predictor_of(model, preprocess, image_shape, class_names, output)
    if len(predictor.shape) < 3:
        given = [files] if isinstance(files, str | os.PathLike) else list(files)
        if len(predictor.shape) == 2 or not given or not all(str(path).endswith(".csv") for path in given):
            kind = kind_of(predictor.shape)
            allowed = "CSV files" if kind == "rows" else "none: signals are predicted by the export's signatures"
            raise refusal("files", f"{allowed}, since the model takes {kind}", files)
        return _of_rows(predictor, [str(path) for path in given], batch_size)
    paths = [path for path, _ in image_files(files)]
    if not paths:
        raise refusal("files", "image files, or folders with some", files)
    return _predictions(predictor, paths, top, batch_size)


def image_files(given: Any) -> Iterator[tuple[str, PurePath]]:
    """Yield the paths of files, each with its name, and of the images below folders, with their paths below them.

    Raises:
        InputError: something else is given.

    Example:
    >>> [(path, str(name)) for path, name in image_files("photos/cat.jpg")]
    [('photos/cat.jpg', 'cat.jpg')]
    """
    for path in [given] if isinstance(given, str | os.PathLike) else given:
        if not isinstance(path, str | os.PathLike):
            raise refusal("files", "image files, or folders with some", path)
        if not Path(path).is_dir():
            yield str(path), PurePath(Path(path).name)
            continue
        for image in sorted(Layout().images(Path(path))):
            yield image, PurePath(image).relative_to(path)


def _predictions(predictor: Predictor, paths: list[str], top: int, batch_size: int) -> Iterator[Prediction]:
    are_files = [Path(path).is_file() for path in paths]  # no pipe, which nobody may write to
    readable = np.array([os.fsencode(path) for path, is_file in zip(paths, are_files, strict=True) if is_file])
    height, width, channels = predictor.shape
    decoded = decode_files(readable, (height, width, channels))
    waiting: list[tuple[str, Decoded | None]] = []
    for path, is_file in zip(paths, are_files, strict=True):
        waiting.append((path, next(decoded) if is_file else None))
        if len(waiting) == batch_size:
            yield from _of_batch(predictor, waiting, top)
            waiting = []
    yield from _of_batch(predictor, waiting, top)


def _of_batch(predictor: Predictor, batch: list[tuple[str, Decoded | None]], top: int) -> Iterator[Prediction]:
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
        pixels = predictor.pixels(outputs[index]) if predictor.pixels else None
        yield Prediction(
            path,
            _named(predictor, outputs[index], top),
            outputs[index],
            error,
            _verdict(predictor, error),
            pixels,
            damage=file.damage,
        )
        index += 1


def _verdict(predictor: Predictor, error: float | None) -> bool | None:
    return None if error is None or predictor.threshold is None else error > predictor.threshold


def _of_rows(predictor: Predictor, paths: Sequence[str], batch_size: int) -> Iterator[Prediction]:
    """Yield the predictions for the rows of CSV files, each by the number of its row, from 1."""
    for path in paths:
        rows = read_rows(Path(path), predictor.columns, predictor.shape[-1])
        for start in range(0, len(rows), batch_size):
            values = rows[start : start + batch_size]
            outputs, inputs = predictor.run(values)
            if inputs is not None:
                errors = np.square(np.asarray(outputs, "float64") - inputs).sum(axis=1)
            elif predictor.score is not None:
                errors = predictor.score(values)
            else:
                errors = [None] * len(values)
            for number, (output, error) in enumerate(zip(outputs, errors, strict=True), start=start + 1):
                squared = None if error is None else float(error)
                yield Prediction(f"{path}:{number}", (), output, squared, _verdict(predictor, squared))


def _in_channels(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return pixels in gray where a model takes gray; Pillow decodes to colors."""
    if pixels.shape[-1] == shape[-1]:
        return pixels
    return tf.image.rgb_to_grayscale(tf.constant(pixels)).numpy()


def _named(predictor: Predictor, outputs: np.ndarray, top: int) -> tuple[tuple[str, float], ...]:
    if predictor.kind not in ("probabilities", "score", "labels"):
        return ()
    values = np.atleast_1d(outputs)
    if predictor.kind == "score":  # that of the second of two classes
        values = np.array([1 - values[0], values[0]])
    names = predictor.class_names or tuple(map(str, range(len(values))))
    order = np.argsort(-values, kind="stable")[:top]
    return tuple((names[index], float(values[index])) for index in order)
