"""`cnnzoo evaluate`: judge a finished run again."""

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
    from cnnzoo.training.evaluate import evaluate as evaluate_run

    results = evaluate_run(run, data_dir=data_dir)
    print(f"test {in_words(results)}, loss {results['loss']:.4f}")
