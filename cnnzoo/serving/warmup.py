"""Warm-up records: requests that TensorFlow Serving replays when it loads a version, so that no user waits for it."""

import importlib.util
from pathlib import Path
from typing import Any

import tensorflow as tf

from cnnzoo.errors import InputError

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
