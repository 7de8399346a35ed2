"""The model card: what a version is, where it comes from and how far it can be trusted, beside its files."""

import importlib.metadata
import importlib.util
import inspect
import platform
from pathlib import Path
from typing import Any

import tensorflow as tf

from cnnzoo import models, weights
from cnnzoo.errors import InputError
from cnnzoo.files import write_json
from cnnzoo.serving.export_model import ExportedModel
from cnnzoo.serving.formats import FORMATS
from cnnzoo.weights.shipped_models import CARD, figure_in_words, layers_of

LICENSE = "Apache-2.0"


def card_of(exported: ExportedModel, signatures: dict[str, Any], checked: dict[str, Any], test: dict[str, Any]) -> dict:
    """Return what a version's card says.

    Args:
        exported: what was exported.
        signatures: inputs and outputs of each signature.
        checked: for each format its file, size, and difference from Keras.
        test: what the version's files got right on the test images, or nothing.
    """
    run = exported.run
    card: dict[str, Any] = {
        "name": run.recipe["name"] if run else exported.model.name,
        "model": run.recipe["model"] if run else exported.model.name,
        "module": models.family(run.recipe["model"]).__name__ if run else None,
        "license": LICENSE,
        "parameters": weights.count_parameters(exported.model.trainable_weights),
        "weights_dtype": exported.weights_dtype,
        "input": _input(exported),
        "preprocessing": _preprocessing(exported),
        "layers": layers_of(exported.model),
        "weights": [weight.path for weight in exported.model.weights],
        "class_names": list(exported.class_names) if exported.class_names else None,
        "signatures": signatures,
        "formats": checked,
        "test": test or None,
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("cnnzoo", "keras", "tensorflow")},
        },
    }
    if run:
        trained = {**run.metrics["test"], "images": run.metrics["test_examples"], "n": 1}
        card["recipe"], card["seed"], card["test_after_training"] = run.recipe, run.recipe["seed"], trained
    return card


def write_card(card: dict, folder: Path) -> None:
    """Write a card into a version's folder, for programs as JSON and for people as Markdown."""
    path = folder / CARD
    path.parent.mkdir(exist_ok=True)
    write_json(path, card)
    path.with_name("README.md").write_text(_in_words(card), encoding="utf-8")


def _input(exported: ExportedModel) -> str:
    sides = ", ".join("any" if side is None else str(side) for side in exported.image_shape)
    kind = "pixels from 0 to 255" if exported.takes_pixels else "values as the model takes them"
    return f"float32 (batch, {sides}), {kind}"


def _preprocessing(exported: ExportedModel) -> str:
    if exported.preprocess is None:
        return "none: images are the model's input"
    if exported.run is None:
        return "inside, as it was given to the export"
    family = models.family(exported.run.recipe["model"])
    return f"inside: {(inspect.getdoc(family.preprocess_input) or '').splitlines()[0]}"


def format_in_words(format: str, of: dict[str, Any]) -> str:
    """Return what a card says of a format, in a line.

    Example:
    >>> format_in_words("onnx", {"bytes": 254_637, "difference": 7.3e-7, "allowed": 1e-4})
    'onnx: 254,637 bytes, differs from Keras by at most 7.3e-07 (0.0001 allowed)'
    """
    line = f"{format}: {of['bytes']:,} bytes, differs from Keras by at most {of['difference']:.2g}"
    line += f" ({of['allowed']:g} allowed)"
    if "test" in of:
        (name, value), *_ = of["test"].items()
        line += f", test {name} {value:.4f}"
    if "test_in_float32" in of:
        line += f" (float32 {of['test_in_float32'][name]:.4f})"
    return line


def _in_words(card: dict) -> str:
    """Return the card as Markdown."""
    lines = [f"# {card['name']}", ""]
    rows = {
        "model": f"`{card['model']}`, {card['parameters']:,} parameters, stored as {card['weights_dtype']}",
        "input": card["input"],
        "preprocessing": card["preprocessing"],
        "test, by these files": figure_in_words(card["test"]) if card["test"] else "not judged",
    }
    if "recipe" in card:
        rows["test, after training"] = figure_in_words(card["test_after_training"])
        rows["trained by"] = f"`cnnzoo train {card['name']} --seed {card['seed']}` on {card['recipe']['data']}"
    rows["versions"] = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    rows["license"] = f"{card['license']} (the weights; the data have their own)"
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items()), ""]
    lines += ["| signature | takes | returns |", "|---|---|---|"]
    for name, of in card["signatures"].items():
        lines.append(f"| `{name}` | {_tensors(of['inputs'])} | {_tensors(of['outputs'])} |")
    lines += ["", "| format | file | size | difference from Keras |", "|---|---|---|---|"]
    for name, of in card["formats"].items():
        lines.append(
            f"| {name} | {FORMATS[name][0] or '`saved_model.pb`, `variables/`'} | {of['bytes']:,} bytes | "
            f"{of['difference']:.2g}, {of['allowed']:g} allowed |"
        )
    return "\n".join(lines) + "\n"


def _tensors(specs: dict[str, dict]) -> str:
    return ", ".join(f"`{name}` {spec['dtype']} {tuple(spec['shape'])}" for name, spec in specs.items()).replace(
        "None", "batch", len(specs)
    )


WARMUP = "tf_serving_warmup_requests"


def wanted(warmup: bool | None) -> bool:
    """Return whether to write warm-up records; `None` is wherever the package for it is installed.

    Raises:
        InputError: they are wanted, and the package is missing.
    """
    if warmup is None:
        return is_installed()
    if warmup and not is_installed():
        raise InputError("warm-up records need tensorflow-serving-api: pip install 'cnnzoo[serve]'")
    return warmup


def is_installed() -> bool:
    """Return whether tensorflow-serving-api is there."""
    return importlib.util.find_spec("tensorflow_serving") is not None


def write_warmup(requests: dict[str, dict[str, Any]], folder: Path, model: str) -> None:
    """Write one record for each signature into a version's `assets.extra/`.

    Args:
        requests: signature → its inputs, by name.
        folder: the version's folder.
        model: the model's name.
    """
    from tensorflow_serving.apis import prediction_log_pb2

    path = folder / "assets.extra" / WARMUP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as records:
        for signature, inputs in requests.items():
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name, request.model_spec.signature_name = model, signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            records.write(log.SerializeToString())


def read_warmup(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the requests in a version's warm-up records, signature → inputs; nothing where it has none.

    Raises:
        InputError: they are there, and tensorflow-serving-api, which reads them, is not.
    """
    path = folder / "assets.extra" / WARMUP
    if not path.is_file():
        return {}
    wanted(True)
    from tensorflow_serving.apis import prediction_log_pb2

    requests = {}
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        requests[request.model_spec.signature_name] = {
            name: tf.make_ndarray(value) for name, value in request.inputs.items()
        }
    return requests
