"""Every command on a system without POSIX, as far as that can be had here: cnnzoo itself finds nothing of it.

Nor does it rename or remove what it has open, which Windows forbids. What Windows does otherwise still is for a Windows
machine to say.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from cnnzoo.experiments.run import Run
from tests import processes
from tests.processes import ROOT

PATH = os.pathsep.join(map(str, (ROOT / "tests/without_posix", ROOT)))
WITHOUT = {"PYTHONPATH": PATH, "CNNZOO_TESTS_WITHOUT_POSIX": "1", "PYTHONWARNDEFAULTENCODING": "1"}
WITHOUT["PYTHONIOENCODING"] = "ascii"  # nor does its console have ×, − or ±


def cnnzoo(*words, code=0):
    ended = processes.run(["-m", "cnnzoo", *words], **WITHOUT)
    assert ended.returncode == code, ended.stderr[-3000:]
    return ended.stdout


def test_it_is_taken_away(tmp_path):
    own = tmp_path / "folder" / "file"
    own.parent.mkdir()
    own.touch()
    uses = {
        "import fcntl": "ModuleNotFoundError",
        "os.sysconf": "AttributeError",
        "os.open('.', 0)": "PermissionError",
        "import subprocess; subprocess.Popen(['ls'], pass_fds=[1])": "AssertionError",
        f"file = open({str(own)!r}, 'rb'); Path({str(own)!r}).rename('other')": "being used",
        f"file = open({str(own)!r}, 'rb'); shutil.rmtree({str(own.parent)!r})": "being used",
        "Path(__file__).read_text()": "EncodingWarning",
    }
    for use, error in uses.items():
        ended = processes.run(["-c", f"import cnnzoo.files; exec({use!r}, vars(cnnzoo.files))"], **WITHOUT)
        assert error in ended.stderr
    assert own.exists()


@pytest.mark.slow
def test_runs_are_trained_resumed_evaluated_drawn_and_exported(tmp_path):
    train = ["train", "lenet5_digits", "--smoke", "--workdir", tmp_path / "run"]
    cnnzoo(*train)
    cnnzoo("train", "lenet5_digits", "--workdir", tmp_path / "run", "--resume", "--epochs", "3", "--no-report")
    assert Run(tmp_path / "run").metrics["epochs"] == 3
    assert "accuracy" in cnnzoo("evaluate", tmp_path / "run")
    cnnzoo("report", tmp_path / "run", "--to", tmp_path / "page")
    formats = [f"--format={name}" for name in ("saved_model", "onnx", "litert")]
    cnnzoo("export", tmp_path / "run", "--to", tmp_path / "models", *formats)
    assert {path.name for path in (tmp_path / "models/1").iterdir()} >= {"saved_model.pb", "model.onnx", "model.tflite"}


@pytest.mark.slow
def test_layers_are_pretrained_from_a_file_and_fine_tuned_on(tmp_path):
    options = ("--set", f"pretraining.cache={tmp_path / 'cache'}", "--workdir", tmp_path / "run", "--no-report")
    cnnzoo("train", "stacked_denoising_digits", "--smoke", *options)
    assert Run(tmp_path / "run").metrics["pretraining"]
    cnnzoo("train", "stacked_denoising_digits", "--smoke", *options, "--resume", "--epochs", "3")
    assert Run(tmp_path / "run").metrics["epochs"] == 3


@pytest.mark.slow
def test_pixels_are_kept_in_a_file(tmp_path, photo_folder):
    options = {"data": photo_folder, "cache": tmp_path / "pixels", "image_size": "28,28", "batch_size": 8}
    settings = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    shape = ("--set", "model_options.input_shape=28,28,3", "--smoke", "--no-report")
    for _ in range(2):  # the second run finds the pixels, and only its own folder has to go
        cnnzoo("train", "lenet5_digits", "--workdir", tmp_path / "run", "--set", "model=lenet", *settings, *shape)
        shutil.rmtree(tmp_path / "run")
    assert list((tmp_path / "pixels").iterdir())


def test_images_are_predicted_and_reconstructed(tmp_path, photo_folder):
    found = cnnzoo("predict", ROOT / "saved_models/lenet5_mnist", photo_folder, "--json")
    assert len(found.splitlines()) == 60
    model = ROOT / "saved_models/deep_autoencoder_mnist"
    cnnzoo("predict", model, photo_folder / "test", "--to", tmp_path / "to")
    assert len(list((tmp_path / "to").rglob("*.png"))) == 12


def test_a_file_that_others_have_open_is_replaced_when_they_are_done(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("old")
    script = f"""
import cnnzoo.files, pathlib, threading
from cnnzoo.errors import WriteError
from cnnzoo.files import write_json
path = pathlib.Path({str(path)!r})
watched = path.open("rb")
cnnzoo.files.PATIENCE = 0
try:
    write_json(path, {{}})
except WriteError as error:
    print(error)
cnnzoo.files.PATIENCE = 600
threading.Timer(0.2, watched.close).start()
write_json(path, {{"new": 1}})
"""
    ended = processes.run(["-c", script], **WITHOUT)
    assert ended.returncode == 0, ended.stderr
    assert "what was there before is kept" in ended.stdout
    assert json.loads(path.read_text()) == {"new": 1}


@pytest.mark.slow
def test_a_search_has_its_trials(tmp_path):
    pytest.importorskip("keras_tuner", reason="needs keras-tuner (pip install -e '.[tune]')")
    cnnzoo("tune", "lenet5_digits", "--smoke", "--trials", "1", "--seeds", "0", "--workdir", tmp_path / "search")
    (result,) = (tmp_path / "search/trials").glob("*/result.json")
    assert json.loads(result.read_text())["status"] == "finished"


@pytest.mark.slow
def test_two_workers_train_together(tmp_path):
    cnnzoo("train", "lenet5_digits", "--smoke", "--workdir", tmp_path / "run", "--workers", "2", "--no-report")
    assert Run(tmp_path / "run").content["workers"] == 2


def test_models_are_served(tmp_path):
    pytest.importorskip("fastapi", reason="needs FastAPI (pip install -e '.[serve]')")
    from tests.integration.serving.server.server_process import Server

    shutil.copytree(Path(ROOT) / "saved_models/lenet5_mnist", tmp_path / "models/digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.processes.environment", lambda **given: {**environment(**given), **WITHOUT})
        with Server(tmp_path / "models") as server:
            for count in (1, 200):  # so many values are read in a process of their own
                instances = [[[[0]] * 28] * 28] * count
                assert server.post("/v1/models/digits:predict", {"instances": instances})[0] == 200


environment = processes.environment
