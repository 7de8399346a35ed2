"""`cnnzoo evaluate` and `cnnzoo export`: what is done with a finished run."""

from pathlib import Path
from typing import Annotated

import typer

from cnnzoo.cli.app import DataDir, app, in_words, start_tensorflow


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    data_dir: DataDir = None,
) -> None:
    """Judge a finished run's model on the test images."""
    start_tensorflow()
    from cnnzoo import training

    results = training.evaluate(run, data_dir=data_dir)
    print(f"test {in_words(results)}, loss {results['loss']:.4f}")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    to: Annotated[Path, typer.Option(help="The model's folder; a new version is added to it.")],
) -> None:
    """Write a run's model as a SavedModel for serving."""
    start_tensorflow()
    from cnnzoo import serving

    print(serving.export(run, to))
