"""The model card of a version: what it is, how it was trained and evaluated; and its warm-up requests."""

import dataclasses
import importlib.util
import inspect
import json
import platform
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from cnnzoo import models, weights
from cnnzoo.errors import InputError, install_command
from cnnzoo.experiments import Recipe, list_recipes, load_recipe
from cnnzoo.experiments.recipe import parse_settings
from cnnzoo.files import write_json
from cnnzoo.serving.export_model import ExportedModel
from cnnzoo.serving.formats import FORMATS
from cnnzoo.serving.predictor import detection_of
from cnnzoo.versions import versions_of
from cnnzoo.weights.shipped_models import CARD, formatted_metrics, layers_of

LICENSE = "Apache-2.0"
WARMUP = "tf_serving_warmup_requests"


def card_of(exported: ExportedModel, signatures: dict[str, Any], formats: dict[str, Any], test: dict[str, Any]) -> dict:
    """Return the content of a version's card.

    Args:
        exported: the exported model.
        signatures: inputs and outputs of each signature.
        formats: for each format its size, its difference from Keras with the tolerance, and its test metrics.
        test: the metrics of the version's files on the test images, or nothing.
    """
    run = exported.run
    card: dict[str, Any] = {
        "name": run.recipe.name if run else exported.model.name,
        "model": run.recipe.model if run else exported.model.name,
        "module": models.family(run.recipe.model).__name__ if run else None,
        "license": LICENSE,
        "parameters": weights.count_parameters(exported.model.trainable_weights),
        "weights_dtype": exported.weights_dtype,
        "input": _input(exported),
        "preprocessing": _preprocessing(exported),
        "output": _output(exported),
        "layers": layers_of(exported.model),
        "weights": [weight.path for weight in exported.model.weights],
        "class_names": list(exported.class_names) if exported.class_names else None,
        "signatures": signatures,
        "formats": formats,
        "test": test or None,
        "versions": {"python": platform.python_version(), **versions_of("cnnzoo", "keras", "tensorflow")},
    }
    columns, threshold = detection_of(run)
    card |= ({"columns": list(columns)} if columns else {}) | ({} if threshold is None else {"threshold": threshold})
    if run:
        test_after_training = {**run.metrics["test"], "images": run.metrics["test_examples"], "n": 1}
        card |= {"recipe": run.recipe.to_dict(), "seed": run.recipe.seed, "test_after_training": test_after_training}
    return card


def write_card(card: dict, folder: Path) -> None:
    """Write a card into a version's folder, as JSON and as Markdown."""
    path = folder / CARD
    path.parent.mkdir(exist_ok=True)
    write_json(path, card)
    path.with_name("README.md").write_text(markdown(card), encoding="utf-8")


def _input(exported: ExportedModel) -> str:
    sides = ", ".join("any" if side is None else str(side) for side in exported.image_shape)
    if exported.takes_pixels:
        kind = "pixels from 0 to 255"
    else:
        kind = "values as the model takes them" if exported.preprocess is None else "values in their own units"
    return f"float32 (batch, {sides}), {kind}"


def _preprocessing(exported: ExportedModel) -> str:
    if exported.preprocess is None:
        return "none: images are the model's input"
    if exported.run is None:
        return "inside, as given to the export"
    if not exported.takes_images:
        return "inside: each column, or channel, minus its mean and divided by its standard deviation in training"
    family = models.family(exported.run.recipe.model)
    return f"inside: {(inspect.getdoc(family.preprocess_input) or '').splitlines()[0]}"


def _output(exported: ExportedModel) -> str:
    """Return what the model's predictions are, and what they are made of."""
    shape = ", ".join("any" if side is None else str(side) for side in exported.model.output_shape[1:])
    what = {
        "probabilities": f"a probability for each of {shape} classes, 1 in sum",
        "score": "the probability of the second of two classes",
        "labels": f"a probability for each of {shape} labels, independent of the others",
        "values": f"({shape}), the model's outputs as they are",
        "reconstruction": f"{'images' if exported.takes_images else 'standardized values'} ({shape})",
    }[exported.head.name]
    activation = "softmax" if exported.head.name == "probabilities" else "sigmoid"
    return f"`{exported.head.name}`: {what}" + (f", by a {activation} of its logits" * exported.head.from_logits)


def formatted_entry(format: str, entry: dict[str, Any]) -> str:
    """Return a card's entry of a format as a line of text.

    Example:
    >>> formatted_entry("onnx", {"bytes": 254_637, "difference": 7.3e-7, "tolerance": 1e-4})
    'onnx: 254,637 bytes, differs from Keras by 7.3e-07 (tolerance 0.0001)'
    """
    line = f"{format}: {entry['bytes']:,} bytes, differs from Keras by {_difference(entry)}"
    for name, value in entry.get("test", {}).items():
        line += f", test {name} {value:.4f}"
        if "test_in_float32" in entry:
            line += f" (float32 {entry['test_in_float32'][name]:.4f})"
    return line


def _difference(entry: dict[str, Any]) -> str:
    return f"{entry['difference']:.2g} (tolerance {entry['tolerance']:g})"


def markdown(card: dict) -> str:
    """Return the card as Markdown."""
    lines = [f"# {card['name']}", ""]
    rows = {
        "model": f"`{card['model']}`, {card['parameters']:,} parameters, stored as {card['weights_dtype']}",
        "input": card["input"],
        "preprocessing": card["preprocessing"],
        **({"output": card["output"]} if "output" in card else {}),
        "test metrics of these files": formatted_metrics(card["test"]) if card["test"] else "not evaluated",
    }
    if "recipe" in card:
        rows["test metrics after training"] = formatted_metrics(card["test_after_training"])
        rows["trained with"] = f"`{trained_with(card['recipe'])}` on {card['recipe']['data']}".replace("|", "\\|")
    rows["versions"] = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    rows["license"] = f"{card['license']} (the weights; the data have their own)"
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items()), ""]
    lines += ["| signature | takes | returns |", "|---|---|---|"]
    for name, specs in card["signatures"].items():
        lines.append(f"| `{name}` | {_tensors(specs['inputs'])} | {_tensors(specs['outputs'])} |")
    lines += ["", "| format | file | size | difference from Keras |", "|---|---|---|---|"]
    for name, entry in card["formats"].items():
        file = f"`{FORMATS[name][0]}`" if FORMATS[name][0] else "`saved_model.pb`, `variables/`"
        lines.append(f"| {name} | {file} | {entry['bytes']:,} bytes | {_difference(entry)} |")
    return "\n".join(lines) + "\n"


def trained_with(recipe: Mapping[str, Any]) -> str:
    """Return what trains by a run's recipe again.

    That is the command with a recipe of cnnzoo's and all that the run had otherwise. A recipe of another name is known
    to nobody but its author, whose file may change: it is written out, for Python.

    Args:
        recipe: the recipe's values, as `Recipe.to_dict` returns them.

    Example:
    >>> trained_with(load_recipe("lenet5_digits").replace(epochs=3, seed=1).to_dict())
    'cnnzoo train lenet5_digits --set epochs=3 --seed 1'
    >>> own = Recipe(model="lenet5", data="digits", epochs=3, learning_rate=1e-3, name="my_lenet")
    >>> trained_with(own.to_dict())
    "cnnzoo.train(cnnzoo.Recipe(name='my_lenet', model='lenet5', data='digits', epochs=3, learning_rate=0.001))"
    """
    values = _plain(recipe)
    name, seed = values.pop("name"), values["seed"]
    named = load_recipe(name) if name in list_recipes() else None
    if isinstance(named, Recipe):
        settings = "".join(f" --set {each}" for each in _settings(_plain(named.replace(seed=seed).to_dict()), values))
        return f"cnnzoo train {name}{settings} --seed {seed}"
    own = [each for each in values.items() if each not in _defaults().items()]
    arguments = ", ".join(f"{key}={value!r}" for key, value in [("name", name), *own])
    return f"cnnzoo.train(cnnzoo.Recipe({arguments}))"


def _settings(named: dict[str, Any], values: dict[str, Any]) -> Iterator[str]:
    """Yield the values of `--set` that make the one recipe of the other, as a shell takes them."""
    for key, value in values.items():
        before = named.get(key, _defaults().get(key))
        if isinstance(value, dict) and isinstance(before, dict) and before.keys() <= value.keys():
            yield from (_setting(f"{key}.{entry}", value[entry]) for entry in value if _differs(before, value, entry))
        elif value != before:
            yield _setting(key, value)


def _differs(before: dict[str, Any], value: dict[str, Any], entry: str) -> bool:
    return entry not in before or before[entry] != value[entry]


def _setting(key: str, value: Any) -> str:
    """Return `key=value`; a string that would be read as something else has quotes of its own."""
    text = str(value)
    if isinstance(value, str) and parse_settings([f"{key}={text}"])[key] != value:
        text = repr(value)
    return shlex.quote(f"{key}={text}")


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's values as a card holds them: tuples are lists there."""
    return json.loads(json.dumps(dict(values)))


def _defaults() -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(Recipe):
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    return _plain(found)


def _tensors(specs: dict[str, dict]) -> str:
    text = ", ".join(f"`{name}` {spec['dtype']} {tuple(spec['shape'])}" for name, spec in specs.items())
    return text.replace("None", "batch", len(specs))


def writes_warmup(warmup: bool | None) -> bool:
    """Return whether to write warm-up records; `None` is for "if the package for it is installed".

    Raises:
        InputError: `warmup` is true, and the package is missing.
    """
    installed = importlib.util.find_spec("tensorflow_serving") is not None
    if warmup and not installed:
        raise InputError(f"warm-up records need tensorflow-serving-api: {install_command('serve')}")
    return installed if warmup is None else warmup


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
    """Return the requests in a version's warm-up records, signature → inputs.

    The result is empty if the version has none, or if tensorflow-serving-api, which reads them, is not installed.
    """
    path = folder / "assets.extra" / WARMUP
    if not path.is_file() or not writes_warmup(None):
        return {}
    from tensorflow_serving.apis import prediction_log_pb2

    requests = {}
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        requests[request.model_spec.signature_name] = {
            name: tf.make_ndarray(value) for name, value in request.inputs.items()
        }
    return requests
