"""What all commands share: the application, options, and the start of TensorFlow."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The classic deep nets: train them by recipe, judge them, export them.",
)

DataDir = Annotated[Path | None, typer.Option(help="Where TFDS keeps its data (default: TFDS_DATA_DIR).")]


def start_tensorflow() -> None:
    """Start TensorFlow without the notes that it writes to stderr before any log level holds.

    They say how it was compiled and which libraries it found. If the start fails, they are shown.
    """
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow

            tensorflow.config.list_physical_devices()
        except BaseException:
            notes.seek(0)
            os.write(stderr, notes.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def in_words(figures: dict[str, float]) -> str:
    """Return what a model is judged by, as a person says it."""
    if "accuracy" in figures:
        return f"accuracy {figures['accuracy']:.2%}"
    return f"squared error {figures['squared_error']:.3f} an image"
