"""`cnnzoo tune`: search over a recipe, here or in several processes."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnzoo.cli.app import DataDir, app, start_tensorflow
from cnnzoo.errors import InputError

if TYPE_CHECKING:
    from cnnzoo.experiments import Recipe, Study


@app.command()
def tune(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A name that `cnnzoo list` shows, or a recipe file.")],
    tuner: Annotated[str | None, typer.Option(help="random (default), bayesian or hyperband.")] = None,
    trials: Annotated[int | None, typer.Option(help="Most trials (default: 20).")] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds to train and test the winner and the recipe at (default: 3; 0 for none).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the trials, and weights, order and dropout.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images, in all trials.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other value of the recipe that all trials share."),
    ] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="The same recipe cut to seconds.")] = False,
    workdir: Annotated[Path | None, typer.Option(help="A new folder (default: runs/tune/RECIPE/NUMBER).")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the latest search, or the one in WORKDIR.")
    ] = False,
    data_dir: DataDir = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Search in N processes on this machine, and a chief.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the epochs of every trial.")] = False,
) -> None:
    """Search for better values of a recipe, then train and test what won beside the recipe as it was."""
    from cnnzoo.cli import launch
    from cnnzoo.experiments import load_recipe, load_space, parse_settings

    overrides = parse_settings(settings or []) | ({} if epochs is None else {"epochs": epochs})
    chosen = load_recipe(recipe)
    if workers is not None:
        raise typer.Exit(_in_processes(context.obj, workers, chosen, workdir, resume))
    launch.end_with_launcher()
    try:
        start_tensorflow()
        from cnnzoo.tuning.tune import OVERRIDES
        from cnnzoo.tuning.tune import tune as search

        tuned = search(
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
            verbose=1 if verbose else "auto",
        )
    except KeyboardInterrupt:
        if launch.LAUNCHER not in os.environ:  # who started this one says so for all
            _say_how_to_go_on(recipe, workdir)
        raise typer.Exit(130) from None
    if tuned is None:
        print("the search has ended; its chief has what came out")
        return
    print(
        f"{tuned.to_markdown()}\nsearch folder {tuned.folder}\n"
        f"next: cnnzoo train {recipe} --overrides {tuned.folder / OVERRIDES}"
    )


def _say_how_to_go_on(recipe: str, workdir: Path | None, more: str = "") -> None:
    folder = f" --workdir {workdir}" if workdir else ""
    print(f"\nstopped; go on with: cnnzoo tune {recipe}{folder}{more} --resume", file=sys.stderr)


def _in_processes(
    arguments: list[str], workers: int, recipe: "Recipe | Study", workdir: Path | None, resume: bool
) -> int:
    """Hand the same command over to a chief and several workers, and return their exit code."""
    from cnnzoo.cli.launch import Member, free_ports, run_together, without_option
    from cnnzoo.experiments import Study
    from cnnzoo.experiments import run as runs
    from cnnzoo.tuning.space import ALONE, CHIEF, VARIABLES, part_of_this_process

    if isinstance(recipe, Study):
        raise InputError(f"{recipe.name!r} is a study, not a recipe, and has no one figure; tune its recipe by itself")
    if workers < 2:
        raise InputError(f"--workers must be at least 2, not {workers}; leave it out to search in one process")
    if part_of_this_process() != ALONE:
        raise InputError(f"--workers starts workers on this machine, but {VARIABLES[0]} says that this is one already")
    name = f"tune/{recipe.name}"
    if workdir is None:  # all are to have the same
        workdir = runs.reopen(None, name).folder if resume else runs.next_folder(name)
    common = {VARIABLES[1]: "127.0.0.1", VARIABLES[2]: str(free_ports(1)[0])}
    members = [Member(CHIEF, {**common, VARIABLES[0]: CHIEF})] + [
        Member(f"worker {index}", {**common, VARIABLES[0]: f"worker{index}"}, (index, workers))
        for index in range(workers)
    ]
    kept = without_option(without_option(arguments, "--workers"), "--workdir")
    code = run_together([*kept, "--workdir", str(workdir)], members)
    if code == 130:
        _say_how_to_go_on(kept[1], workdir, f" --workers {workers}")
    return code
