import json

import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.serving.litert_process import LiteRTProcess


def test_int8_lenet5_loses_little_accuracy(tfds_folder, tmp_path):
    """With the shipped weights, on all of MNIST's test images, by TensorFlow Lite's own interpreter."""
    from ai_edge_litert.interpreter import Interpreter

    model = cnnzoo.lenet5(weights="mnist")
    source = cnnzoo.data.load("mnist", data_dir=tfds_folder, train_examples=500)
    version = cnnzoo.export(
        model,
        tmp_path,
        formats=("litert", "litert_int8"),
        preprocess=cnnzoo.models.lenet.preprocess_input,
        image_shape=(28, 28, 1),
        calibration=source.train.images,
    )
    accuracy = {}
    for file in ("model.tflite", "model.int8.tflite"):
        serve = Interpreter(str(version / file)).get_signature_runner()
        (probabilities,) = serve(images=source.test.images.astype("float32")).values()
        accuracy[file] = (probabilities.argmax(axis=1) == source.test.labels).mean()
    assert accuracy["model.tflite"] - accuracy["model.int8.tflite"] <= 0.003
    assert (version / "model.int8.tflite").stat().st_size <= 0.32 * (version / "model.tflite").stat().st_size


def test_int8_of_a_run_is_calibrated_and_evaluated_on_its_data(tmp_path):
    run = cnnzoo.train("lenet5_digits", workdir=tmp_path / "run", epochs=3, verbose=0)
    version = cnnzoo.export(run, tmp_path / "models", formats=("litert_int8",))
    card = json.loads((version / "assets.extra" / "card.json").read_text())
    entry = card["formats"]["litert_int8"]
    assert entry["test_in_float32"]["accuracy"] == run.metrics["test"]["accuracy"]
    assert abs(entry["test"]["accuracy"] - run.metrics["test"]["accuracy"]) <= 0.02
    assert card["test"]["accuracy"] == entry["test"]["accuracy"]


def test_an_autoencoder_is_exported_as_int8(tmp_path, capfd):
    model = cnnzoo.autoencoder(units=(30,), code=8)
    images = np.random.default_rng(0).random((50, 28, 28, 1)).astype("float32")
    version = cnnzoo.export(model, tmp_path, formats=("litert_int8",), calibration=images)
    assert not (version / "saved_model.pb").exists()
    assert tf.io.gfile.exists(str(version / "model.int8.tflite"))
    assert "fully_quantize" not in capfd.readouterr().err  # the converter's, written in C++


@pytest.mark.parametrize(("value", "words"), [(0, "Received: '0 alone'"), (np.nan, "values that are not finite")])
def test_images_that_say_nothing_of_activations_are_refused(tmp_path, value, words):
    """With zeros alone the runtime dies of the file that the converter writes, and took Python with it."""
    zeros = np.full((4, 32, 32, 1), value, "float32")
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.export(cnnzoo.lenet5(), tmp_path / "models", formats=["litert_int8"], calibration=zeros)


def test_a_file_that_its_runtime_dies_of_does_not_end_this_process(tmp_path):
    """Constants of a flatbuffer that point out of it: LiteRT trusts them."""
    model = cnnzoo.lenet5()
    version = cnnzoo.export(model, tmp_path, formats=["litert"])
    intact, images = version / "model.tflite", np.random.default_rng(0).random((3, 32, 32, 1)).astype("float32")
    predict = LiteRTProcess(intact)
    np.testing.assert_array_equal(predict(images), predict(images))
    refused = 0
    for start in range(0, 2000, 100):
        content = bytearray(intact.read_bytes())
        content[start : start + 100] = b"\xff" * 100
        (tmp_path / "damaged.tflite").write_bytes(content)
        try:
            LiteRTProcess(tmp_path / "damaged.tflite")(images)
        except RuntimeError as error:
            refused += 1
            assert str(error)  # noqa: PT017
    assert refused > 5


def test_calibration_images_that_are_no_pixels_are_warned_of(tmp_path):
    model, preprocess = cnnzoo.autoencoder(units=(30,), code=8), cnnzoo.models.mlp.preprocess_input
    fractions = np.random.default_rng(0).random((50, 28, 28, 1)).astype("float32")
    with pytest.warns(UserWarning, match=r"given images of .* to 1; it takes pixels from 0 to 255: multiply"):
        cnnzoo.export(model, tmp_path, formats=("litert_int8",), calibration=fractions, preprocess=preprocess)
