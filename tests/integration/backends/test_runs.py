"""Finished runs are evaluated and drawn under JAX and PyTorch as under TensorFlow; what is TensorFlow's says so."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import cnnzoo
from tests import processes
from tests.integration.backends.run_worker import batch_of
from tests.integration.backends.test_backends import PACKAGES, printed_under

WORKER = Path(__file__).parent / "run_worker.py"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a classifier and an autoencoder, trained for seconds."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        cnnzoo.train(cnnzoo.load_recipe(name).smoke(), workdir=folder / name, verbose=0)
        for name in ("lenet5_digits", "deep_autoencoder_digits")
    ]


@pytest.fixture(scope="module", params=["jax", pytest.param("torch", marks=pytest.mark.slow)])
def backend(request):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"needs {PACKAGES[request.param]}")
    return request.param


@pytest.fixture(scope="module")
def found(backend, runs, tmp_path_factory):
    """Return what the worker printed under a backend."""
    pages = tmp_path_factory.getbasetemp() / f"pages of {backend}"
    pages.mkdir(exist_ok=True)
    return printed_under(backend, WORKER, *(run.folder for run in runs), pages)


def test_runs_are_evaluated_as_under_tensorflow(found, runs):
    for results, run in zip(found["test"], runs, strict=True):
        assert results == pytest.approx(run.metrics["test"], rel=1e-4)


def test_pages_have_all_their_pictures(found):
    for page in map(Path, found["pages"]):
        assert page.is_file()
        assert "Not drawn" not in page.read_text(encoding="utf-8")
        assert "Not calculated" not in page.read_text(encoding="utf-8")


def test_pictures_and_analyses_need_no_tensorflow(found):
    assert all(text.endswith(".") for text in found["drawn"])
    assert found["equivariance"]
    assert found["parameters"] == 60_840


def test_pipelines_give_the_batches_that_they_give_under_tensorflow(found):
    for name, batch in zip(("none", "elastic"), found["batches"], strict=True):
        np.testing.assert_allclose(batch, batch_of(name), atol=1e-5)


def test_what_is_tensorflows_alone_says_what_to_set(found, backend):
    training = "training by recipes and strategies of tf.distribute"
    said = dict.fromkeys(("train", "resume", "study", "strategy"), training)
    said |= {"tune": "searches", "shards": "shards of batches", "export": "exports"}
    said |= {"augmentation": "the augmentation random_affine"}
    assert found["refused"] == {
        name: f"KERAS_BACKEND must be 'tensorflow' for {what}. Received: {backend!r}" for name, what in said.items()
    }
    assert found["left"] == ["0", "1", "both"]  # and no folders of runs that cannot be


@pytest.mark.parametrize(
    ("name", "command", "code", "words"),
    [
        ("torch", ["evaluate"], 0, "test accuracy"),
        ("jax", ["train", "lenet5_digits"], 2, "KERAS_BACKEND must be 'tensorflow' for training"),
    ],
)
def test_the_command_line_does_the_same(name, command, code, words, runs, tmp_path):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs {PACKAGES[name]}")
    folder = [runs[0].folder] * (command == ["evaluate"])
    ended = processes.run(["-m", "cnnzoo", *command, *folder], tmp_path, KERAS_BACKEND=name, JAX_PLATFORMS="cpu")
    assert ended.returncode == code, ended.stderr[-3000:]
    assert words in (ended.stdout if code == 0 else ended.stderr)
    assert ended.stderr.count("\n") == (code != 0)
