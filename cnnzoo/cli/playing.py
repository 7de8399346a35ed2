"""`cnnzoo play`: a page in which nets answer while one draws."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from cnnzoo.cli.app import DataDir, app, start_tensorflow


@app.command()
def play(
    nets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NET",
            help="Folder of a finished run, .keras file, or name of trained weights or of a model; several are "
            "compared. [default: lenet5_mnist]",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page. [default: play.html; of a run, in its folder]"),
    ] = None,
    opens: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    dtype: Annotated[
        str, typer.Option(metavar="[float16|float32]", help="Type of the weights in the page.")
    ] = "float16",
    data_dir: DataDir = None,
) -> None:
    """Write a page in which nets answer while one draws.

    Examples:
        cnnzoo play
        cnnzoo play --open
        cnnzoo play runs/lenet5_mnist/1
        cnnzoo play lenet5_mnist mlp --to comparison.html
        cnnzoo play deep_autoencoder_mnist --dtype float32
    """
    start_tensorflow()
    from cnnzoo.browser.play import play as write_page

    given = nets or ["lenet5_mnist"]
    path = write_page(*given, to=to, dtype=dtype, data_dir=data_dir)
    print(path)
    if opens:
        webbrowser.open(path.resolve().as_uri())
