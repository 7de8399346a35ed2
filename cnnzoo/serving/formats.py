"""The files that a model can be written to, beside a SavedModel: ONNX and LiteRT, by Keras' own exporters."""

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo.errors import InputError, reason, unknown
from cnnzoo.serving.export_model import ExportedModel
from cnnzoo.serving.saved_model import signatures_in, write_saved_model

# Format → its file in the version's folder ("" is the folder itself), and the packages that write and check it.
FORMATS: dict[str, tuple[str, tuple[str, ...]]] = {
    "saved_model": ("", ()),
    "onnx": ("model.onnx", ("onnx", "tf2onnx", "onnxruntime")),
    "litert": ("model.tflite", ("ai_edge_litert",)),
    "litert_int8": ("model.int8.tflite", ("ai_edge_litert",)),
}
SMALL = 100_000  # parameters
# From images `(batch, height, width, channels)` to probabilities or reconstructions.
Function = Callable[[np.ndarray], np.ndarray]


def checked_formats(formats: Any) -> tuple[str, ...]:
    """Return the formats, each once.

    Raises:
        InputError: none, an unknown one, or one whose packages are not installed.
    """
    if isinstance(formats, str):
        formats = (formats,)
    names = tuple(dict.fromkeys(formats))
    if not names:
        raise InputError(f"formats must name at least one of {', '.join(FORMATS)}, not {formats!r}")
    for name in names:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
        missing = [package for package in FORMATS[name][1] if importlib.util.find_spec(package) is None]
        if missing:
            raise InputError(f"the format {name!r} needs {', '.join(missing)}: pip install 'cnnzoo[export]'")
    return names


def write(format: str, exported: ExportedModel, folder: Path, calibration: np.ndarray | None) -> None:
    """Write one format into a version's folder.

    Args:
        format: one of `FORMATS`.
        exported: what is exported.
        folder: the version's folder.
        calibration: images as they come in practice, by whose activations `litert_int8` chooses its scales.

    Raises:
        InputError: the exporter cannot write this model.
    """
    if format == "saved_model":
        write_saved_model(exported, folder)
        return
    path = folder / FORMATS[format][0]
    options = (
        _litert(exported) if format == "litert" else _int8(exported, calibration) if format == "litert_int8" else {}
    )
    try:
        with _quiet():
            model = exported.as_one_model()
            model(exported.samples(1))  # Keras exports to ONNX only what has been called
            model.export(str(path), format="onnx" if format == "onnx" else "litert", verbose=False, **options)
    except Exception as error:  # tf2onnx' and the converter's own
        raise InputError(f"{exported.model.name} cannot be written as {format}: {reason(error)}") from error


def read(format: str, exported: ExportedModel, folder: Path) -> Function:
    """Return what a written model answers, by the runtime of its format and without Keras.

    Raises:
        InputError: the runtime does not take the file.
    """
    if format == "saved_model":
        return by_signatures(signatures_in(folder), exported)
    try:
        return (_onnx_runtime if format == "onnx" else _litert_runtime)(folder / FORMATS[format][0])
    except Exception as error:  # the runtimes' own
        raise InputError(
            f"{exported.model.name} was written as {format}, but cannot be read back: {reason(error)}"
        ) from error


def by_signatures(signatures: dict[str, Any], exported: ExportedModel) -> Function:
    """Return what a loaded SavedModel answers."""
    serve = signatures["serving_default"]
    return lambda images: serve(images=images)[exported.answers_with].numpy()


def _litert(exported: ExportedModel) -> dict[str, Any]:
    if exported.weights_dtype == "float32":
        return {}
    import tensorflow as tf

    return {"optimizations": [tf.lite.Optimize.DEFAULT], "target_spec": {"supported_types": [tf.float16]}}


def _int8(exported: ExportedModel, calibration: Any) -> dict[str, Any]:
    """Return what makes weights and activations integers of 8 bits; what has no such operation stays float."""
    import tensorflow as tf

    def representative() -> Iterator[list[np.ndarray]]:
        for image in calibration:
            yield [image[np.newaxis].astype("float32")]

    # A scale for every channel is a little more exact, and a tenth of a file as small as LeNet-5's.
    small = exported.model.count_params() < SMALL
    return {
        "_experimental_disable_per_channel": small,
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "representative_dataset": representative,
        "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]},
    }


def _onnx_runtime(path: Path) -> Function:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})[0]


def _litert_runtime(path: Path) -> Function:
    from ai_edge_litert.interpreter import Interpreter

    serve = Interpreter(str(path)).get_signature_runner()
    return lambda images: next(iter(serve(images=images).values()))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what the converters print and warn of, which says nothing about the model."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
