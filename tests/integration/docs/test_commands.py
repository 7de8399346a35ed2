"""Every command in documents whose blocks are run one by one is run by test_stories.py, or here is why not.

All of them, those in the text, in docstrings of recipes and scripts and in the help, can be typed as they are written.
"""

import re
import shlex
import tomllib

import pytest
import typer

import cnnzoo
from cnnzoo import cli
from cnnzoo.tuning.space import VARIABLES
from tests.integration.docs.blocks import ALL, DOCUMENTS, PROGRAMS, ROOT, commands, docstring_commands, inline_code
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
    "cnnzoo play --open": "is `cnnzoo play`, and opens a window",
    "cnnzoo tune lenet5_digits --trials 8 --workers 2": f"takes long; {IN_PROCESSES}",
    **{
        f"KERASTUNER_TUNER_ID={name} KERASTUNER_ORACLE_IP=10.0.0.1 KERASTUNER_ORACLE_PORT=8000 "
        "cnnzoo tune RECIPE --workdir SHARED": f"needs a cluster; {IN_PROCESSES}"
        for name in ("chief", "worker0")
    },
    "cnnzoo train lenet5_digits --callback mlflow.keras:MlflowCallback": (
        "needs MLflow; tests/integration/cli/test_user_callbacks.py::test_mlflow_tracks_a_run_in_a_folder runs it"
    ),
    "cnnzoo serve exported --port 9000 --versions 2": "is `cnnzoo serve exported` at a port that may be taken here",
    "git clone …": "needs the network",
    "git clone https://repository.invalid/cnnzoo": "needs the network, and the address that the project will have",
    "cd cnnzoo": "has no result",
    "pre-commit install": "changes the clone",
    **dict.fromkeys(("pip install -e .", "pip install -e '.[dev]'", "pytest", "pytest -m integration", ".ci/run"), CI),
    **dict.fromkeys(("pip install -e '.[export]'", "pip install -e '.[tune]'"), "needs the network"),
    **dict.fromkeys(
        (
            "pip install -e '.[docs]'",
            "sphinx-build --fail-on-warning docs build/site",
            "python docs/check_site.py build/site",
        ),
        "is .ci/run's own, after all tests",
    ),
    "pytest -m 'not slow' --cov": "takes as long as all tests",
    "coverage report": "takes as long as all tests",
    "nox -s lowest": "takes as long as a tier; .ci/run runs a part of it",
    "python benchmarks/suite_stability.py --tier unit": "runs the unit tier ten times",
    "python benchmarks/mutation.py": "takes hours",
}
OF_HELP = {
    line.strip()
    for command in typer.main.get_command(cli.app).commands.values()
    for line in command.epilog.splitlines()
}
OF_DOCUMENTS = {command for document in DOCUMENTS for command in commands(document)}
OF_ALL = {command for document in ALL for command in commands(document)}
INLINE = {
    code
    for document in ALL
    for code in inline_code(document)
    if code.split()[0] in PROGRAMS and " " in code and "…" not in code
}


def test_the_table_has_the_commands_of_the_documents_and_no_others():
    in_stories = {command for story in STORIES.values() for command in story}
    assert in_stories & NOT_RUN.keys() == set()
    assert in_stories | NOT_RUN.keys() == OF_DOCUMENTS | OF_HELP


@pytest.mark.parametrize("command", sorted(OF_ALL | OF_HELP | INLINE | docstring_commands()))
def test_commands_can_be_typed(command):
    """Their options parse, and what they name is there: recipes, settings, scripts, extras, markers of tests."""
    words = shlex.split(command)
    while "=" in words[0]:
        assert words.pop(0).partition("=")[0] in VARIABLES
    if words[0] in CHECKS:
        CHECKS[words[0]](words[1:])
    elif words[0] == ".ci/run":
        assert (ROOT / words[0]).is_file()


def check_cnnzoo(words):
    name, *arguments = words
    if name.startswith("--"):
        return
    known = typer.main.get_command(cli.app).commands[name]
    if arguments in ([], ["--help"]):
        return  # the text speaks of the command as such
    options = known.make_context(name, arguments).params
    if name in ("train", "tune"):
        given = options["recipe"]
        written_there = given in ("RECIPE", "FILE") or given.endswith(".py")  # by the reader, or by the document
        recipe = {"STUDY": "pretraining_study_digits"}.get(given, "lenet5_digits" if written_there else given)
        cnnzoo.load_recipe(recipe).override(options["settings"] or [])


def check_script(words):
    if words[0] == "-c":
        compile(words[1], "-c", "exec")
        return
    if words[0] == "-m" or not words[0].startswith(("benchmarks/", "docs/", "deploy/", "saved_models/", "tests/")):
        return  # a module, or a script that the document writes
    if words[0] == "benchmarks/mutation.py":
        pytest.importorskip("cosmic_ray", reason="needs the extra of that script: pip install -e '.[mutation]'")
    parsed_arguments(words[0], words[1:])


def check_pip(words):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for names in re.findall(r"(?:cnnzoo|\.)\[([\w,]+)\]", words[-1]):
        assert {*names.split(",")} <= {*extras}


def check_nox(words):
    assert f"def {words[words.index('-s') + 1]}(" in (ROOT / "noxfile.py").read_text("utf-8")


def check_pytest(words):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    markers = {marker.partition(":")[0] for marker in settings["markers"]}
    if "-m" in words:
        assert {*words[words.index("-m") + 1].split()} - {"not"} <= markers


CHECKS = {
    "cnnzoo": check_cnnzoo,
    "python": check_script,
    "pip": check_pip,
    "pytest": check_pytest,
    "nox": check_nox,
}


@pytest.mark.parametrize("reason", sorted({reason for reason in NOT_RUN.values() if "::" in reason}))
def test_what_is_not_run_here_is_run_by_a_test_that_exists(reason):
    for path, name in re.findall(r"(tests/\S+\.py)::(\w+)", reason):
        assert f"def {name}(" in (ROOT / path).read_text("utf-8")
