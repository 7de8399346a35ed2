"""Plain Keras reads what cnnzoo saved, in a process that has imported cnnzoo, or that has none of it."""

import json

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.data.augmentation import RandomShifts
from tests import processes
from tests.small_nets import small

MODELS = [
    *("lenet5", "lenet", "mlp", "cuda_convnet", "all_cnn_c", "autoencoder", "denoising_autoencoder"),
    *("deep_autoencoder", "stacked_autoencoder", "convolutional_autoencoder", "stacked_convolutional_autoencoder"),
]
ORDERS = {
    "cnnzoo first": "import cnnzoo, keras",
    "keras first": "import keras, cnnzoo",
    "keras last, after a look whether it is there": (
        "import cnnzoo, importlib.util; assert importlib.util.find_spec('keras'); cnnzoo.__version__; import keras"
    ),
    "TensorFlow between": "import cnnzoo, tensorflow, keras",
}
READ = """
import json, sys
import numpy as np
found = {}
for name in sys.argv[2:]:
    model = keras.models.load_model(f"{sys.argv[1]}/{name}.keras")
    images = np.load(f"{sys.argv[1]}/{name}.npy")
    np.save(f"{sys.argv[1]}/{name}.outputs.npy", model.predict(images, verbose=0))
    clone = keras.models.clone_model(model)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert [type(layer).__name__ for layer in clone.layers] == [type(layer).__name__ for layer in again.layers]
    again.save(f"{sys.argv[1]}/{name}.again.keras")
    found[name] = {
        "compiled": model.compiled, "loss": type(model.loss).__name__, "optimizer": type(model.optimizer).__name__,
        "metrics": [type(each).__name__ for each in model.metrics],
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Ten models of the zoo, each trained for a step and saved, with images and what it answers."""
    folder = tmp_path_factory.mktemp("saved")
    rng = np.random.default_rng(0)
    expected = {}
    for name in MODELS:
        model = small(name)
        images = rng.random((4, *model.input_shape[1:])).astype("float32")
        model.fit(images, images if model.output_shape == model.input_shape else np.arange(4), verbose=0)
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", images)
        described = {
            "compiled": True,
            "loss": type(model.loss).__name__,
            "optimizer": type(model.optimizer).__name__,
            "metrics": [type(each).__name__ for each in model.metrics],
        }
        expected[name] = (model.predict(images, verbose=0), described)
    return folder, expected


@pytest.mark.parametrize("order", ORDERS)
def test_keras_alone_loads_ten_models(saved, order, processes):
    folder, expected = saved
    result = processes.run(["-c", f"{ORDERS[order]}\n{READ}", folder, *MODELS])
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    for name, (outputs, described) in expected.items():
        np.testing.assert_allclose(np.load(folder / f"{name}.outputs.npy"), outputs, atol=1e-6)
        assert found[name] == described
        assert keras.models.load_model(folder / f"{name}.again.keras").get_config()


# Nets of Keras' layers, some of which cnnzoo computes faster.
OF_KERAS = {"lenet": {}, "mlp": {}, "alexnet_owt": {}, "cuda_convnet": {"lrn": None}}
READ_ALONE = """
import sys
sys.modules["cnnzoo"] = None  # it cannot be imported
import keras
import numpy as np
for name in sys.argv[2:]:
    model = keras.models.load_model(f"{sys.argv[1]}/{name}.keras", compile=False)
    np.save(f"{sys.argv[1]}/{name}.outputs.npy", model.predict(np.load(f"{sys.argv[1]}/{name}.npy"), verbose=0))
compiled = keras.models.load_model(f"{sys.argv[1]}/lenet.keras")
print(type(compiled.optimizer).__name__, int(compiled.optimizer.iterations))
"""


def test_keras_without_cnnzoo_reads_nets_of_its_own_layers(tmp_path, processes):
    expected = {}
    for name, options in OF_KERAS.items():
        model = small(name, **options)
        if name == "lenet":
            model.compile(cnnzoo.optimizers.Adam(0.01), model.loss)
        images = np.random.default_rng(0).random((4, *model.input_shape[1:])).astype("float32")
        model.fit(images, np.arange(4), verbose=0)
        model.save(tmp_path / f"{name}.keras")
        np.save(tmp_path / f"{name}.npy", images)
        expected[name] = model.predict(images, verbose=0)
    result = processes.run(["-c", READ_ALONE, tmp_path, *OF_KERAS])
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "Adam 1"
    for name, outputs in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.outputs.npy"), outputs, atol=1e-6)


def test_a_layer_that_augments_is_read_too(tmp_path, processes):
    keras.Sequential([keras.Input((8, 8, 1)), RandomShifts(2, seed=1)]).save(tmp_path / "shifts.keras")
    code = "import cnnzoo, keras, sys; print(type(keras.models.load_model(sys.argv[1]).layers[0]).__name__)"
    assert processes.run(["-c", code, tmp_path / "shifts.keras"]).stdout.splitlines()[-1] == "RandomShifts"


def test_cnnzoo_alone_loads_neither_keras_nor_tensorflow(processes):
    code = "import cnnzoo, sys; print({'keras', 'tensorflow', 'numpy'} & {*sys.modules})"
    assert processes.run(["-c", code]).stdout == "set()\n"


def test_a_keras_that_cannot_be_imported_says_so_and_may_be_tried_again(tmp_path, processes):
    """The hook neither hides the failure nor is used up by it."""
    (tmp_path / "keras.py").write_text("import os\nif 'BROKEN' in os.environ: raise ImportError('no backend')\n")
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import cnnzoo; os.environ['BROKEN'] = '1'\n"
        "try: import keras\n"
        "except ImportError as error: print(error)\n"
        "sys.path.remove(sys.argv[1]); os.environ.pop('BROKEN'); sys.path_importer_cache.clear()\n"
        "import keras; print('cnnzoo.layers' in sys.modules)"
    )
    assert processes.run(["-c", code, tmp_path]).stdout.splitlines()[-2:] == ["no backend", "True"]


@pytest.mark.slow
def test_any_room_can_be_imported_first(processes):
    """It may be the one that imports Keras, after which the hook imports those that Keras is to know."""
    rooms = ("layers", "losses", "metrics", "optimizers", "data.augmentation", "models.lenet", "pretraining")
    started = [processes.start(["-c", f"import cnnzoo.{room}; print('{room}')"]) for room in rooms]
    assert [written for written, _ in processes.finished(started)] == [f"{room}\n" for room in rooms]


@pytest.mark.parametrize("module", ["layers", "losses"])
def test_a_module_that_is_the_first_to_load_keras_is_whole(module):
    """Keras' import registers classes that are made of other modules: none of them may need the one that is loading."""
    ended = processes.run(["-c", f"import cnnzoo; print(cnnzoo.{module}.__name__)"])
    assert ended.stdout == f"cnnzoo.{module}\n", ended.stderr
