"""From a trained model to a numbered folder that servers read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo import data
from cnnzoo.errors import InputError
from cnnzoo.experiments.run import Run
from cnnzoo.files import next_version
from cnnzoo.serving import formats as files
from cnnzoo.serving import model_card, verify
from cnnzoo.serving.export_model import ExportedModel, exported_model_of
from cnnzoo.serving.model_card import card_of, write_card
from cnnzoo.serving.saved_model import signatures_in
from cnnzoo.serving.verify import by_keras, check, tolerance


def export(
    model: keras.Model | Run | str | Path,
    folder: str | Path,
    *,
    formats: Sequence[str] = ("saved_model",),
    preprocess: Callable[[Any], Any] | None = None,
    image_shape: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    top: int = 1,
    weights_dtype: str = "float32",
    calibration: Any = None,
    evaluate: bool = False,
    warmup: bool | None = None,
    data_dir: str | Path | None = None,
) -> Path:
    """Write a classifier or an autoencoder to `folder/<next integer>`, as model servers expect it.

    The SavedModel's signatures:

    - `serving_default` takes `images`, float32 `(batch, height, width, channels)`, and returns `probabilities`
      `(batch, classes)`, `class_id` and `class_name` `(batch,)`; with `top` above 1 these are `(batch, top)`, the most
      probable first, beside their `class_probability`. Of an autoencoder, a model that returns images of the shape
      that it takes, it returns `reconstruction`.
    - `serve_bytes` takes `image_bytes`, strings `(batch,)` that are whole JPEG or PNG files, decodes them as folders
      of photographs are read for training, and returns the same.
    - `reconstruct`, `encode` (`images` → `code`) and `decode` (`code` → `reconstruction`), of an autoencoder.

    From a run, images are pixels 0 to 255 of the size of the data set, and the run's own preprocessing is part of
    every file. From a bare model, they are what the model takes, and there is no `serve_bytes`, unless `preprocess`
    is given. Inputs that would crash a server, or be answered by nonsense, are refused inside the graph.

    Whatever precision the model was trained in, its files calculate in float32: all give the same answers, on every
    processor. Before it is published each format is compared with the Keras model, and refused if it differs by more
    than 1e-5 (SavedModel, LiteRT) or 1e-4 (ONNX) in any probability or pixel.

    The folder appears whole or not at all; a server that polls `folder` never sees a part. Beside the model it holds
    the names of the classes (`assets/labels.txt`), a model card (`assets.extra/README.md` and `card.json`) and
    requests by which TensorFlow Serving warms it up.

    Args:
        model: a classifier, an autoencoder, a finished `Run`, a run's folder, or a `.keras` file.
        folder: the model's folder, such as `saved_models/lenet5`.
        formats: any of `"saved_model"`, `"onnx"` (`model.onnx`), `"litert"` (`model.tflite`) and `"litert_int8"`
            (`model.int8.tflite`, weights and activations of 8 bits); all but the first need the extra `export`.
        preprocess: what turns pixels into the model's input; a run brings its own.
        image_shape: `(height, width, channels)` of the images; default the model's input, or the run's data.
        class_names: name of each class; default the numbers, or the run's own. An autoencoder has none.
        top: how many classes to name, from 1 to all.
        weights_dtype: `"float32"`, or `"float16"`, by which a file takes half the space. The weights are rounded
            first, in every format, and what is compared is the rounded model.
        calibration: images as the signatures take them, by which `"litert_int8"` chooses its scales; default the
            first 500 training images of a run.
        evaluate: whether to judge every format on the run's test images, for the card; `"litert_int8"` of a run always
            is, and beside it the model that it is made of.
        warmup: whether to write warm-up records, which needs the extra `serve`; default if that is installed.
        data_dir: where TFDS keeps a run's data; see `cnnzoo.data.load`.

    Returns:
        The path of the new version.

    Raises:
        InputError: no finished run, neither classifier nor autoencoder, values that do not fit it, a missing
            package, or a file that does not answer as the model does.

    Example:
    >>> import cnnzoo, tempfile
    >>> version = export(cnnzoo.lenet5(), tempfile.mkdtemp())
    >>> version.name, sorted(entry.name for entry in version.iterdir())
    ('1', ['assets', 'assets.extra', 'fingerprint.pb', 'saved_model.pb', 'variables'])
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"models are exported by TensorFlow: set KERAS_BACKEND=tensorflow, not {keras.backend.backend()}"
        )
    formats = files.checked_formats(formats)
    warmed = model_card.wanted(warmup) and "saved_model" in formats
    exported = exported_model_of(model, preprocess, image_shape, class_names, top, weights_dtype)
    source = _images_to_evaluate(exported, evaluate, formats, data_dir)
    if "litert_int8" in formats:
        if calibration is None and exported.run and source:
            calibration = verify.calibration_images(exported.run, source)
        calibration = verify.check_calibration(calibration, exported)
    with next_version(Path(folder)) as version:
        checked = {format: _written(format, exported, version.part, calibration) for format in formats}
        test = _evaluate(exported, version.part, checked, source) if source else {}
        signatures = signatures_in(version.part) if "saved_model" in formats else {}
        write_card(card_of(exported, _described(signatures), checked, test), version.part)
        if warmed:
            model_card.write_warmup(_requests(signatures, exported), version.part, exported.model.name)
    return version.folder


def _images_to_evaluate(
    exported: ExportedModel, evaluate: bool, formats: Sequence[str], data_dir: str | Path | None
) -> data.Source | None:
    if exported.run is None:
        if evaluate:
            raise InputError("judge=True needs the test images of a run; a bare model has none")
        return None
    return verify.images_of(exported.run, data_dir) if evaluate or "litert_int8" in formats else None


def _written(format: str, exported: ExportedModel, folder: Path, calibration: Any) -> dict[str, Any]:
    """Write one format, compare it with Keras, and return what the card says of it."""
    before = _bytes(folder)
    files.write(format, exported, folder, calibration)
    size = _bytes(folder) - before
    if format == "litert_int8":
        found, allowed = verify.check_int8(exported, folder, calibration), verify.INT8_TOLERANCE
    else:
        found, allowed = check(format, exported, folder), tolerance(format, exported)
    return {"bytes": size, "difference": found, "allowed": allowed}


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _evaluate(
    exported: ExportedModel, folder: Path, checked: dict[str, dict[str, Any]], source: data.Source
) -> dict[str, Any]:
    """Add to each format what it gets right on the test images, and return that of the first.

    What integers of 8 bits lose is what the model in float32 gets right and they do not.
    """
    for format, of in checked.items():
        of["test"] = verify.figures(files.read(format, exported, folder), exported, source.test)
    if "litert_int8" in checked:
        checked["litert_int8"]["test_in_float32"] = verify.figures(by_keras(exported), exported, source.test)
    return {**next(iter(checked.values()))["test"], "images": len(source.test), "n": 1}


def _described(signatures: dict[str, Any]) -> dict[str, Any]:
    """Return the tensors of each signature as plain types."""

    def plain(specs):
        return {name: {"dtype": spec.dtype.name, "shape": list(spec.shape)} for name, spec in sorted(specs.items())}

    return {
        name: {"inputs": plain(of.structured_input_signature[1]), "outputs": plain(of.structured_outputs)}
        for name, of in sorted(signatures.items())
    }


def _requests(signatures: dict[str, Any], exported: ExportedModel) -> dict[str, dict[str, Any]]:
    """Return a request for each signature: one image, its file, or the code of zeros."""
    image = exported.samples(1)
    requests = {}
    for name, signature in sorted(signatures.items()):
        for argument, spec in signature.structured_input_signature[1].items():
            if argument == "images":
                value = image
            elif argument == "image_bytes":
                value = np.array([tf.io.encode_png(tf.cast(image[0], tf.uint8)).numpy()], dtype=object)
            else:
                value = np.zeros((1, *spec.shape[1:]), "float32")
            requests[name] = {argument: value}
    return requests
