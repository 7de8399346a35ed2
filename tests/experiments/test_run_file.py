"""Folders of runs that others have changed: what is read is right, or an error names the file."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnzoo
from cnnzoo.experiments.run import Run
from cnnzoo.training.sources import changed_data

RECIPE = cnnzoo.Recipe(model="lenet5", data="digits", epochs=1, learning_rate=0.1).to_dict()
METRICS = {
    "model": "lenet5",
    "class_names": list("0123456789"),
    "test": {"accuracy": 0.5, "loss": 1.0},
    "test_examples": 360,
    "parameters": 60_000,
}
DATA = {"class_names": ["a", "b"], "train": {"images": 9, "digest": "files 1"}}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def looked_at(run):
    """Read all that commands read."""
    for read in (
        lambda: run.recipe,
        lambda: run.class_names,
        lambda: run.metrics["test"],
        lambda: run.history,
        lambda: changed_data(run.content.get("data"), DATA),
    ):
        try:
            read()
        except cnnzoo.InputError as error:
            assert str(run.folder) in str(error)  # noqa: PT017 (the others may be right)


@given(
    in_recipe=st.dictionaries(st.sampled_from(sorted(RECIPE)), VALUES, max_size=3),
    beside=st.dictionaries(st.sampled_from(["recipe", "data", "variants", "search", "versions"]), VALUES, max_size=2),
    data=st.dictionaries(st.sampled_from(["class_names", "train", "test", "x"]), VALUES),
    in_metrics=st.dictionaries(st.sampled_from(sorted(METRICS)), VALUES, max_size=3),
    lost=st.sets(st.sampled_from(sorted(METRICS))),
)
@settings(max_examples=500, derandomize=True, deadline=None)
def test_changed_values_are_errors_that_name_the_folder(tmp_path_factory, in_recipe, beside, data, in_metrics, lost):
    run = Run(tmp_path_factory.getbasetemp())
    run.recipe_file.write_text(
        json.dumps({"recipe": {**RECIPE, **in_recipe}, "data": DATA | data, **beside}), encoding="utf-8"
    )
    kept = {name: value for name, value in {**METRICS, **in_metrics}.items() if name not in lost}
    run.metrics_file.write_text(json.dumps(kept), encoding="utf-8")
    looked_at(run)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is damaged: Expecting value"),
        ("[]", "is damaged: it holds a list, not a mapping"),
        ("null", "is damaged: it holds a NoneType, not a mapping"),
        ("{}", "is damaged: it has no 'recipe'"),
        ('{"recipe": []}', "is damaged: 'recipe' is a list"),
        ("[" * 100_000, "is damaged: maximum recursion depth"),
        ('{"recipe": {"epochs": 3}}', "the recipe in .* cannot be used: these are not the values of a recipe"),
        ('{"recipe": {"name": "../../X"}}', "cannot be used"),
        (b"\xff\xfe", "is damaged: 'utf-8' codec"),
    ],
)
def test_a_recipe_that_is_none_is_named(tmp_path, content, words):
    run = Run(tmp_path)
    run.recipe_file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(cnnzoo.InputError, match=words):
        _ = run.recipe


@pytest.mark.parametrize("content", ["epoch,loss\n1,x\n", "epoch,loss\n1\n", "epoch,loss\n1,2,3\n", b"\xff\xfe\n1\n"])
def test_a_history_of_something_else_is_named(tmp_path, content):
    run = Run(tmp_path)
    run.history_file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(cnnzoo.InputError, match=r"history.csv' is damaged"):
        _ = run.history


@pytest.mark.parametrize("name", ["../../../X", "/tmp/x", "a/../b", "a//b", "", "a\nb", "a\\b", "..", "\ud800"])
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(cnnzoo.InputError, match="`name` must be the name of a folder below `runs`"):
        cnnzoo.Recipe(model="lenet5", data="digits", epochs=1, learning_rate=0.1, name=name)


def test_a_rate_that_changes_no_weight_is_refused():
    with pytest.raises(
        cnnzoo.InputError, match="`learning_rate` must be at least 1e-12: smaller steps change no weight"
    ):
        cnnzoo.Recipe(model="lenet5", data="digits", epochs=1, learning_rate=1e-300)
