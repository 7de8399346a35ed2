"""What all commands share: the application, options, and the start of TensorFlow."""

from pathlib import Path
from typing import Annotated

import typer

from cnnzoo.runtime import start_tensorflow as start_tensorflow

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The classic deep nets: train them by recipe, judge them, export them.",
)

DataDir = Annotated[Path | None, typer.Option(help="Where TFDS keeps its data (default: TFDS_DATA_DIR).")]


def in_words(figures: dict[str, float]) -> str:
    """Return what a model is judged by, as a person says it."""
    if "accuracy" in figures:
        return f"accuracy {figures['accuracy']:.2%}"
    return f"squared error {figures['squared_error']:.3f} an image"
