"""Studies, without running one: plain data, checked at once, set as on the command line."""

import json
import pickle

import pytest

import cnnzoo
from cnnzoo.experiments import Recipe, Study, load_recipe

COMMON = Recipe(model="lenet", data="digits", epochs=1, learning_rate=1e-3, train_examples=64, batch_size=32)
VARIANTS = {"average": {}, "max": {"model_options": {"subsampling": "max"}}}
STUDY = Study(recipe=COMMON.replace(model_options={"activation": "relu"}), variants=VARIANTS, seeds=(0, 3))


def test_values_of_a_study_are_plain_data():
    values = json.loads(json.dumps(STUDY.to_dict()))
    assert Study.from_dict(values).to_dict() == STUDY.to_dict()
    with pytest.raises(cnnzoo.InputError, match="not the values of a study"):
        Study.from_dict({"variants": {}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": ()}, r"`seeds` must be one or more different integers, such as seeds=0,1,2. Received: \(\)"),
        ({"seeds": (1, 1)}, "different integers"),
        ({"variants": {}}, "at least one variant"),
        ({"seeds": 1.5}, "Received: 1.5"),
        ({"seeds": None}, "Received: None"),
        ({"variants": ["a"]}, "at least one variant"),
        ({"variants": {"a": 3}}, r"`variants\['a'\]` must be a mapping .* Received: 3"),
        ({"variants": {"../../out": {}}}, "must consist of letters, digits, '_', '-' and '.'. Received: '../../out'"),
        ({"variants": {"a": {"seed": 3}}}, "variant 'a' cannot change 'seed'"),
        ({"recipe": "lenet_mnist"}, "`recipe` must be a cnnzoo.Recipe. Received: 'lenet_mnist'"),
        ({"variants": {"a": {"epocs": 3}}}, "did you mean 'epochs'"),
        ({"variants": {"a": {"epochs": 0}}}, "`epochs` must be a positive integer. Received: 0"),
    ],
)
def test_bad_studies_raise_an_error_that_says_what_is_allowed(change, message):
    with pytest.raises(cnnzoo.InputError, match=message):
        Study(**{"recipe": COMMON, "variants": VARIANTS, **change})


def test_settings_reach_every_variant():
    study = STUDY.override(["epochs=7", "seeds=5,", "model_options.activation=tanh"])
    assert [(recipe.epochs, recipe.seed) for _, recipe in study.recipes()] == [(7, 5), (7, 5)]
    assert {recipe.model_options["activation"] for _, recipe in study.recipes()} == {"tanh"}
    assert STUDY.replace(seed=4).seeds == STUDY.override(["seed=4"]).seeds == (4,)


def test_a_setting_that_every_variant_overrides_raises_an_error():
    study = load_recipe("strides_against_pooling_cifar10")
    for change in (lambda: study.override(["model=lenet"]), lambda: study.replace(model="lenet")):
        with pytest.raises(cnnzoo.InputError, match="`model` cannot be set: each variant of 'strides_against_pooling"):
            change()


def test_a_copy_of_a_study_shares_nothing_with_it():
    again = pickle.loads(pickle.dumps(STUDY))
    assert again == STUDY
    again.variants["max"]["epochs"] = 9
    assert "epochs" not in STUDY.variants["max"]
