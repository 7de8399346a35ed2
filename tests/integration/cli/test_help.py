"""`--help`, as a terminal shows it, and the pages of the reference, which are made from the same words."""

import importlib.util
import re

import pytest
import typer
from typer.testing import CliRunner

from cnnzoo import cli
from tests.processes import ROOT

COMMANDS = typer.main.get_command(cli.app).commands
WIDTHS = (80, 100)


def help_of(*words, width=80):
    result = CliRunner().invoke(cli.app, [*words, "--help"], terminal_width=width)
    assert result.exit_code == 0, result.output
    return result.output


def generated():
    """Return the script that makes the reference's pages."""
    spec = importlib.util.spec_from_file_location("generated", ROOT / "docs/_site/generated.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_commands_stand_in_the_order_of_work():
    listed = re.findall(r"^  (\w+)  ", help_of().partition("Commands:")[2], re.MULTILINE)
    assert listed == ["list", "info", "train", "evaluate", "report", "play", "predict", "tune", "export", "serve"]
    assert listed == list(generated().COMMANDS)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_its_terminal_and_names_no_types(name, width):
    text = help_of(*filter(None, [name]), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert not re.search(r"<\w+|list\[|\bINTEGER\b|\bTEXT\b|\bPATH\b|\{\w", text)
    assert "..." not in text.replace("RUN...", "").replace("NET...", "").replace("FILE...", "").replace(
        "[ARGS]...", ""
    )  # nothing is cut


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_at_the_end(name):
    examples = help_of(name).partition("\nExamples:\n")[2].splitlines()
    assert examples
    assert all(line.startswith(f"  cnnzoo {name}") for line in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_says_what_it_is(name):
    for parameter in COMMANDS[name].params:
        assert parameter.help, parameter.name
        assert parameter.help[0].isupper() or parameter.help.startswith(("auto:", "0:")), parameter.help
        assert re.search(r"[.\]…]$", parameter.help), parameter.help
        assert parameter.is_flag if parameter.metavar is None else parameter.metavar.strip("[]"), parameter.name


def test_choices_in_the_help_are_those_that_are_allowed():
    from cnnzoo.cli.app import verbosity
    from cnnzoo.distribute.strategies import KINDS
    from cnnzoo.experiments.checks import CHOICES
    from cnnzoo.serving.export_model import WEIGHTS_DTYPES
    from cnnzoo.serving.formats import FORMATS
    from cnnzoo.tuning.space import TUNERS

    def choices(command, option):
        [found] = [each.metavar for each in COMMANDS[command].params if option in each.opts]
        return re.fullmatch(r"\[(.+)\]", found)[1].split("|")

    assert choices("export", "--format") == list(FORMATS)
    assert choices("export", "--weights-dtype") == list(WEIGHTS_DTYPES)
    assert choices("train", "--strategy") == list(KINDS)
    assert choices("train", "--precision") == list(CHOICES["precision"])
    assert choices("tune", "--tuner") == list(TUNERS)
    assert [verbosity(each, None) for each in choices("train", "--progress")] == ["auto", 1, 2, 0]
    assert [verbosity(None, int(each)) for each in choices("train", "--verbose")] == [0, 1, 2]


def test_the_reference_has_the_examples_and_the_defaults_of_the_help():
    pages = generated().command_pages()
    for name in COMMANDS:
        page = pages[f"commands/{name}.md"]
        for example in help_of(name).partition("\nExamples:\n")[2].splitlines():
            assert f"\n{example.strip()}\n" in page
        assert "[default:" not in page
    assert "\n`--trials` `N` *(default: 20)*\n: Maximum number of trials.\n" in pages["commands/tune.md"]
    assert "\n`--host` `ADDRESS` *(default: `127.0.0.1`)*\n: Address" in pages["commands/serve.md"]
