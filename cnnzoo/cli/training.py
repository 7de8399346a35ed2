"""`cnnzoo train`: here, on several devices, or in several processes."""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cnnzoo.cli.app import DataDir, app, in_words, start_tensorflow
from cnnzoo.errors import InputError, reason

if TYPE_CHECKING:
    from cnnzoo.distribute import WorkerInfo
    from cnnzoo.experiments import Recipe, Study
    from cnnzoo.experiments.run import Run


@app.command()
def train(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A name that `cnnzoo list` shows, or a recipe file.")],
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in one step, over all devices.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides weights, order, dropout and augmentation.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, mixed_bfloat16 or mixed_float16.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other value of the recipe, as augment=affine."),
    ] = None,
    overrides: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Values of the recipe, as `cnnzoo tune` writes them.")
    ] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="The same recipe cut to seconds.")] = False,
    workdir: Annotated[Path | None, typer.Option(help="A new folder (default: runs/RECIPE/NUMBER).")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the latest run, or the one in WORKDIR.")] = False,
    resume_or_begin: Annotated[
        bool, typer.Option("--resume-or-begin", help="Go on with the run in WORKDIR, or begin it there.")
    ] = False,
    data_dir: DataDir = None,
    strategy: Annotated[
        str, typer.Option(help="default, mirrored, multi_worker, or auto: as many devices and machines as there are.")
    ] = "auto",
    devices: Annotated[int | None, typer.Option(help="Devices of this machine to train on (default: all).")] = None,
    logical_cpus: Annotated[
        int | None, typer.Option(metavar="N", help="Split the CPU into N devices, to try out several.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Train in N processes on this machine, as on N machines.")
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for other workers.")] = 300,
    progress: Annotated[
        str, typer.Option(help="bar, lines (one an epoch), none, or auto: a bar in a terminal, elsewhere nothing.")
    ] = "auto",
    no_report: Annotated[bool, typer.Option("--no-report", help="Make no page of pictures at the end.")] = False,
) -> None:
    """Train a model by a recipe and judge it on the test images."""
    from cnnzoo.experiments import load_recipe

    if resume and resume_or_begin:
        raise InputError("--resume and --resume-or-begin ask for two things: give one of them")
    going_on = resume or (resume_or_begin and workdir is not None and (workdir / "recipe.json").is_file())
    chosen = _begun(workdir, recipe) if going_on else load_recipe(recipe)
    chosen = chosen.smoke() if smoke else chosen
    chosen = chosen if overrides is None else _overridden(chosen, overrides)
    chosen = chosen.override(settings or [])
    given = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "precision": precision}
    chosen = chosen.replace(**{name: value for name, value in given.items() if value is not None})
    verbose = _verbosity(progress)
    if workers is not None:
        raise typer.Exit(_in_processes(context.obj, workers, strategy, chosen, progress))
    start_tensorflow()
    from cnnzoo import distribute

    if logical_cpus is not None:
        distribute.split_cpu(logical_cpus)
        devices = logical_cpus if devices is None and strategy in ("auto", "mirrored") else devices
    found = distribute.strategy(strategy, devices=devices, wait=wait)
    place = distribute.worker_info(found)
    if place.workers > 1:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # TensorFlow takes it for a notice, and goes on
    resumes = None if resume_or_begin else resume
    common = {"workdir": workdir, "resume": resumes, "data_dir": data_dir, "verbose": verbose}
    try:
        _trained(chosen, place, strategy=found, with_report=not no_report, **common)
    except KeyboardInterrupt:
        folder = f" --workdir {workdir}" if workdir else ""
        print(f"\nstopped; go on with: cnnzoo train {recipe}{folder} --resume", file=sys.stderr)
        _leave(130, place)
    except InputError as error:
        if place.workers == 1:
            raise
        print(f"cnnzoo: {error}", file=sys.stderr)
        _leave(1 if isinstance(error, distribute.WorkerLostError) else 2, place)


def _trained(chosen: "Recipe | Study", place: "WorkerInfo", *, with_report: bool, **common: Any) -> None:
    """Train a recipe or a study, print what came out, and make its page."""
    from cnnzoo.experiments import Study
    from cnnzoo.training.build import read_once
    from cnnzoo.training.study import run_study
    from cnnzoo.training.train import train as train_recipe

    if isinstance(chosen, Study):
        comparison = run_study(chosen, **common)
        print(f"{comparison.to_markdown()}\nstudy folder {comparison.folder}")
        _report(comparison.folder, common["data_dir"], with_report)
        return
    if place.replicas > 1 and place.is_chief:
        print(
            f"{place.replicas} replicas in {place.workers} process{'es' if place.workers > 1 else ''}: batches of "
            f"{chosen.batch_size} are cut into {chosen.batch_size // place.replicas} each; the learning rate is the "
            f"recipe's own, {chosen.learning_rate:g}"
        )
    with read_once():
        run = train_recipe(chosen, **common)
        if place.is_chief:
            _print_run(run)
            # One of several workers would wait for the others at each of its answers.
            _report(run.folder, common["data_dir"], with_report and place.workers == 1)
    if not place.is_chief:
        print(f"{place} is done; the chief wrote the run into {run.folder}")


def _report(folder: Path, data_dir: Path | None, wanted: bool) -> None:
    """Make the page of a run or a study, or say how to; what was trained is not lost for a page."""
    if not wanted:
        print(f"next: cnnzoo report {folder}")
        return
    from cnnzoo.reports.report import report

    try:
        print(f"report {report(folder, data_dir=data_dir)}")
    except Exception as error:  # whatever it is: the run stands, and its page can be made later
        print(f"cnnzoo: no report was made: {reason(error)}; try cnnzoo report {folder}", file=sys.stderr)


def _overridden(chosen: "Recipe | Study", path: Path) -> "Recipe":
    """Return a recipe with the overrides that a file holds."""
    from cnnzoo.experiments import Study, read_overrides

    if isinstance(chosen, Study):
        raise InputError(f"--overrides is for a recipe, and {chosen.name!r} is a study; change its file instead")
    return chosen.override(read_overrides(path))


def _verbosity(progress: str) -> str | int:
    """Return what `cnnzoo.train` calls `verbose`."""
    named: dict[str, str | int] = {"auto": "auto", "bar": 1, "lines": 2, "none": 0}
    if progress not in named:
        raise InputError(f"--progress must be {', '.join(list(named)[:-1])} or none, not {progress!r}")
    return named[progress]


def _in_processes(arguments: list[str], workers: int, strategy: str, chosen: "Recipe | Study", progress: str) -> int:
    """Hand the same command over to several processes, and return their exit code."""
    from cnnzoo.cli.launch import run_workers, without_option
    from cnnzoo.experiments import Study

    if isinstance(chosen, Study):
        raise InputError(f"--workers is for a recipe, and {chosen.name!r} is a study; run its recipe by itself")
    if strategy not in ("auto", "multi_worker"):
        raise InputError(f"--workers trains by the strategy 'multi_worker', not by {strategy!r}; leave out --strategy")
    kept = without_option(arguments, "--workers")
    if progress == "auto" and sys.stdout.isatty():  # the workers write into pipes, which would keep them quiet
        kept += ["--progress", "lines"]
    return run_workers(kept, workers)


def _leave(code: int, place: "WorkerInfo") -> NoReturn:
    """End the process; as one of several at once: TensorFlow would wait for workers that are gone."""
    if place.workers == 1:
        raise typer.Exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _print_run(run: "Run") -> None:
    metrics = run.metrics
    print(
        f"test {in_words(metrics['test'])}, {metrics['test_examples']:,} images, "
        f"{metrics['parameters']:,} parameters, {metrics['train_seconds']:.0f} s, "
        f"{metrics['images_per_second']:,} images/s\n"
        f"{_before_the_fit(metrics)}"
        f"{_beside_pca(metrics)}"
        f"{_left_out(metrics)}"
        f"run folder {run.folder}\n"
        f"next: cnnzoo export {run.folder} --to exported/{metrics['model']}"
    )


def _beside_pca(metrics: dict[str, Any]) -> str:
    """Return a line that says what as many principal components as an autoencoder's code keep, or nothing."""
    linear = metrics.get("principal_components")
    if not linear:
        return ""
    return f"{linear['components']} principal components: squared error {linear['squared_error']:.3f} an image\n"


def _left_out(metrics: dict[str, Any]) -> str:
    """Return a line that says how many files were left out, or nothing."""
    skipped = metrics.get("skipped")
    return f"{len(skipped)} files could not be read and were left out; metrics.json lists them\n" if skipped else ""


def _before_the_fit(metrics: dict[str, Any]) -> str:
    """Return a line with the time that pretraining took, which the seconds of the fit do not hold, or nothing."""
    layers = metrics.get("pretraining")
    if not layers:
        return ""
    seconds = sum(sum(history["seconds"]) for history in layers.values())
    return f"before that, {seconds:.0f} s of pretraining, {len(layers)} layers\n"


def _begun(workdir: Path | None, recipe: str) -> "Recipe | Study":
    """Return the recipe or the study that a run was begun with."""
    from cnnzoo.experiments import Recipe, Study
    from cnnzoo.experiments import run as runs

    content = runs.reopen(workdir, Path(recipe).stem).content
    return Study.from_dict(content) if "variants" in content else Recipe.from_dict(content["recipe"])
