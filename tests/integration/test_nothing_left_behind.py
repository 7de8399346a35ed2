"""What the commands leave behind in a fresh home folder is named in the docs, and nothing is sent anywhere."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from cnnzoo.experiments.run import Run
from tests import processes
from tests.processes import ROOT

DOCUMENT = ROOT / "docs/how_to/command_line.md"
# Files in the home and in the folder for temporary ones, each with what the document calls it.
NAMED = {
    r"home/\.keras/keras\.json": "~/.keras/keras.json",
    r"home/\.keras/cnnzoo/folders/\w+\.json": "~/.keras/cnnzoo/",
    r"home/\.cache/matplotlib/fontlist-v[\w.]+\.json": "~/.cache/matplotlib/",
    r"temporary/__pycache__/__autograph_generated_file\w+\.cpython-\d+\.pyc": "__pycache__",
}
OWN_NETWORK = ["unshare", "--net", sys.executable, ROOT / "tests/offline.py"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a fresh home in it."""
    folder = tmp_path_factory.mktemp("fresh")
    for name in ("home", "temporary", "work"):
        (folder / name).mkdir()
    return folder


def fresh(place, **variables):
    """Return an environment that leads nowhere else than to a folder."""
    kept = {name: value for name, value in processes.environment().items() if not name.startswith(("XDG_", "KERAS_"))}
    for name in ("TFDS_DATA_DIR", "MPLCONFIGDIR", "ORT_DISABLE_TELEMETRY"):
        kept.pop(name, None)
    return {**kept, "HOME": str(place / "home"), "TMPDIR": str(place / "temporary"), **variables}


def has_own_network():
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def command(place):
    """Return a function that runs Python without a network, and returns how often something tried to reach one."""
    if not has_own_network():
        pytest.skip("needs a network of its own (unshare --net, as root)")

    def run(*arguments):
        count = place / "count"
        started = [*OWN_NETWORK, count, sys.executable, *arguments]
        ended = subprocess.run(
            [*map(str, started)], cwd=place / "work", env=fresh(place), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return int(count.read_text())

    return run


def left(place):
    paths = (path for name in ("home", "temporary") for path in (place / name).rglob("*") if not path.is_dir())
    return [str(path.relative_to(place)) for path in paths]


def check(place):
    unnamed = [path for path in left(place) if not any(re.fullmatch(pattern, path) for pattern in NAMED)]
    assert unnamed == []


def test_attempts_are_counted(command):
    script = "import contextlib, socket\nwith contextlib.suppress(OSError): socket.create_connection(('192.0.2.1', 80))"
    assert command("-c", script) == 1


def test_the_document_names_all():
    text = DOCUMENT.read_text("utf-8")
    assert [name for name in NAMED.values() if name not in text] == []


def test_import_and_training(command, place):
    assert command("-c", "import cnnzoo; cnnzoo.lenet5()") == 0
    assert command("-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--workdir", "run") == 0
    assert Run(place / "work/run").metrics["epochs"] == 2
    check(place)


@pytest.mark.slow
def test_all_formats(command, place):
    pytest.importorskip("onnxruntime", reason="needs ONNX Runtime (pip install 'cnnzoo[export]')")
    formats = [f"--format={name}" for name in ("saved_model", "onnx", "litert", "litert_int8")]
    assert command("-m", "cnnzoo", "export", "run", "--to", "models", *formats) == 0
    assert command("-m", "cnnzoo", "predict", "models", "run/pictures", "--json") == 0
    check(place)


@pytest.mark.slow
def test_a_search(command, place):
    pytest.importorskip("keras_tuner", reason="needs keras-tuner (pip install 'cnnzoo[tune]')")
    words = ("--smoke", "--trials", "1", "--seeds", "0", "--workdir", "search")
    assert command("-m", "cnnzoo", "tune", "lenet5_digits", *words) == 0
    check(place)


@pytest.mark.slow
def test_workers_together(command, place):
    words = ("--smoke", "--workers", "2", "--no-report", "--workdir", "together")
    assert command("-m", "cnnzoo", "train", "lenet5_digits", *words) == 0
    check(place)


# A client in the same network: it asks the server once, and interrupts it.
SERVED = """
import json, pathlib, signal, subprocess, sys, time, urllib.request
server = subprocess.Popen([sys.executable, "-m", "cnnzoo", "serve", sys.argv[1], "--port", "8123"])
request = json.dumps({"instances": [[[[0]] * 28] * 28]}).encode()
while server.poll() is None:
    try:
        answer = urllib.request.urlopen("http://127.0.0.1:8123/v1/models/lenet5_mnist:predict", request)
    except OSError:
        time.sleep(0.1)
    else:
        server.send_signal(signal.SIGINT)
        sys.exit(server.wait() not in (0, 130) or answer.status != 200)
sys.exit("the server has ended")
"""


def test_serving(command, place):
    pytest.importorskip("fastapi", reason="needs FastAPI (pip install 'cnnzoo[serve]')")
    assert command("-c", SERVED, ROOT / "saved_models/lenet5_mnist") == 0
    check(place)


def test_a_home_that_cannot_be_written_to(tmp_path, photo_folder):
    """Fonts and what was found in photographs are not kept, and everything is as it would be."""
    (tmp_path / "temporary").mkdir()
    settings = {"data": photo_folder, "image_size": "28,28", "model": "lenet", "model_options.input_shape": "28,28,3"}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "cnnzoo", "train", "lenet5_digits", "--smoke", "--workdir", tmp_path / "run"]
    ended = subprocess.run(
        [*map(str, [*command, "--set", "batch_size=8", *words])],
        env=fresh(tmp_path, HOME=os.devnull),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert (tmp_path / "run/report.html").is_file()
    assert "Traceback" not in ended.stderr
