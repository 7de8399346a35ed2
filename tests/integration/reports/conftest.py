"""Finished runs for pages: a classifier, an autoencoder and a study, all trained for seconds."""

import pytest

import cnnzoo
from cnnzoo import Recipe, Study, report, run_study


def trained(recipe, folder, **changes):
    return cnnzoo.train(cnnzoo.load_recipe(recipe).smoke(), workdir=folder, verbose=0, **changes)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory):
    return trained("lenet5_digits", tmp_path_factory.mktemp("runs") / "lenet5_digits" / "1")


@pytest.fixture(scope="session")
def autoencoder(tmp_path_factory):
    return trained("deep_autoencoder_digits", tmp_path_factory.mktemp("runs") / "deep_autoencoder_digits" / "1")


@pytest.fixture(scope="session")
def pages(classifier, autoencoder):
    """Return the page of each of the two."""
    return {"classifier": report(classifier), "autoencoder": report(autoencoder)}


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    common = Recipe(
        model="stacked_autoencoder",
        data="digits",
        epochs=1,
        learning_rate=1e-3,
        model_options={"input_shape": (8, 8, 1), "units": (9, 7)},
        train_examples=64,
        batch_size=32,
    )
    variants = {"plain": {}, "pretrained": {"pretraining": {"epochs": 1, "train_examples": 64}}}
    folder = tmp_path_factory.mktemp("study")
    return run_study(Study(recipe=common, variants=variants, seeds=(0, 1)), workdir=folder, verbose=0)
