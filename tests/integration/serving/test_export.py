import json
import threading
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.models import preprocessing
from cnnzoo.serving import verify
from tests import processes

WITHOUT_KERAS = """
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
    paths = [version, tmp_path / "images.npy", tmp_path / "outputs.npz"]
    ended = processes.run(["-c", WITHOUT_KERAS, *paths], cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    outputs = np.load(tmp_path / "outputs.npz")

    model = run.model()
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(model(preprocessing("lenet5", model)(images))))
    assert np.abs(outputs["probabilities"] - expected).max() <= 1e-6
    np.testing.assert_array_equal(outputs["class_id"], expected.argmax(axis=-1))
    assert list(outputs["class_name"]) == [str(number) for number in outputs["class_id"]]


def test_the_served_accuracy_is_that_of_the_run(run, tmp_path):
    test = cnnzoo.data.load("digits").test
    outputs = served(cnnzoo.export(run.folder, tmp_path))(images=tf.constant(test.images, tf.float32))
    assert (outputs["class_id"].numpy() == test.labels).mean() == pytest.approx(run.metrics["test"]["accuracy"])


def test_the_signature_has_names_and_any_batch_size(run, tmp_path):
    signature = served(cnnzoo.export(run, tmp_path))
    assert signature.structured_input_signature[1] == {
        "images": tf.TensorSpec((None, 8, 8, 1), tf.float32, name="images")
    }
    assert set(signature.structured_outputs) == {"probabilities", "class_id", "class_name"}
    for batch in (1, 7):
        assert signature(images=tf.zeros((batch, 8, 8, 1)))["probabilities"].shape == (batch, 10)


def test_versions_count_up_also_with_two_writers_at_the_same_time(tmp_path):
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


def test_a_failed_export_leaves_no_files(tmp_path):
    def broken(images):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        cnnzoo.export(cnnzoo.lenet(), tmp_path / "models", preprocess=broken)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("end", [keras.layers.Softmax(), keras.layers.Activation("softmax"), "logits"])
def test_the_output_is_probabilities_whatever_the_last_layer(tmp_path, end):
    body = cnnzoo.lenet(classifier_activation=None)
    model = body if end == "logits" else keras.Sequential([keras.Input((32, 32, 1)), body, end])
    images = np.random.default_rng(0).random((4, 32, 32, 1)).astype("float32")
    expected = keras.ops.softmax(body(images))
    np.testing.assert_allclose(
        served(cnnzoo.export(model, tmp_path))(images=images)["probabilities"], expected, atol=1e-6
    )


def test_a_bare_model_is_exported_with_the_preprocessing_given(tmp_path):
    model = cnnzoo.lenet()
    version = cnnzoo.export(model, tmp_path, preprocess=cnnzoo.models.lenet.preprocess_input, image_shape=(28, 28, 1))
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1)).astype("float32")
    expected = model(cnnzoo.models.lenet.preprocess_input(images, (32, 32, 1)))
    np.testing.assert_allclose(served(version)(images=images)["probabilities"], expected, atol=1e-6)


def test_models_that_cannot_be_exported_are_refused(tmp_path):
    with pytest.raises(cnnzoo.InputError, match=r"`class_names` must be 10 names, .*\. Received: \['a', 'b'\]"):
        cnnzoo.export(cnnzoo.lenet(), tmp_path, class_names=["a", "b"])
    with pytest.raises(cnnzoo.InputError, match="is no classifier"):
        cnnzoo.export(cnnzoo.lenet(include_top=False), tmp_path)
    with pytest.raises(
        cnnzoo.InputError,
        match=r"`class_names` must be None for autoencoder, an autoencoder without classes. Received: ",
    ):
        cnnzoo.export(cnnzoo.autoencoder(units=(), code=2), tmp_path, class_names=["a", "b"])
    with pytest.raises(cnnzoo.InputError, match=r"`top` must be 1 for autoencoder, .*. Received: 2"):
        cnnzoo.export(cnnzoo.autoencoder(units=(), code=2), tmp_path, top=2)
    with pytest.raises(cnnzoo.InputError, match="neither that nor its loss says what its outputs are"):
        cnnzoo.export(cnnzoo.lenet(classifier_activation="tanh", compile=False), tmp_path)
    with pytest.raises(cnnzoo.InputError, match="holds no trained model"):
        cnnzoo.export(tmp_path, tmp_path / "out")
    with pytest.raises(cnnzoo.InputError, match=r"there is no file or folder '.*missing'$"):
        cnnzoo.export(tmp_path / "missing", tmp_path / "out")
    with pytest.raises(cnnzoo.InputError, match=r"no file or folder .*; the model of that name that comes"):
        cnnzoo.export(tmp_path / "lenet5_mnist", tmp_path / "out")
    with pytest.raises(cnnzoo.InputError, match=r"a Keras model, a Run or the path of one. Received: 3"):
        cnnzoo.export(3, tmp_path)
    with pytest.raises(cnnzoo.InputError, match=r"integers \(height, width, channels\). Received: \(8, 8\)"):
        cnnzoo.export(cnnzoo.lenet(), tmp_path, image_shape=(8, 8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"formats": ("onx",)}, "unknown format 'onx'; did you mean 'onnx'"),
        ({"formats": ()}, "at least one of saved_model, onnx, litert, litert_int8"),
        ({"top": 0}, "`top` must be an integer from 1 to 10, the number of classes. Received: 0"),
        ({"top": 11}, "from 1 to 10, the number of classes. Received: 11"),
        ({"weights_dtype": "float8"}, "unknown weights_dtype 'float8'; did you mean 'float\\d\\d' or 'float\\d\\d'"),
        ({"formats": "litert_int8"}, "give calibration=images"),
        (
            {"formats": "litert_int8", "calibration": np.zeros((3, 8, 8, 1))},
            r"shape \(batch, 32, 32, 1\). Received: \(3, 8, 8, 1\)",
        ),
        ({"evaluate": True}, "`evaluate` must be False for a bare model, which has no test images. Received: True"),
    ],
)
def test_invalid_options_get_an_error_message(tmp_path, options, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        cnnzoo.export(cnnzoo.lenet(), tmp_path / "models", **options)
    assert not (tmp_path / "models").exists()


def test_the_most_probable_classes_are_named(tmp_path):
    model = cnnzoo.lenet()
    names = [f"class {number}" for number in range(10)]
    images = np.random.default_rng(0).random((4, 32, 32, 1)).astype("float32")
    outputs = served(cnnzoo.export(model, tmp_path, top=3, class_names=names))(images=images)
    probabilities = np.asarray(model(images))
    order = np.argsort(-probabilities, axis=1)[:, :3]
    np.testing.assert_array_equal(outputs["class_id"], order)
    np.testing.assert_allclose(outputs["class_probability"], np.take_along_axis(probabilities, order, 1), atol=1e-6)
    assert outputs["class_name"].numpy().tolist() == [[f"class {number}".encode() for number in row] for row in order]


def test_half_precision_halves_the_file_and_predicts_as_the_rounded_model(tmp_path):
    model = cnnzoo.mlp()
    whole, half = (cnnzoo.export(model, tmp_path / dtype, weights_dtype=dtype) for dtype in ("float32", "float16"))
    size = {version: (version / "variables/variables.data-00000-of-00001").stat().st_size for version in (whole, half)}
    assert size[half] < 0.51 * size[whole]
    images = np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32")
    before = model.get_weights()
    model.set_weights([value.astype("float16").astype("float32") for value in before])
    np.testing.assert_allclose(served(half)(images=images)["probabilities"], model(images), atol=1e-6)
    model.set_weights([1e6 * value for value in before])
    with pytest.raises(cnnzoo.InputError, match="too large for float16"):
        cnnzoo.export(model, tmp_path, weights_dtype="float16")


def test_a_model_of_mixed_precision_is_served_in_float32(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = cnnzoo.stacked_autoencoder(units=(30,))
    finally:
        keras.config.set_dtype_policy(before)
    exact = cnnzoo.stacked_autoencoder(units=(30,))
    exact.set_weights(mixed.get_weights())
    images = np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(
        served(cnnzoo.export(mixed, tmp_path))(images=images)["probabilities"], exact(images), atol=1e-6
    )


def test_nested_and_shared_layers_are_served_in_float32_too(tmp_path):
    """A layer that is called twice stays one, and a model in the model is cast as well."""

    def net(policy):
        dense = keras.layers.Dense(20, "tanh", dtype=policy, name="shared")
        block = keras.Sequential([keras.Input((20,)), keras.layers.Dense(20, "tanh", dtype=policy)], name="block")
        inputs = keras.Input((4, 5, 1))
        x = keras.layers.Flatten(dtype=policy)(inputs)
        outputs = keras.layers.Dense(3, "softmax", dtype=policy)(block(dense(dense(x)) + x))
        return keras.Model(inputs, outputs, name="net")

    keras.utils.set_random_seed(1)
    mixed, exact = net("mixed_bfloat16"), net("float32")
    exact.set_weights(mixed.get_weights())
    images = np.random.default_rng(0).random((5, 4, 5, 1)).astype("float32")
    outputs = served(cnnzoo.export(mixed, tmp_path))(images=images)["probabilities"]
    np.testing.assert_allclose(outputs, exact(images), atol=1e-6)
    assert np.abs(keras.ops.cast(mixed(images), "float32") - exact(images)).max() > 1e-4
    assert mixed.get_layer("shared").compute_dtype == "bfloat16"


class Times(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs

    def get_config(self):
        return {}  # without the factor, it cannot be made again


def test_a_model_that_cannot_be_copied_is_refused(tmp_path):
    inputs = keras.Input((4, 5, 1))
    x = keras.layers.Flatten()(Times(2)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x), name="net")
    assert cnnzoo.export(model, tmp_path).name == "1"
    with pytest.raises(cnnzoo.InputError, match=r"net cannot be copied to compute in float32: .*'Times'"):
        cnnzoo.export(model, tmp_path, weights_dtype="float16")


def test_the_card_has_recipe_metrics_and_versions(run, tmp_path):
    version = cnnzoo.export(run, tmp_path, evaluate=True)
    card = json.loads((version / "assets.extra" / "card.json").read_text())
    assert card["parameters"] == 60_000
    assert card["recipe"] == json.loads(json.dumps(run.recipe.to_dict()))
    assert card["seed"] == 0
    assert card["test"]["accuracy"] == pytest.approx(run.metrics["test"]["accuracy"])
    assert card["test"]["images"] == len(cnnzoo.data.load("digits").test)
    assert card["versions"]["tensorflow"] == tf.__version__
    assert card["formats"]["saved_model"]["difference"] <= 1e-5
    assert (version / "assets" / "labels.txt").read_text().split() == [str(digit) for digit in range(10)]
    readme = (version / "assets.extra" / "README.md").read_text()
    assert "lenet5_digits" in readme
    assert "pixels from 0 to 255" in readme


def test_a_keras_file_is_exported(tmp_path):
    model = cnnzoo.lenet(compile=False)
    model.save(tmp_path / "lenet.keras")
    images = np.random.default_rng(0).random((2, 32, 32, 1)).astype("float32")
    outputs = served(cnnzoo.export(tmp_path / "lenet.keras", tmp_path / "models"))(images=images)
    np.testing.assert_allclose(outputs["probabilities"], model(images), atol=1e-6)


def test_a_format_that_differs_from_keras_is_not_published(tmp_path, monkeypatch):
    monkeypatch.setitem(verify.TOLERANCES, "saved_model", -1.0)
    with pytest.raises(cnnzoo.InputError, match=r"differs from Keras' by .* nothing was published"):
        cnnzoo.export(cnnzoo.lenet(), tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_tensorflow_serving_finds_the_signatures(run, tmp_path):
    """In the file alone, as its command `saved_model_cli` shows it."""
    version = cnnzoo.export(run, tmp_path)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(version)).signature_def
    outputs = {"probabilities", "class_id", "class_name"}
    for name, argument in (("serving_default", "images"), ("serve_bytes", "image_bytes")):
        assert signatures[name].method_name == "tensorflow/serving/predict"
        assert {*signatures[name].inputs} == {argument}
        assert {*signatures[name].outputs} == outputs


def test_a_comparison_is_made_in_full_float32(tmp_path):
    """TensorFloat-32, which GPUs compute in by default, would differ from the written model by more than is allowed."""
    images = keras.Input((8, 8, 1))
    model = keras.Model(images, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(images)))
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    while_checked = []

    def preprocess(pixels):
        while_checked.append(enabled())
        return pixels / 255

    assert enabled()
    model.predict(np.zeros((1, 8, 8, 1)), verbose=0)
    compiled = model.predict_function
    cnnzoo.export(model, tmp_path, preprocess=preprocess)
    assert set(while_checked) == {False}
    assert enabled()
    assert model.predict_function is not compiled


def test_exports_that_overlap_leave_tensor_float_32_as_it_was(tmp_path):
    """The first that begins ends first: it must not leave the other without, nor what comes after."""
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    both = SimpleNamespace(own=SimpleNamespace(), model=SimpleNamespace())
    before, entered = enabled(), []
    first, second = verify.full_float32(both), verify.full_float32(both)
    assert before
    for block in (first, second):
        block.__enter__()
        entered.append(enabled())
    first.__exit__(None, None, None)
    entered.append(enabled())
    second.__exit__(None, None, None)
    assert (entered, enabled()) == ([False] * 3, before)
