"""`cnnzoo tune`: search over a recipe, here or in several processes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnzoo.checks import refusal
from cnnzoo.cli import stopping
from cnnzoo.cli.app import DataDir, Smoke, app, start_tensorflow, verbosity
from cnnzoo.errors import InputError

if TYPE_CHECKING:
    from cnnzoo.experiments import Recipe, Study


@app.command()
def tune(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="Name of a recipe (see `cnnzoo list`), or its file.")],
    tuner: Annotated[
        str | None,
        typer.Option(metavar="[random|bayesian|hyperband]", help="How trials are chosen. [default: random]"),
    ] = None,
    trials: Annotated[int | None, typer.Option(metavar="N", help="Maximum number of trials. [default: 20]")] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="After the search, train the best trial and the original recipe with this many seeds and test both. "
            "[default: 3; 0: do not]",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Seed of the choice of trials, initial weights, order and dropout. [default: the recipe's]",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", help="Passes over the training images, in all trials. [default: the recipe's]"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a recipe key in all trials, e.g. augment=affine. Repeatable.",
        ),
    ] = None,
    smoke: Smoke = False,
    workdir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Search folder: new or empty, or with --resume an existing one. [default: runs/tune/RECIPE/NUMBER]",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the latest search of the recipe, or the one in --workdir.")
    ] = False,
    data_dir: DataDir = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Search in N processes on this machine and one more, the chief.")
    ] = None,
    verbose: Annotated[
        int | None,
        typer.Option(
            metavar="[0|1|2]",
            help="0: silent. 1, 2: the epochs of all trials, as `cnnzoo train --verbose` shows them. "
            "[default: two lines per trial]",
        ),
    ] = None,
) -> None:
    """Search for better values of a recipe, then test the best trial.

    Examples:
        cnnzoo tune lenet5_digits --trials 8
        cnnzoo tune lenet5_digits --resume --trials 12
        cnnzoo tune lenet5_digits --trials 8 --workers 2
    """
    from cnnzoo.cli import launch
    from cnnzoo.experiments import load_recipe, load_space, parse_settings

    shown = verbosity(None, verbose)
    overrides = parse_settings(settings or []) | ({} if epochs is None else {"epochs": epochs})
    chosen = load_recipe(recipe)
    if workers is not None and not launch.is_member():
        raise typer.Exit(_in_processes(context.obj, workers, chosen, recipe, workdir, resume))
    launch.end_with_launcher()
    command = _command(recipe, workdir)
    with stopping.resumable(command, workdir, f"tune/{chosen.name}", resumed=resume):
        start_tensorflow()
        from cnnzoo.tuning.tune import OVERRIDES
        from cnnzoo.tuning.tune import tune as search

        result = search(
            chosen.smoke() if smoke else chosen,
            space=load_space(recipe),
            tuner=tuner,
            trials=trials,
            seed=seed,
            seeds=seeds,
            overrides=overrides or None,
            workdir=workdir,
            resume=resume,
            data_dir=data_dir,
            verbose=shown,
        )
    if result is None:
        print("the search has ended; its chief has the results")
        return
    print(
        f"{result.to_markdown()}\nsearch folder {result.folder}\n"
        f"next: cnnzoo train {recipe} --overrides {result.folder / OVERRIDES}"
    )


def _command(recipe: str, workdir: Path | None) -> str:
    return f"cnnzoo tune {recipe}" + (f" --workdir {workdir}" if workdir else "")


def _in_processes(
    arguments: list[str], workers: int, chosen: "Recipe | Study", recipe: str, workdir: Path | None, resume: bool
) -> int:
    """Run the same command in a chief and several workers, and return their exit code."""
    from cnnzoo.cli.launch import Member, free_ports, run_together
    from cnnzoo.experiments import run as runs
    from cnnzoo.tuning.search import checked_recipe
    from cnnzoo.tuning.space import ALONE, CHIEF, VARIABLES, process_role

    name = f"tune/{checked_recipe(chosen).name}"
    if workers < 2:
        raise refusal("--workers", "an integer of at least 2; leave it out to search in one process", workers)
    if process_role() != ALONE:
        raise InputError(f"--workers starts workers on this machine, but {VARIABLES[0]} says that this is one already")
    if workdir is None:  # all processes need the same
        workdir = runs.find(None, name).folder if resume else runs.next_folder(name)
    common = {VARIABLES[1]: "127.0.0.1", VARIABLES[2]: str(free_ports(1)[0])}
    members = [Member(CHIEF, {**common, VARIABLES[0]: CHIEF})] + [
        Member(f"worker {index}", {**common, VARIABLES[0]: f"worker{index}"}, (index, workers))
        for index in range(workers)
    ]
    code = run_together([*arguments, "--workdir", str(workdir)], members)  # of an option given twice the last counts
    if code in (130, 143):
        print(f"\nstopped; resume with: {_command(recipe, workdir)} --workers {workers} --resume", file=sys.stderr)
    return code
