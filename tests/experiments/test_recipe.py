import dataclasses
import json
import math
import re

import pytest

import cnnzoo
from cnnzoo.experiments import Recipe, list_recipes, load_recipe
from tests.processes import ROOT

RECIPE = Recipe(model="lenet5", data="digits", epochs=3, learning_rate=1e-3)
STEP = RECIPE.replace(epochs=90, schedule="step", lr_drop_epochs=(30, 60, 80))


def test_values_of_a_recipe_are_plain_data():
    values = json.loads(json.dumps(RECIPE.replace(image_size=(8, 8)).to_dict()))
    assert Recipe.from_dict(values) == RECIPE.replace(image_size=(8, 8))
    with pytest.raises(cnnzoo.InputError, match="not the values of a recipe"):
        Recipe.from_dict({**values, "epocs": 3})
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPE.epochs = 4


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["epochs=5"], {"epochs": 5}),
        (["learning_rate=1"], {"learning_rate": 1.0}),
        (["augment = affine"], {"augment": "affine"}),
        (["image_size=32,48"], {"image_size": (32, 48)}),
        (["train_examples=None"], {"train_examples": None}),
        (["stream=True"], {"stream": True}),
        (["stream=None"], {"stream": None}),
        (["schedule=step", "lr_drop_epochs=30,60,80"], {"schedule": "step", "lr_drop_epochs": (30, 60, 80)}),
        (
            ["lr_drop_epochs=5,", "schedule=step", "lr_drop_factor=0.5", "warmup=0"],
            {"lr_drop_epochs": (5,), "lr_drop_factor": 0.5},
        ),
        (
            ["model_options.head=softmax", "model_options.classes=10"],
            {"model_options": {"head": "softmax", "classes": 10}},
        ),
    ],
)
def test_settings_override(settings, expected):
    overridden = RECIPE.override(settings)
    assert {name: getattr(overridden, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("epocs=3", "unknown recipe value 'epocs'; did you mean 'epochs'"),
        ("epochs", "written key=value, such as epochs=5, not 'epochs'"),
        ("epochs=many", "epochs must be an integer, not 'many'"),
        ("epochs=2.5", "epochs must be an integer, not 2.5"),
        ("epochs=True", "epochs must be an integer, not True"),
        ("epochs=0", "epochs must be at least 1, not 0"),
        ("learning_rate=-1", "learning_rate must be positive, not -1.0"),
        ("learning_rate=fast", "learning_rate must be a number, not 'fast'"),
        ("warmup=1", "warmup must be at least 0 and below 1"),
        ("seed=-1", "seed must be from 0"),
        ("schedule=cosin", "did you mean 'cosine'"),
        ("precision=float8", "float32"),
        ("image_size=32", "two positive integers"),
        ("image_size=3,0", "two positive integers"),
        ("epochs.x=1", "epochs is one value"),
        ("model_options=3", "a mapping, set by its entries"),
        ("stream=1", "stream must be True or False or None, not 1"),
        ("train_examples=0", "examples must be None or at least 1"),
        ("lr_drop_epochs=30", r"lr_drop_epochs must be positive integers such as 30,60 or \(30,\), not 30"),
        ("lr_drop_epochs=0,3", "lr_drop_epochs must be positive integers"),
        ("lr_drop_epochs=3.5,", "lr_drop_epochs must be positive integers"),
        ("lr_drop_epochs=True,", "lr_drop_epochs must be positive integers"),
        ("lr_drop_epochs=5,5", r"lr_drop_epochs must be epochs that increase, the first at least 1, not \(5, 5\)"),
        ("lr_drop_epochs=5,", r"go together, .* not schedule='cosine' with lr_drop_epochs=\(5,\)"),
        ("schedule=step", r"go together, .* not schedule='step' with lr_drop_epochs=\(\)"),
        ("lr_drop_factor=1", "lr_drop_factor must be above 0 and below 1, not 1.0"),
    ],
)
def test_bad_settings_get_a_sentence(setting, words):
    with pytest.raises(cnnzoo.InputError, match=words):
        RECIPE.override([setting])


def test_a_warmup_goes_with_cosine_alone():
    with pytest.raises(cnnzoo.InputError, match=r"only schedule='cosine' has a warmup; leave out warmup=0.2 with 'st"):
        STEP.replace(warmup=0.2)
    assert STEP.replace(warmup=0.0).warmup == 0


def test_drops_survive_the_file_other_epochs_and_a_smoke_run():
    assert Recipe.from_dict(json.loads(json.dumps(STEP.to_dict()))) == STEP
    assert STEP.replace(epochs=40).lr_drop_epochs == (30, 60, 80)
    assert STEP.smoke().epochs == 2


def test_learning_rate_must_be_finite():
    with pytest.raises(cnnzoo.InputError, match="learning_rate must be positive"):
        RECIPE.replace(learning_rate=math.inf)


def test_unknown_recipes_and_files_are_refused(tmp_path):
    with pytest.raises(cnnzoo.InputError, match="did you mean 'lenet5_digits'"):
        load_recipe("lenet5_digit")
    with pytest.raises(cnnzoo.InputError, match="no recipe file"):
        load_recipe(tmp_path / "none.py")
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(cnnzoo.InputError, match="defines no recipe"):
        load_recipe(tmp_path / "empty.py")


@pytest.mark.parametrize("name", list_recipes())
def test_recipe_states_its_command_and_result(name):
    text = (ROOT / "recipes" / f"{name}.py").read_text()
    assert load_recipe(name).name == name
    assert f"cnnzoo train {name}" in text
    assert re.search(r"\bn=\d", text) or "was not run" in text
    assert "two cores" in text
