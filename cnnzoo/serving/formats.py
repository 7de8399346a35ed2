"""The formats of an export: SavedModel, and by Keras' own exporters ONNX and LiteRT."""

import contextlib
import importlib.util
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cnnzoo.checks import choice, refusal
from cnnzoo.errors import InputError, install_command, reason
from cnnzoo.serving.export_model import ExportedModel
from cnnzoo.serving.litert_process import LiteRTProcess
from cnnzoo.serving.saved_model import write_saved_model

# Format → its file in the version's folder ("" is the folder itself), and the packages that write and check it.
FORMATS: dict[str, tuple[str, tuple[str, ...]]] = {
    "saved_model": ("", ()),
    "onnx": ("model.onnx", ("onnx", "tf2onnx", "onnxruntime")),
    "litert": ("model.tflite", ("ai_edge_litert",)),
    "litert_int8": ("model.int8.tflite", ("ai_edge_litert",)),
}
# From images `(batch, height, width, channels)` to predictions, as `Head.predictions` returns them.
Predictor = Callable[[np.ndarray], np.ndarray]


# ONNX Runtime writes a device's number and a data base into the home folder, and tells its maker, from its import on.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def checked_formats(formats: Any) -> tuple[str, ...]:
    """Return the formats, each once.

    Raises:
        InputError: none, an unknown one, or one whose packages are not installed.
    """
    names = (formats,) if isinstance(formats, str) else tuple(dict.fromkeys(formats))
    if not names:
        raise refusal("formats", f"at least one of {', '.join(FORMATS)}", formats)
    for name in names:
        _, packages = FORMATS[choice("format", name, FORMATS, plural="formats")]
        missing = [package for package in packages if importlib.util.find_spec(package) is None]
        if missing:
            raise InputError(f"the format {name!r} needs {', '.join(missing)}: {install_command('export')}")
    return names


def write(format: str, exported: ExportedModel, folder: Path, calibration: np.ndarray | None) -> None:
    """Write one format into a version's folder.

    Args:
        format: one of `FORMATS`.
        exported: the exported model.
        folder: the version's folder.
        calibration: representative images, by whose activations `litert_int8` chooses its scales.

    Raises:
        InputError: the exporter cannot write this model.
    """
    if format == "saved_model":
        write_saved_model(exported, folder)
        return
    path = folder / FORMATS[format][0]
    options = {"onnx": {}, "litert": _litert_options(exported), "litert_int8": _int8_options(calibration)}
    try:
        with _silenced():
            model = exported.end_to_end()
            model(exported.sample_images(1))  # Keras exports to ONNX only models that were called
            kind = "onnx" if format == "onnx" else "litert"
            model.export(str(path), format=kind, verbose=False, **options[format])
    except (TypeError, AttributeError):  # a fault of a program
        raise
    except Exception as error:  # tf2onnx' and the converter's own
        raise InputError(f"{exported.model.name} cannot be written as {format}: {reason(error)}") from error


def load_predictor(format: str, exported: ExportedModel, folder: Path) -> Predictor:
    """Return the function of a written model, by the runtime of its format and without Keras.

    Raises:
        InputError: the runtime cannot read the file; the function raises it, too, where it cannot run it.
    """
    if format == "saved_model":
        return saved_model_predictor(tf.saved_model.load(str(folder)), exported)
    path = folder / FORMATS[format][0]
    with _errors_named(format, exported):
        predict = _onnx_predictor(path) if format == "onnx" else LiteRTProcess(path)
    return _errors_named(format, exported)(predict)


@contextlib.contextmanager
def _errors_named(format: str, exported: ExportedModel) -> Iterator[None]:
    try:
        yield
    except (TypeError, AttributeError):  # a fault of a program
        raise
    except Exception as error:  # the runtimes' own
        raise InputError(
            f"{exported.model.name} was written as {format}, but cannot be read back: {reason(error)}"
        ) from error


def saved_model_predictor(loaded: Any, exported: ExportedModel) -> Predictor:
    """Return the function of a SavedModel as TensorFlow has loaded it."""

    def predict(images: np.ndarray) -> np.ndarray:
        # By `loaded`, which holds the variables: its signatures refer to them only weakly.
        outputs = loaded.signatures["serving_default"](**{exported.input_name: images})
        return outputs[exported.head.name].numpy()

    return predict


def _litert_options(exported: ExportedModel) -> dict[str, Any]:
    if exported.weights_dtype == "float32":
        return {}
    return {"optimizations": [tf.lite.Optimize.DEFAULT], "target_spec": {"supported_types": [tf.float16]}}


def _int8_options(calibration: Any) -> dict[str, Any]:
    """Return the options for 8-bit integer weights and activations; layers without such an operation stay float."""

    def representative_dataset() -> Iterator[list[np.ndarray]]:
        for image in calibration:
            yield [image[np.newaxis].astype("float32")]

    return {
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "representative_dataset": representative_dataset,
        "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]},
    }


def _onnx_predictor(path: Path) -> Predictor:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    return lambda images: session.run(None, {given.name: images})[0]


class _SilentStderr:
    """Suppress what code in C writes to the standard error, such as the converter's line about its own types.

    The descriptor is the process': of several exports in threads the first silences it, and the last gives it back.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._kept = threading.Lock(), 0, -1

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._kept = os.dup(2)
                with Path(os.devnull).open("wb") as nothing:
                    os.dup2(nothing.fileno(), 2)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                os.dup2(self._kept, 2)
                os.close(self._kept)


_silent_stderr = _SilentStderr()


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Suppress output and warnings of the converters, which say nothing about the model."""
    with (
        _silent_stderr,
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
