"""Every command in README.md, CONTRIBUTING.md and docs/*.md is run by test_stories.py, or here is why not.

All of them, those in the text and those in docstrings of recipes and scripts, can be typed as they are written.
"""

import re
import shlex
import tomllib

import pytest
import typer

import cnnzoo
from cnnzoo import cli
from cnnzoo.tuning.space import VARIABLES
from tests.integration.docs.blocks import DOCUMENTS, PROGRAMS, ROOT, commands, docstring_commands, inline_code
from tests.integration.docs.scripts import parsed_arguments
from tests.integration.docs.test_stories import STORIES

SMOKE_RUN = "test_a_smoke_run_of_every_recipe_ends_with_finite_metrics"
SMOKE_RUN = f"tests/integration/experiments/test_smoke_runs.py::{SMOKE_RUN} runs it cut to seconds"
IN_PROCESSES = "tests/integration/tuning/test_tuning.py::test_two_workers_and_a_chief runs it in processes"
CI = "is .ci/run's own, which runs this test"
NOT_RUN = {
    "cnnzoo train alexnet_photos --set data=FOLDER": "is the command with data=photos",
    "cnnzoo train strides_against_pooling_cifar10": f"takes long; {SMOKE_RUN}",
    "cnnzoo train alexnet_imagenet": f"needs ImageNet; {SMOKE_RUN}",
    "cnnzoo train alexnet_imagenet --precision mixed_bfloat16": f"needs ImageNet; {SMOKE_RUN}",
    "cnnzoo train lenet5_mnist --logical-cpus 2": (
        "is run by tests/integration/distribute/test_training.py::test_the_command_line_splits_a_cpu"
    ),
    "cnnzoo train lenet5_mnist --workers 2": (
        "is run by tests/integration/distribute/test_training.py::test_one_of_two_workers_is_killed_and_both_resume"
    ),
    "cnnzoo tune lenet5_digits --trials 8 --workers 2": f"takes long; {IN_PROCESSES}",
    **{
        f"KERASTUNER_TUNER_ID={name} KERASTUNER_ORACLE_IP=10.0.0.1 KERASTUNER_ORACLE_PORT=8000 "
        "cnnzoo tune RECIPE --workdir SHARED": f"needs a cluster; {IN_PROCESSES}"
        for name in ("chief", "worker0")
    },
    "git clone …": "needs the network",
    "cd cnnzoo": "has no result",
    "pre-commit install": "changes the clone",
    **dict.fromkeys(("pip install -e .", "pip install -e '.[dev]'", "pytest", "pytest -m integration", ".ci/run"), CI),
    **dict.fromkeys(("pip install -e '.[export]'", "pip install -e '.[tune]'"), "needs the network"),
    "pytest -m 'not slow' --cov": "takes as long as all tests",
    "coverage report": "takes as long as all tests",
    "python benchmarks/suite_stability.py --tier unit": "runs the unit tier ten times",
    "python benchmarks/mutation.py": "takes hours",
}
OF_DOCUMENTS = {command for document in DOCUMENTS for command in commands(document)}
INLINE = {
    code for document in DOCUMENTS for code in inline_code(document) if code.split()[0] in PROGRAMS and " " in code
}


def test_the_table_has_the_commands_of_the_documents_and_no_others():
    in_stories = {command for story in STORIES.values() for command in story}
    assert in_stories & NOT_RUN.keys() == set()
    assert in_stories | NOT_RUN.keys() == OF_DOCUMENTS


@pytest.mark.parametrize("command", sorted(OF_DOCUMENTS | INLINE | docstring_commands()))
def test_commands_can_be_typed(command):
    """Their options parse, and what they name is there: recipes, settings, scripts, extras, markers of tests."""
    words = shlex.split(command)
    while "=" in words[0]:
        assert words.pop(0).partition("=")[0] in VARIABLES
    check = {"cnnzoo": check_cnnzoo, "python": check_script, "pip": check_pip, "pytest": check_pytest}.get(words[0])
    if check:
        check(words[1:])
    elif words[0] == ".ci/run":
        assert (ROOT / words[0]).is_file()


def check_cnnzoo(words):
    name, *arguments = words
    known = typer.main.get_command(cli.app).commands[name]
    if not arguments:
        return  # the text speaks of the command as such
    options = known.make_context(name, arguments).params
    if name in ("train", "tune"):
        recipe = "lenet5_digits" if options["recipe"] == "RECIPE" else options["recipe"]
        cnnzoo.load_recipe(recipe).override(options["settings"] or [])


def check_script(words):
    if words[0] == "-c":
        compile(words[1], "-c", "exec")
        return
    if words[0] == "benchmarks/mutation.py":
        pytest.importorskip("cosmic_ray", reason="needs the extra of that script: pip install -e '.[mutation]'")
    parsed_arguments(words[0], words[1:])


def check_pip(words):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in re.findall(r"\[(\w+)\]", words[-1]):
        assert name in extras


def check_pytest(words):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    markers = {marker.partition(":")[0] for marker in settings["markers"]}
    if "-m" in words:
        assert {*words[words.index("-m") + 1].split()} - {"not"} <= markers


@pytest.mark.parametrize("reason", sorted({reason for reason in NOT_RUN.values() if "::" in reason}))
def test_what_is_not_run_here_is_run_by_a_test_that_exists(reason):
    for path, name in re.findall(r"(tests/\S+\.py)::(\w+)", reason):
        assert f"def {name}(" in (ROOT / path).read_text("utf-8")
