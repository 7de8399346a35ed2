"""Export a trained model to a numbered folder, as model servers load it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cnnzoo import data
from cnnzoo.checks import refusal
from cnnzoo.experiments.run import Run
from cnnzoo.files import next_version
from cnnzoo.runtime import require_tensorflow
from cnnzoo.serving import formats as files
from cnnzoo.serving import model_card, verify
from cnnzoo.serving.export_model import ExportedModel, exported_model_of


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
    output: str | None = None,
    evaluate: bool = False,
    warmup: bool | None = None,
    data_dir: str | Path | None = None,
) -> Path:
    """Write a model of images to `folder/<next integer>`, as model servers expect it.

    The SavedModel's signatures:

    - `serving_default` takes `images`, float32 `(batch, height, width, channels)`, and returns what the model's outputs
      are:

      - of a classifier `probabilities` `(batch, classes)`, `class_id` and `class_name` `(batch,)`; with `top` above 1
        these are `(batch, top)`, the most probable first, and `class_probability`;
      - of a classifier of two classes with one unit `score` `(batch,)`, the probability of the second, with `class_id`
        and `class_name`;
      - of one with several labels for an image `labels` `(batch, labels)`, a probability for each;
      - of a regression `values`, the outputs as they are;
      - of an autoencoder, a model that returns images of the shape that it takes, `reconstruction`.
    - `serve_bytes` takes `image_bytes`, strings `(batch,)` that are whole JPEG or PNG files, decodes them as folders
      of photographs are read for training, and returns the same.
    - `reconstruct`, `encode` (`images` → `code`) and `decode` (`code` → `reconstruction`), for an autoencoder.

    From a run, images are pixels 0 to 255 of the size of the data set, and the run's own preprocessing is part of
    every file. From a bare model, they are what the model takes, and there is no `serve_bytes`, unless `preprocess`
    is given. The graph itself refuses inputs that would crash a server or give meaningless outputs.

    Whatever precision the model was trained in, its files compute in float32: all formats return the same outputs on
    every processor. Before it is published, each format is compared with the model's own `predict`, and refused if it
    differs by more than 1e-5 (SavedModel, LiteRT) or 1e-4 (ONNX) in any number; where there are numbers above 1, of the
    largest.

    The version is written atomically; a server that polls `folder` never sees a part. Besides the model it holds the
    names of the classes (`assets/labels.txt`), a model card (`assets.extra/README.md` and `card.json`) and the
    requests with which TensorFlow Serving warms it up.

    Args:
        model: a model with one output, a finished `Run`, a run's folder, or a `.keras` file.
        folder: the model's folder, such as `saved_models/lenet5`.
        formats: any of `"saved_model"`, `"onnx"` (`model.onnx`), `"litert"` (`model.tflite`) and `"litert_int8"`
            (`model.int8.tflite`, weights and activations of 8 bits); all but the first need the extra `export`.
        preprocess: the function that turns pixels into the model's input; a run has its own.
        image_shape: `(height, width, channels)` of the images; default the model's input, or the run's data.
        class_names: name of each class or label; default the numbers, or the run's own. Autoencoders and regressions
            have none.
        top: how many classes to name, from 1 to all.
        weights_dtype: `"float32"`, or `"float16"`, which halves the file. The weights are rounded first, in every
            format, and the rounded model is compared.
        calibration: images as the signatures take them, whose activations give `"litert_int8"` its scales; default
            the first 500 training images of a run.
        output: what the model returns: `"probabilities"`, `"logits"` of these, `"labels"` (independent probabilities)
            or `"values"`; default what its last operation says (a softmax, a sigmoid), or else its loss. Without
            either, as after a layer without activation in a model that is not compiled, it must be given.
        evaluate: whether to evaluate every format on the run's test images, for the card; `"litert_int8"` of a run
            is always evaluated, and so is the float32 model that it is made of.
        warmup: whether to write warm-up records, which needs the extra `serve`; default if that is installed.
        data_dir: where TFDS keeps a run's data; see `cnnzoo.data.load`.

    Returns:
        The path of the new version.

    Raises:
        InputError: no finished run, outputs of which nothing says what they are, values that do not fit the model, a
            missing package, or a file whose outputs differ from the model's.

    Example:
    >>> import cnnzoo, tempfile
    >>> version = export(cnnzoo.lenet5(), tempfile.mkdtemp())
    >>> version.name, sorted(entry.name for entry in version.iterdir())
    ('1', ['assets', 'assets.extra', 'fingerprint.pb', 'saved_model.pb', 'variables'])
    """
    require_tensorflow("exports")
    formats = files.checked_formats(formats)
    warmup = model_card.writes_warmup(warmup) and "saved_model" in formats
    exported = exported_model_of(model, preprocess, image_shape, class_names, top, weights_dtype, output)
    if evaluate and exported.run is None:
        raise refusal("evaluate", "False for a bare model, which has no test images", evaluate)
    evaluate = evaluate or (exported.run is not None and "litert_int8" in formats)
    with data.using_data_dir(data_dir):
        source = verify.load_data(exported.run) if evaluate and exported.run else None
    if "litert_int8" in formats:
        calibration = verify.calibration_images(calibration, exported, source)
    with next_version(Path(folder)) as version:
        with verify.full_float32(exported):
            verify.check_outputs(exported)
            written = {format: _write(format, exported, version.part, calibration) for format in formats}
            test = _evaluate(exported, version.part, written, source) if source else {}
        signatures = tf.saved_model.load(str(version.part)).signatures if "saved_model" in formats else {}
        card = model_card.card_of(exported, _tensor_specs(signatures), written, test)
        model_card.write_card(card, version.part)
        if warmup:
            model_card.write_warmup(_warmup_requests(signatures, exported), version.part, exported.model.name)
    return version.folder


def _write(format: str, exported: ExportedModel, folder: Path, calibration: Any) -> dict[str, Any]:
    """Write one format, compare it with Keras, and return its entry in the card."""
    before = _size(folder)
    files.write(format, exported, folder, calibration)
    size = _size(folder) - before
    return {"bytes": size, **verify.check(format, exported, folder, calibration)}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _evaluate(
    exported: ExportedModel, folder: Path, written: dict[str, dict[str, Any]], source: data.Source
) -> dict[str, Any]:
    """Add its test metrics to the entry of each format, and return those of the first.

    `litert_int8` also gets the metrics of the model in float32, which show what 8-bit integers lose.
    """
    for format, entry in written.items():
        predict = files.load_predictor(format, exported, folder)
        entry["test"] = verify.evaluate(predict, exported, source.test)
    if "litert_int8" in written:
        in_float32 = verify.evaluate(verify.own_predictor(exported), exported, source.test)
        written["litert_int8"]["test_in_float32"] = in_float32
    return {**next(iter(written.values()))["test"], "images": len(source.test), "n": 1}


def _tensor_specs(signatures: dict[str, Any]) -> dict[str, Any]:
    """Return name, type and shape of the inputs and outputs of each signature."""

    def plain(specs):
        return {name: {"dtype": spec.dtype.name, "shape": list(spec.shape)} for name, spec in sorted(specs.items())}

    return {
        name: {
            "inputs": plain(signature.structured_input_signature[1]),
            "outputs": plain(signature.structured_outputs),
        }
        for name, signature in sorted(signatures.items())
    }


def _warmup_requests(signatures: dict[str, Any], exported: ExportedModel) -> dict[str, dict[str, Any]]:
    """Return a request for each signature: one image, its file, or a code of zeros."""
    images = exported.sample_images(1)
    requests = {}
    for name, signature in sorted(signatures.items()):
        for argument, spec in signature.structured_input_signature[1].items():
            if argument == exported.input_name:
                value = images
            elif argument == "image_bytes":
                value = np.array([tf.io.encode_png(tf.cast(images[0], tf.uint8)).numpy()], dtype=object)
            else:
                value = np.zeros((1, *spec.shape[1:]), "float32")
            requests[name] = {argument: value}
    return requests
