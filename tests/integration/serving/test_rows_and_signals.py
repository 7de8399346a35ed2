"""Autoencoders of rows and of signals in every format: the same reconstructions as Keras."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.models.standardization import Standardization
from tests import processes

OTHER_RUNTIMES = Path(__file__).parent / "other_runtimes.py"
OPTIONS = {
    "autoencoder": {"units": (12,), "code": 3},
    "deep_autoencoder": {"units": (12, 8), "code": 3},
    "denoising_autoencoder": {"units": (12,), "code": 3},
    "variational_autoencoder": {"units": (12, 8), "code": 3},
    "convolutional_autoencoder": {"maps": (4, 6), "code": 3},
    "stacked_convolutional_autoencoder": {"maps": (4, 6), "code": 3},
}
ROWS, SIGNALS = (7,), (22, 2)
# OpenVINO 2026.4 reads the LiteRT file of this net wrongly, and its ONNX file rightly; LiteRT reads it rightly, too.
WRONG = ("stacked_convolutional_autoencoder", "model.tflite by_openvino")
CASES = [(name, shape) for name in OPTIONS for shape in (ROWS, SIGNALS) if shape == SIGNALS or "conv" not in name]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_every_runtime_reconstructs_what_keras_does(name, shape, tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(64, *shape)).cumsum(axis=1) * 50 + 300
    standardize = Standardization.of(values)
    model = cnnzoo.create(name, input_shape=shape, **OPTIONS[name])
    given = np.asarray(standardize(values), "float32")
    model.fit(given, given, epochs=3, verbose=0)
    version = cnnzoo.export(model, tmp_path, preprocess=standardize, formats=("saved_model", "onnx", "litert"))

    values = values[:5].astype("float32")
    expected = model.predict(given[:5], verbose=0)
    code = cnnzoo.encoder(model).predict(given[:5], verbose=0)
    assert expected.std(axis=0).max() > 0.005
    signatures = tf.saved_model.load(str(version)).signatures
    found = signatures["serving_default"](values=values)["reconstruction"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(signatures["encode"](values=values)["code"], code, atol=1e-5)
    np.testing.assert_allclose(signatures["decode"](code=code)["reconstruction"], expected, atol=1e-5)
    np.save(tmp_path / "values.npy", values)
    ended = processes.run([OTHER_RUNTIMES, version, tmp_path / "values.npy", tmp_path / "found.npz"])
    assert ended.returncode == 0, ended.stderr
    for runtime, reconstructions in np.load(tmp_path / "found.npz").items():
        if (name, runtime.rpartition(" ")[0]) == WRONG:
            continue
        np.testing.assert_allclose(reconstructions, expected[: len(reconstructions)], atol=1e-5, err_msg=runtime)
