import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.models import preprocessing

OUTSIDER = """
import sys
for name in ("keras", "tf_keras", "cnnzoo"):
    sys.modules[name] = None  # importing it raises ImportError
import numpy as np
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
outputs = served(images=tf.constant(np.load(sys.argv[2])))
arrays = {name: value.numpy() for name, value in outputs.items()}
np.savez(sys.argv[3], **{**arrays, "class_name": arrays["class_name"].astype(str)})
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return cnnzoo.train("lenet5_digits", workdir=tmp_path_factory.mktemp("run"), epochs=3, verbose=0)


def served(version):
    return tf.saved_model.load(str(version)).signatures["serving_default"]


def test_a_process_without_keras_and_cnnzoo_gets_the_same_outputs(run, tmp_path):
    version = cnnzoo.export(run, tmp_path / "lenet5")
    images = cnnzoo.data.load("digits").test.images.astype("float32")
    np.save(tmp_path / "images.npy", images)
    paths = [str(path) for path in (version, tmp_path / "images.npy", tmp_path / "outputs.npz")]
    subprocess.run([sys.executable, "-c", OUTSIDER, *paths], check=True, stderr=subprocess.DEVNULL, cwd=tmp_path)
    outputs = np.load(tmp_path / "outputs.npz")

    model = run.model()
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(model(preprocessing("lenet5", model)(images))))
    assert np.abs(outputs["probabilities"] - expected).max() <= 1e-6
    np.testing.assert_array_equal(outputs["class_id"], expected.argmax(axis=-1))
    assert list(outputs["class_name"]) == [str(number) for number in outputs["class_id"]]


def test_served_accuracy_is_the_runs(run, tmp_path):
    test = cnnzoo.data.load("digits").test
    outputs = served(cnnzoo.export(run.folder, tmp_path))(images=tf.constant(test.images, tf.float32))
    assert (outputs["class_id"].numpy() == test.labels).mean() == pytest.approx(run.metrics["test"]["accuracy"])


def test_signature_has_names_and_a_free_batch(run, tmp_path):
    signature = served(cnnzoo.export(run, tmp_path))
    assert signature.structured_input_signature[1] == {
        "images": tf.TensorSpec((None, 8, 8, 1), tf.float32, name="images")
    }
    assert set(signature.structured_outputs) == {"probabilities", "class_id", "class_name"}
    for batch in (1, 7):
        assert signature(images=tf.zeros((batch, 8, 8, 1)))["probabilities"].shape == (batch, 10)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 9, 8, 1), (1, 8, 8, 3), (64,)])
def test_a_request_of_another_shape_is_an_error_and_not_the_end(run, tmp_path, shape):
    """As a server runs it: the graph alone, past the checks that TensorFlow's Python makes."""
    version = cnnzoo.export(run, tmp_path)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        signature = tf.compat.v1.saved_model.load(session, ["serve"], str(version)).signature_def["serving_default"]
        images, outputs = signature.inputs["images"].name, signature.outputs["probabilities"].name
        assert session.run(outputs, {images: np.zeros((2, 8, 8, 1))}).shape == (2, 10)
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
            session.run(outputs, {images: np.zeros(shape)})


def test_versions_count_up_and_two_writers_get_two(tmp_path):
    model = cnnzoo.lenet()
    (tmp_path / "models" / "7").mkdir(parents=True)
    versions = []
    threads = [
        threading.Thread(target=lambda: versions.append(cnnzoo.export(model, tmp_path / "models"))) for _ in range(2)
    ]
    cnnzoo.export(model, tmp_path / "models")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["10", "7", "8", "9"]
    assert {version.name for version in versions} == {"9", "10"}


def test_a_failed_export_leaves_nothing(tmp_path):
    def broken(images):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        cnnzoo.export(cnnzoo.lenet(), tmp_path / "models", preprocess=broken)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("end", [keras.layers.Softmax(), keras.layers.Activation("softmax"), "logits"])
def test_probabilities_come_out_whatever_the_model_ends_in(tmp_path, end):
    body = cnnzoo.lenet(classifier_activation=None)
    model = body if end == "logits" else keras.Sequential([keras.Input((32, 32, 1)), body, end])
    images = np.random.default_rng(0).random((4, 32, 32, 1)).astype("float32")
    expected = keras.ops.softmax(body(images))
    np.testing.assert_allclose(
        served(cnnzoo.export(model, tmp_path))(images=images)["probabilities"], expected, atol=1e-6
    )


def test_a_bare_model_brings_its_preprocessing_if_given(tmp_path):
    model = cnnzoo.lenet()
    version = cnnzoo.export(model, tmp_path, preprocess=cnnzoo.models.lenet.preprocess_input, image_shape=(28, 28, 1))
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1)).astype("float32")
    expected = model(cnnzoo.models.lenet.preprocess_input(images))
    np.testing.assert_allclose(served(version)(images=images)["probabilities"], expected, atol=1e-6)


def test_what_cannot_be_exported_is_refused(tmp_path):
    with pytest.raises(cnnzoo.InputError, match="10 classes, but 2 class_names"):
        cnnzoo.export(cnnzoo.lenet(), tmp_path, class_names=["a", "b"])
    with pytest.raises(cnnzoo.InputError, match="is no classifier"):
        cnnzoo.export(cnnzoo.lenet(include_top=False), tmp_path)
    with pytest.raises(cnnzoo.InputError, match="is an autoencoder and has no classes"):
        cnnzoo.export(cnnzoo.autoencoder(units=(), code=2), tmp_path, class_names=["a", "b"])
    with pytest.raises(cnnzoo.InputError, match="neither probabilities"):
        cnnzoo.export(cnnzoo.lenet(classifier_activation="sigmoid", compile=False), tmp_path)
    with pytest.raises(cnnzoo.InputError, match="holds no trained model"):
        cnnzoo.export(tmp_path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
