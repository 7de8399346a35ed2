"""Every recipe runs, cut to seconds."""

import dataclasses
import math

import pytest

import cnnzoo
from cnnzoo import run_study
from cnnzoo.data import IN_MEMORY
from cnnzoo.experiments import Study, list_recipes, load_recipe
from cnnzoo.training.sources import read_once
from tests import processes
from tests.tiers import cases

# Recipes with large nets are run with small images and few maps here, and as they are in a slow test. ZCA of small
# images takes milliseconds: its matrix has as many rows and columns as an image has values.
ALL_CNN = ["model_options.input_shape=16,16,3", "model_options.maps=12,24"]
SMALLER = {
    "alexnet_cifar10_smoke": ["model_options.input_shape=67,67,3"],
    "alexnet_imagenet": ["model_options.input_shape=67,67,3", "image_size=80,80"],
    "alexnet_photos": ["model_options.input_shape=63,63,3", "image_size=72,72"],
    "all_cnn_c_cifar10": ALL_CNN,
    "network_in_network_cifar10": ["model_options.input_shape=16,16,3"],
    "strides_against_pooling_cifar10": ALL_CNN,
    "lenets_mnist": [],
    "pretraining_study_mnist": [],
    "pretraining_methods_mnist": [],
    "rbm_autoencoder_mnist": ["model_options.units=30,20", "model_options.code=5"],
}
# Of eight, one in each manner. Of eighteen: few labels and all, several layers and one, with pretraining and without.
# Of the ways to pretrain, all are run on digits.
FEWER = {
    "lenets_mnist": ("lenet_1989-1998", "lenet1-modern"),
    "pretraining_study_mnist": ("3-layers-1-per-cent-pretrained", "1-layers-100-per-cent-random"),
    "pretraining_methods_mnist": ("rbm-100-labels", "k-sparse-60000-labels"),
    "pretraining_methods_digits": tuple(
        f"{method}-100-labels" for method in ("random", "denoising", "rbm", "contractive", "variational", "k-sparse")
    ),
}
# Those of which another recipe does the same on smaller images, or with fewer steps, run in a slow test.
SLOW = {
    "alexnet_cifar10_smoke", "alexnet_imagenet", "alexnet_photos", "convolutional_autoencoder_cifar10",
    "deep_autoencoder_2d_mnist", "deep_autoencoder_mnist", "deep_belief_net_mnist", "k_sparse_mnist",
    "lenet1_mnist", "lenet_fashion_mnist", "lenet_mnist", "network_in_network_cifar10", "pretraining_methods_mnist",
    "pretraining_study_mnist", "rbm_autoencoder_mnist", "stacked_denoising_mnist", "strides_against_pooling_cifar10",
    "vae_mnist",
}  # fmt: skip
# Run in a process of their own: TensorFlow's graphs do not free their weights, 20 million even at 67 pixels.
IN_A_PROCESS = {name for name in SMALLER if name.startswith("alexnet")}
FOLDERS = {**dict.fromkeys(IN_MEMORY), "./photos": None, "imagenet2012": "imagenet_folder"}


@pytest.fixture(scope="module")
def _data_read_once():
    with read_once():
        yield


@pytest.fixture
def smoke_run(tmp_path, request):
    """Return a function that runs a recipe or a study with settings, and checks the results."""

    def run(name, settings, variants=None):
        smoke = load_recipe(name).smoke()
        source = smoke.recipe.data if isinstance(smoke, Study) else smoke.data
        fixture = FOLDERS.get(source, "tfds_folder")
        folder = fixture and request.getfixturevalue(fixture)
        if source == "./photos":
            settings = [*settings, f"data={request.getfixturevalue('photo_folder')}"]
        workdir = tmp_path / "run"
        if name in IN_A_PROCESS:
            check_run(name, smoke, trained_in_a_process(name, settings, workdir, folder))
            return
        smoke = smoke.override(settings)
        if isinstance(smoke, Study):
            smoke = dataclasses.replace(
                smoke, variants={key: smoke.variants[key] for key in variants or smoke.variants}
            )
            check_study(smoke, run_study(smoke, workdir=workdir, data_dir=folder, verbose=0))
        else:
            check_run(name, smoke, cnnzoo.train(smoke, workdir=workdir, data_dir=folder, verbose=0))

    return run


def trained_in_a_process(name, settings, workdir, folder):
    options = ["--no-report", "--workdir", workdir, *(["--data-dir", folder] if folder else [])]
    options += [word for setting in settings for word in ("--set", setting)]
    ended = processes.run(["-m", "cnnzoo", "train", name, "--smoke", *options])
    assert ended.returncode == 0, ended.stderr
    return cnnzoo.Run(workdir)


def check_run(name, smoke, run):
    metrics = run.metrics
    assert metrics["recipe"] == name
    assert metrics["epochs"] == 2 + len(smoke.frozen.keys() & {"epochs"})  # smoke runs freeze for one epoch
    assert metrics["test_examples"] <= 4 * smoke.batch_size
    assert metrics["test"].keys() >= {"loss"}
    for metric, value in metrics["test"].items():
        assert math.isfinite(value) if metric == "loss" else value >= 0, metric


def check_study(smoke, comparison):
    assert [row["variant"] for row in comparison.rows] == list(smoke.variants)
    assert all(0 <= error <= 100 for row in comparison.rows for error in row["errors"])


# convolutional_autoencoder_cifar10 says so: a smoke run has fewer images than its code has units.
@pytest.mark.filterwarnings("ignore:code has 512 units and is adapted to 128 examples")
@pytest.mark.parametrize("name", cases(list_recipes(), SLOW))
@pytest.mark.usefixtures("_data_read_once")
def test_a_smoke_run_of_every_recipe_ends_with_finite_metrics(name, smoke_run):
    smoke_run(name, SMALLER.get(name, []), FEWER.get(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLER)
@pytest.mark.usefixtures("_data_read_once")
def test_a_smoke_run_of_every_large_net_as_it_is_ends_with_finite_metrics(name, smoke_run):
    smoke_run(name, [])
