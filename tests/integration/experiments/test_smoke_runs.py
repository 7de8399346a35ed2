"""Every recipe runs, cut to seconds."""

import dataclasses
import math

import pytest

import cnnzoo
from cnnzoo import run_study
from cnnzoo.experiments import Study, list_recipes, load_recipe
from cnnzoo.training.build import read_once
from tests import processes

# Recipes whose nets are large are run with small images and few maps; as they are, slowly. ZCA of small images, too,
# is a matter of milliseconds: its matrix has as many rows and columns as an image has values.
ALL_CNN = ["model_options.input_shape=16,16,3", "model_options.maps=12,24"]
SMALLER = {
    "alexnet_cifar10_smoke": ["model_options.input_shape=67,67,3"],
    "alexnet_imagenet": ["model_options.input_shape=67,67,3", "image_size=80,80"],
    "alexnet_photos": ["model_options.input_shape=63,63,3", "image_size=72,72"],
    "all_cnn_c_cifar10": ALL_CNN,
    "strides_against_pooling_cifar10": ALL_CNN,
    "pretraining_study_mnist": [],
}
# Of eighteen: few labels and all, several layers and one, with pretraining and without.
FEWER = {"pretraining_study_mnist": ("3-layers-1-per-cent-pretrained", "1-layers-100-per-cent-random")}
# Run in a process that ends: TensorFlow's graphs do not let go of their weights, 20 million even at 67 pixels.
IN_A_PROCESS = {name for name in SMALLER if name.startswith("alexnet")}
FOLDERS = {"digits": None, "./photos": None, "imagenet2012": "imagenet_folder"}


@pytest.fixture(scope="module")
def _data_read_once():
    with read_once():
        yield


@pytest.fixture
def smoke_run(tmp_path, request):
    """Return a function that runs a recipe or a study with settings, and judges what came out."""

    def run(name, settings, variants=None):
        smoke = load_recipe(name).smoke()
        source = smoke.recipe.data if isinstance(smoke, Study) else smoke.data
        fixture = FOLDERS.get(source, "tfds_folder")
        folder = fixture and request.getfixturevalue(fixture)
        if source == "./photos":
            settings = [*settings, f"data={request.getfixturevalue('photo_folder')}"]
        workdir = tmp_path / "run"
        if name in IN_A_PROCESS:
            judge(name, smoke, trained_in_a_process(name, settings, workdir, folder))
            return
        smoke = smoke.override(settings)
        if isinstance(smoke, Study):
            smoke = dataclasses.replace(
                smoke, variants={key: smoke.variants[key] for key in variants or smoke.variants}
            )
            judge_study(smoke, run_study(smoke, workdir=workdir, data_dir=folder, verbose=0))
        else:
            judge(name, smoke, cnnzoo.train(smoke, workdir=workdir, data_dir=folder, verbose=0))

    return run


def trained_in_a_process(name, settings, workdir, folder):
    options = ["--no-report", "--workdir", workdir, *(["--data-dir", folder] if folder else [])]
    options += [word for setting in settings for word in ("--set", setting)]
    ended = processes.run(["-m", "cnnzoo", "train", name, "--smoke", *options])
    assert ended.returncode == 0, ended.stderr
    return cnnzoo.Run(workdir)


def judge(name, smoke, run):
    metrics = run.metrics
    assert metrics["recipe"] == name
    assert metrics["epochs"] == 2 + len(smoke.frozen.keys() & {"epochs"})  # smoke runs freeze for one epoch
    assert metrics["test_examples"] <= 4 * smoke.batch_size
    figure, loss = metrics["test"].values()
    assert figure >= 0
    assert math.isfinite(loss)


def judge_study(smoke, comparison):
    assert [row["variant"] for row in comparison.rows] == list(smoke.variants)
    assert all(0 <= error <= 100 for row in comparison.rows for error in row["errors"])


@pytest.mark.parametrize("name", list_recipes())
@pytest.mark.usefixtures("_data_read_once")
def test_smoke_runs(name, smoke_run):
    smoke_run(name, SMALLER.get(name, []), FEWER.get(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLER)
@pytest.mark.usefixtures("_data_read_once")
def test_smoke_runs_of_large_nets_as_they_are(name, smoke_run):
    smoke_run(name, [])
