"""What a model card says of the training trains by the same recipe again."""

import shlex

import pytest

import cnnzoo
from cnnzoo.serving.model_card import trained_with


def recipe_of(command):
    """Return the recipe that a command line trains by."""
    words = shlex.split(command)
    assert words[:2] == ["cnnzoo", "train"]
    options = list(zip(words[3::2], words[4::2], strict=True))
    settings = [value for name, value in options if name == "--set"]
    [seed] = [value for name, value in options if name == "--seed"]
    return cnnzoo.load_recipe(words[2]).override([*settings, f"seed={seed}"])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"epochs": 3},
        {"seed": 7, "augment": "affine", "validation_split": 0.1},
        {"data": "a folder/of it's own", "image_size": (64, 48)},
        {"model_options": {"head": "softmax"}, "optimizer": "sgd", "optimizer_options": {"momentum": 0.9}},
        {"schedule": "step", "warmup": 0.0, "lr_drop_epochs": (3, 5)},
        {"class_weight": {"1": 2.0}},
        {"data": "7"},
    ],
)
def test_the_command_states_what_differs_from_the_named_recipe(changes):
    recipe = cnnzoo.load_recipe("lenet5_digits").replace(**changes)
    assert recipe_of(trained_with(recipe.to_dict())) == recipe


def test_entries_that_a_run_lacks_are_taken_out():
    named = cnnzoo.load_recipe("stacked_denoising_digits")
    assert named.pretraining
    recipe = named.replace(pretraining={})
    assert recipe_of(trained_with(recipe.to_dict())) == recipe


def test_a_recipe_as_it_stands_needs_no_settings():
    assert trained_with(cnnzoo.load_recipe("mlp_mnist").to_dict()) == "cnnzoo train mlp_mnist --seed 0"


@pytest.mark.parametrize("name", ["my_lenet", "strides_against_pooling_cifar10", "strides_against_pooling_cifar10/max"])
def test_a_recipe_of_another_name_is_written_out(name):
    recipe = cnnzoo.load_recipe("lenet5_digits").replace(name=name, epochs=3, model_options={"head": "softmax"})
    text = trained_with(recipe.to_dict())
    inside = text.removeprefix("cnnzoo.train(").removesuffix(")")
    assert eval(inside, {"cnnzoo": cnnzoo}) == recipe
