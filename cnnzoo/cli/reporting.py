"""`cnnzoo report`: a report about finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from cnnzoo.cli.app import DataDir, app, start_tensorflow


@app.command()
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Folder of a finished run or study, or folders of several runs."),
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder of the report. [default: the run's own; for several runs, `report`]"
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write an HTML report about finished runs or a study.

    Examples:
        cnnzoo report runs/lenet5_mnist/1
        cnnzoo report runs/lenet5_mnist/1 runs/lenet5_mnist/2
        cnnzoo report runs/lenet5_mnist/1 runs/lenet5_mnist/2 --to comparison
    """
    start_tensorflow()
    from cnnzoo.reports.report import report as write_report

    print(write_report(runs, to=to, data_dir=data_dir))
