"""What all commands share: the application, options, and the start of TensorFlow."""

import json
import os
import platform
from pathlib import Path
from typing import Annotated

import typer

from cnnzoo.checks import choice, integer
from cnnzoo.errors import InputError
from cnnzoo.runtime import keras_home
from cnnzoo.runtime import start_tensorflow as start_tensorflow
from cnnzoo.versions import version_of

app = typer.Typer(
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
    """Train the classic deep nets by recipe, evaluate them, look inside, export and serve them."""


DataDir = Annotated[Path | None, typer.Option(help="Where TFDS keeps its data (default: TFDS_DATA_DIR).")]
Verbose = Annotated[
    int | None,
    typer.Option(
        metavar="0|1|2",
        help="0: silent. 1: a live line in a terminal, else a line per epoch. 2: a line per epoch. Default: auto.",
    ),
]
Progress = Annotated[
    str | None,
    typer.Option(
        metavar="auto|bar|lines|none", help="auto: a live line in a terminal, in a pipe a line an epoch or a minute."
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
