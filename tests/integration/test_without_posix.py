"""Every command on a system without POSIX, as far as that can be had here: cnnzoo itself finds nothing of it.

What Windows does otherwise still, such as files that are open and cannot be renamed, is for a Windows machine to say.
"""

import json
import shutil
from pathlib import Path

import pytest

from cnnzoo.experiments.run import Run
from tests import processes
from tests.processes import ROOT

WITHOUT = {"PYTHONPATH": f"{ROOT / 'tests/without_posix'}:{ROOT}", "CNNZOO_TESTS_WITHOUT_POSIX": "1"}


def cnnzoo(*words, code=0):
    ended = processes.run(["-m", "cnnzoo", *words], **WITHOUT)
    assert ended.returncode == code, ended.stderr[-3000:]
    return ended.stdout


def test_it_is_taken_away():
    uses = {
        "import fcntl": "ModuleNotFoundError",
        "os.sysconf": "AttributeError",
        "os.open('.', 0)": "PermissionError",
        "import subprocess; subprocess.Popen(['ls'], pass_fds=[1])": "AssertionError",
    }
    for use, error in uses.items():
        ended = processes.run(["-c", f"import cnnzoo.files; exec({use!r}, vars(cnnzoo.files))"], **WITHOUT)
        assert error in ended.stderr


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


def test_layers_are_pretrained_from_a_file(tmp_path):
    options = ("--set", f"pretraining.cache={tmp_path / 'cache'}", "--no-report")
    cnnzoo("train", "stacked_denoising_digits", "--smoke", "--workdir", tmp_path / "run", *options)
    assert Run(tmp_path / "run").metrics["pretraining"]


def test_pixels_are_kept_in_a_file(tmp_path, photo_folder):
    options = {"data": photo_folder, "cache": tmp_path / "pixels", "image_size": "28,28", "batch_size": 8}
    settings = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    shape = ("--set", "model_options.input_shape=28,28,3", "--smoke", "--no-report")
    cnnzoo("train", "lenet5_digits", "--workdir", tmp_path / "run", "--set", "model=lenet", *settings, *shape)
    assert list((tmp_path / "pixels").iterdir())


def test_a_search_has_its_trials(tmp_path):
    pytest.importorskip("keras_tuner", reason="needs keras-tuner (pip install -e '.[tune]')")
    cnnzoo("tune", "lenet5_digits", "--smoke", "--trials", "1", "--seeds", "0", "--workdir", tmp_path / "search")
    (result,) = (tmp_path / "search/trials").glob("*/result.json")
    assert json.loads(result.read_text())["status"] == "finished"


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
            assert server.post("/v1/models/digits:predict", {"instances": [[[[0]] * 28] * 28]})[0] == 200


environment = processes.environment
