import dataclasses
import json
import math
import re

import numpy as np
import pytest

import cnnzoo
from cnnzoo.experiments import Recipe, Study, list_recipes, load_recipe, read_overrides
from cnnzoo.experiments.checks import RENAMED
from tests.processes import ROOT

RECIPE = Recipe(model="lenet5", data="digits", epochs=3, learning_rate=1e-3)
STEP = RECIPE.replace(epochs=90, schedule="step", lr_drop_epochs=(30, 60, 80))


def test_values_of_a_recipe_are_plain_data():
    values = json.loads(json.dumps(RECIPE.replace(image_size=(8, 8)).to_dict()))
    assert Recipe.from_dict(values) == RECIPE.replace(image_size=(8, 8))
    with pytest.raises(cnnzoo.InputError, match="unknown recipe value 'epocs'; did you mean 'epochs'"):
        Recipe.from_dict({**values, "epocs": 3})
    with pytest.raises(cnnzoo.InputError, match=r"not the values of a recipe .* missing .* 'epochs'"):
        Recipe.from_dict({name: value for name, value in values.items() if name != "epochs"})
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
        (["class_weight.0=1", "class_weight.12=2.5"], {"class_weight": {"0": 1, "12": 2.5}}),
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
    ("setting", "message"),
    [
        ("epocs=3", "unknown recipe value 'epocs'; did you mean 'epochs'"),
        ("epochs", "must have the form key=value, such as epochs=5. Received: 'epochs'"),
        ("epochs=many", "`epochs` must be an integer. Received: 'many'"),
        ("epochs=2.5", "`epochs` must be an integer. Received: 2.5"),
        ("epochs=True", "`epochs` must be an integer. Received: True"),
        ("epochs=0", "`epochs` must be a positive integer. Received: 0"),
        ("learning_rate=-1", "`learning_rate` must be a positive number. Received: -1.0"),
        ("learning_rate=fast", "`learning_rate` must be a number. Received: 'fast'"),
        ("warmup=1", "`warmup` must be a number of at least 0 and below 1. Received: 1.0"),
        ("seed=-1", "`seed` must be an integer from 0 to 2147483647. Received: -1"),
        ("schedule=cosin", "did you mean 'cosine'"),
        ("precision=float8", "float32"),
        ("image_size=32", "two positive integers"),
        ("image_size=3,0", "two positive integers"),
        ("epochs.x=1", "`epochs` has no entries, so `epochs.x` cannot be set"),
        ("model_options=3", "a mapping, set by its entries"),
        ("stream=1", "`stream` must be True or False or None. Received: 1"),
        ("train_examples=0", "`train_examples` must be a positive integer, or None for all. Received: 0"),
        ("lr_drop_epochs=30", r"`lr_drop_epochs` must be positive integers such as 30,60 or \(30,\). Received: 30"),
        ("lr_drop_epochs=0,3", "`lr_drop_epochs` must be positive integers"),
        ("lr_drop_epochs=3.5,", "`lr_drop_epochs` must be positive integers"),
        ("lr_drop_epochs=True,", "`lr_drop_epochs` must be positive integers"),
        ("lr_drop_epochs=5,5", r"`lr_drop_epochs` must be increasing epochs, the first at least 1. Received: \(5, 5\)"),
        ("lr_drop_epochs=5,", r"must be set together, .* Received: schedule='cosine', lr_drop_epochs=\(5,\)"),
        ("schedule=step", r"must be set together, .* Received: schedule='step', lr_drop_epochs=\(\)"),
        ("keep_epochs=5,1", r"`keep_epochs` must be increasing epochs, the first at least 1. Received: \(5, 1\)"),
        ("keep_epochs=1", r"`keep_epochs` must be positive integers such as 30,60 or \(30,\). Received: 1"),
        ("class_weight.cat=2", r"weights by the labels of classes, such as {0: 1.0, 1: 5.0}. Received: {'cat': 2}"),
        ("class_weight.01=2", "by the labels of classes"),
        ("class_weight.-1=2", "by the labels of classes"),
        ("class_weight.1=-2", "`class_weight.1` must be a number of at least 0. Received: -2"),
        ("class_weight.1=much", "`class_weight.1` must be a number of at least 0. Received: 'much'"),
        ("class_weight=2", "a mapping, set by its entries"),
        ("lr_drop_factor=1", "`lr_drop_factor` must be a number above 0 and below 1. Received: 1.0"),
    ],
)
def test_bad_settings_raise_an_error_that_says_what_is_allowed(setting, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        RECIPE.override([setting])


def test_class_weights_have_labels_as_keys_also_after_json():
    recipe = RECIPE.replace(class_weight={0: 1.0, 12: 2})
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


OLD = {"examples": 64, "validation": 0.2, "repeats": 2, "drops": (1,), "drop_factor": 0.5}
OLD_ENTRIES = {
    "optimizer_options.rates": {"*/bias": 2.0},
    "pretraining.examples": 64,
    "pretraining.optimizer_options.rates": {"*/bias": 2.0},
}


def nested(key, value):
    """Return the value of a key of `--set` as a mapping of mappings."""
    for name in reversed(key.split(".")):
        value = {name: value}
    return value


def renamed(key):
    return pytest.raises(cnnzoo.InputError, match=f"`{re.escape(key)}` is now `{re.escape(RENAMED[key])}`$")


def test_every_old_name_is_tested():
    assert RENAMED.keys() == OLD.keys() | OLD_ENTRIES.keys()
    assert not RENAMED.keys() & set(RENAMED.values())


@pytest.mark.parametrize(("key", "value"), [*OLD.items(), *OLD_ENTRIES.items()])
def test_an_old_name_raises_an_error_that_says_the_new_one(key, value, tmp_path):
    """In every way in which values reach a recipe or a study."""
    values = nested(key, value)
    common = {"model": "lenet5", "data": "digits", "epochs": 3, "learning_rate": 1e-3}
    with renamed(key):
        Recipe(**common, **values)
    with renamed(key):
        RECIPE.replace(**values)
    with renamed(key):
        Recipe.from_dict({**RECIPE.to_dict(), **values})
    with renamed(key):
        RECIPE.override([f"{key}={value!r}"])
    with renamed(key):
        RECIPE.override({key: value})
    with renamed(key):
        Study(recipe=RECIPE, variants={"old": values})
    with renamed(key):
        Study(recipe=RECIPE, variants={"plain": {}}).override([f"{key}={value!r}"])
    with renamed(key):
        Study.from_dict({**Study(recipe=RECIPE, variants={"plain": {}}).to_dict(), "variants": {"old": values}})
    (tmp_path / "old.py").write_text(f"from cnnzoo import Recipe\nrecipe = Recipe(**{common}, **{values})\n")
    with renamed(key):
        load_recipe(tmp_path / "old.py")
    (tmp_path / "overrides.json").write_text(json.dumps({key: value}))
    with renamed(key):
        RECIPE.override(read_overrides(tmp_path / "overrides.json"))
    (tmp_path / "recipe.json").write_text(json.dumps({"recipe": {**RECIPE.to_dict(), **values}}))
    with renamed(key) as error:
        _ = cnnzoo.Run(tmp_path).recipe
    assert str(error.value).startswith(f"the run in '{tmp_path}' is of an earlier version of cnnzoo: ")


def test_only_the_cosine_schedule_takes_a_warmup():
    message = "`warmup` must be left out unless `schedule='cosine'`. Received: warmup=0.2, schedule='step'"
    with pytest.raises(cnnzoo.InputError, match=message):
        STEP.replace(warmup=0.2)
    assert STEP.replace(warmup=0.0).warmup == 0


def test_lr_drop_epochs_survive_the_file_other_epochs_and_a_smoke_run():
    assert Recipe.from_dict(json.loads(json.dumps(STEP.to_dict()))) == STEP
    assert STEP.replace(epochs=40).lr_drop_epochs == (30, 60, 80)
    assert STEP.smoke().epochs == 2


def test_learning_rate_must_be_finite():
    with pytest.raises(cnnzoo.InputError, match=r"`learning_rate` must be a positive number. Received: inf"):
        RECIPE.replace(learning_rate=math.inf)


def test_unknown_recipes_and_files_raise_an_error(tmp_path):
    with pytest.raises(cnnzoo.InputError, match="did you mean 'lenet5_digits'"):
        load_recipe("lenet5_digit")
    with pytest.raises(cnnzoo.InputError, match="no recipe file"):
        load_recipe(tmp_path / "none.py")
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(cnnzoo.InputError, match="defines no recipe"):
        load_recipe(tmp_path / "empty.py")


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_states_its_command_and_its_result(name):
    text = (ROOT / "recipes" / f"{name}.py").read_text()
    assert load_recipe(name).name == name
    assert f"cnnzoo train {name}" in text
    assert re.search(r"\bn=\d", text) or "was not run" in text
    assert "two cores" in text


def test_numbers_may_be_numpys_and_are_plain_in_the_file():
    values = {"batch_size": 32, "learning_rate": 0.5, "image_size": (8, 9), "seed": 3, "train_examples": 7}
    numpys = {name: np.array(value) for name, value in values.items()}
    numpys = {name: tuple(value) if value.ndim else value[()] for name, value in numpys.items()}
    recipe = load_recipe("lenet5_digits")
    assert json.dumps(recipe.replace(**numpys).to_dict()) == json.dumps(recipe.replace(**values).to_dict())
    study = Study(recipe=recipe, variants={"one": {}}, seeds=(np.int64(0), np.int64(1)))
    assert all(type(seed) is int for seed in study.seeds)
