"""What all commands share: the application, options, and the start of TensorFlow."""

import inspect
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cnnzoo.checks import choice, integer
from cnnzoo.errors import InputError
from cnnzoo.runtime import keras_home
from cnnzoo.runtime import start_tensorflow as start_tensorflow
from cnnzoo.versions import version_of

EXAMPLES = "Examples:\n"  # the last section of a command's docstring


class _Command(typer.core.TyperCommand):
    """A command whose help names arguments without their types, and ends with examples, line by line."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS]", *(name for name, _ in self._arguments())]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        if arguments := self._arguments():
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        options = [each for each in self.get_params(ctx) if each.param_type_name == "option"]
        with formatter.section("Options"):
            formatter.write_dl([record for each in options if (record := each.get_help_record(ctx))])

    def _arguments(self) -> list[tuple[str, str]]:
        arguments: list[Any] = [each for each in self.params if each.param_type_name == "argument"]
        return [(f"{each.metavar}{'...' * (each.nargs != 1)}", each.help) for each in arguments]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Examples"):
            for line in (self.epilog or "").splitlines():
                formatter.write(f"  {line}\n")


class _Application(typer.Typer):
    """An application whose commands' docstrings may end with examples."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        def register(function: Any) -> Any:
            text, _, examples = inspect.cleandoc(function.__doc__ or "").partition(EXAMPLES)
            options.update(cls=_Command, help=text.strip(), epilog=inspect.cleandoc("\n" + examples))
            return typer.Typer.command(self, name, **options)(function)

        return register


app = _Application(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 100},
)


def _print_versions(wanted: bool) -> None:
    if not wanted:
        return
    # Keras would load its backend to tell its name.
    backend, config = os.environ.get("KERAS_BACKEND"), keras_home() / "keras.json"
    if not backend and config.is_file():
        backend = json.loads(config.read_text(encoding="utf-8")).get("backend")
    for package in ("cnnzoo", "keras", backend or "tensorflow"):
        print(f"{package} {version_of(package) or 'is not installed'}")
    print(f"python {platform.python_version()}")
    raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_versions,
            is_eager=True,
            help="Print the versions of cnnzoo, Keras, its backend and Python.",
        ),
    ] = False,
) -> None:
    """Train the classic deep nets by recipe, evaluate them, look inside, export and serve them.

    `cnnzoo COMMAND --help` has examples of each command.
    """


DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Folder of TFDS' data sets. [default: TFDS_DATA_DIR, else ~/tensorflow_datasets]"
    ),
]
Smoke = Annotated[
    bool, typer.Option("--smoke", help="Quick check: two epochs on a few images; results are meaningless.")
]
Verbose = Annotated[
    int | None,
    typer.Option(metavar="[0|1|2]", help="The same by Keras' numbers: none, bar or lines."),
]
Progress = Annotated[
    str | None,
    typer.Option(
        metavar="[auto|bar|lines|none]",
        help="auto: a live line in a terminal, else at most a line per minute. bar: a live line in a terminal, else a "
        "line per epoch. lines: a line per epoch. none: nothing. [default: auto]",
    ),
]


def verbosity(progress: str | None, verbose: int | None) -> str | int:
    """Return the argument `verbose` of `cnnzoo.train` and `cnnzoo.tune` for the options.

    Raises:
        InputError: both options are given, or one has a value that is not allowed.
    """
    names: dict[str, str | int] = {"auto": "auto", "bar": 1, "lines": 2, "none": 0}
    if progress is not None and verbose is not None:
        raise InputError("--progress and --verbose set the same thing: give one of them")
    if verbose is not None:
        return integer("--verbose", verbose, 0, 2)
    return names[choice("--progress", progress or "auto", names, plural="values of --progress")]
