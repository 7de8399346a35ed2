"""`cnnzoo train`, here, on several devices, or in several processes; and `cnnzoo evaluate`."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cnnzoo.cli import stopping
from cnnzoo.cli.app import DataDir, Progress, Smoke, Verbose, app, start_tensorflow, verbosity
from cnnzoo.errors import InputError, reason

if TYPE_CHECKING:
    import keras

    from cnnzoo.distribute import WorkerInfo
    from cnnzoo.experiments import Recipe, Study
    from cnnzoo.experiments.run import Run


@app.command()
def train(
    context: typer.Context,
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="Name of a recipe or study (see `cnnzoo list`), or its file.")
    ],
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Passes over the training images. [default: the recipe's]")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", help="Images per step, over all devices. [default: the recipe's]")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Seed of initial weights, order, dropout and augmentation. [default: the recipe's]"
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="[float32|mixed_bfloat16|mixed_float16]",
            help="Keras' policy of number types. [default: the recipe's]",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a recipe key, e.g. augment=affine or model_options.units=(300,100). Repeatable.",
        ),
    ] = None,
    overrides: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Override recipe keys by a file that `cnnzoo tune` has written.")
    ] = None,
    smoke: Smoke = False,
    workdir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Run folder: new or empty, or with --resume an existing run. [default: runs/RECIPE/NUMBER]",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the latest run of the recipe, or the one in --workdir.")
    ] = False,
    auto_resume: Annotated[
        bool, typer.Option("--auto-resume", help="Resume the run in --workdir if there is one, else start it there.")
    ] = False,
    data_dir: DataDir = None,
    strategy: Annotated[
        str,
        typer.Option(
            metavar="[auto|default|mirrored|multi_worker]",
            help="One device, several devices, or several machines; auto: all that there are.",
        ),
    ] = "auto",
    devices: Annotated[
        int | None, typer.Option(metavar="N", help="Devices of this machine to train on. [default: all]")
    ] = None,
    logical_cpus: Annotated[
        int | None, typer.Option(metavar="N", help="Split the CPU into N logical devices, to try out several.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Train in N processes on this machine, as on N machines.")
    ] = None,
    worker_timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Longest wait for the other workers.")] = 300,
    progress: Progress = None,
    verbose: Verbose = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no HTML report at the end.")] = False,
    callback: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE:NAME", help="A callback of Keras, or a function that returns one. Repeatable."),
    ] = None,
) -> None:
    """Train a recipe or a study and evaluate it on the test images.

    Examples:
        cnnzoo train lenet5_digits
        cnnzoo train lenet5_mnist --set augment=affine --epochs 60 --seed 1
        cnnzoo train lenet5_mnist --resume
        cnnzoo train alexnet_photos --set data=FOLDER
        cnnzoo train strides_against_pooling_cifar10
        cnnzoo train alexnet_imagenet --precision mixed_bfloat16
        cnnzoo train lenet5_mnist --workers 2
        cnnzoo train lenet5_mnist --verbose 2
    """
    from cnnzoo.cli import launch, user_callbacks
    from cnnzoo.experiments import load_recipe

    user_callbacks.check_names(callback or [])
    if resume and auto_resume:
        raise InputError("--resume and --auto-resume exclude each other: give one of them")
    resumes = resume or (auto_resume and workdir is not None and (workdir / "recipe.json").is_file())
    chosen = _recipe_of(workdir, recipe) if resumes else load_recipe(recipe)
    chosen = chosen.smoke() if smoke else chosen
    chosen = chosen if overrides is None else _overridden(chosen, overrides)
    chosen = chosen.override(settings or [])
    given = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "precision": precision}
    chosen = chosen.replace(**{name: value for name, value in given.items() if value is not None})
    shown = verbosity(progress, verbose)
    if workers is not None and not launch.is_member():
        raise typer.Exit(_in_processes(context.obj, workers, strategy, chosen, shown))
    start_tensorflow()
    from cnnzoo import distribute
    from cnnzoo.data import using_data_dir
    from cnnzoo.experiments import Study
    from cnnzoo.training.build import Devices, configure_threads

    if logical_cpus is not None:
        distribute.split_cpu(logical_cpus)
        devices = logical_cpus if devices is None and strategy in ("auto", "mirrored") else devices
    where = distribute.strategy(strategy, devices=devices, worker_timeout=worker_timeout)
    worker = distribute.worker_info(where)
    configure_threads(chosen.recipe if isinstance(chosen, Study) else chosen, Devices(where, worker))
    if worker.workers > 1:
        signal.signal(signal.SIGTERM, stopping.receive)  # TensorFlow takes it for a notice, and continues
    options = {"workdir": workdir, "resume": "auto" if auto_resume else resume, "verbose": shown, "strategy": where}
    command = f"cnnzoo train {recipe}" + (f" --workdir {workdir}" if workdir else "")
    command += "".join(f" {user_callbacks.OPTION} {name}" for name in callback or ())  # they are no part of the run
    try:
        with stopping.resumable(command, workdir, chosen.name, resumed=resumes), using_data_dir(data_dir):
            factories = [user_callbacks.factory(name) for name in callback or ()]
            _train(chosen, worker, factories, with_report=not no_report, **options)
    except (stopping.Stopped, InputError) as error:
        if worker.workers == 1:
            raise
        print(f"cnnzoo: {error}", file=sys.stderr)
        _exit(stopping.exit_code() or error.exit_code, worker)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    data_dir: DataDir = None,
) -> None:
    """Evaluate a finished run's model on the test images.

    Examples:
        cnnzoo evaluate runs/lenet5_mnist/1
    """
    start_tensorflow()
    from cnnzoo.experiments.run import Run
    from cnnzoo.training.evaluate import evaluate as evaluate_run
    from cnnzoo.weights.shipped_models import formatted_metrics

    results = evaluate_run(run, data_dir=data_dir)
    images = Run(run).metrics["test_examples"]
    print(f"test {formatted_metrics({**results, 'images': images})}, loss {results['loss']:.4f}")


def _train(
    chosen: "Recipe | Study",
    worker: "WorkerInfo",
    factories: "list[Callable[[], keras.callbacks.Callback]]",
    *,
    with_report: bool,
    **options: Any,
) -> None:
    """Train a recipe or a study, print its results, and make its report."""
    from cnnzoo.experiments import Study
    from cnnzoo.training.sources import read_once
    from cnnzoo.training.study import run_study
    from cnnzoo.training.train import train as train_recipe

    recipes = [each for _, each in chosen.recipes()] if isinstance(chosen, Study) else [chosen]
    if factories and worker.is_chief and any(each.pretraining for each in recipes):
        print("--callback is called in the epochs of the fit, and not while layers are pretrained")
    if isinstance(chosen, Study):
        comparison = run_study(chosen, callbacks=factories, **options)
        print(f"{comparison.to_markdown()}\nstudy folder {comparison.folder}")
        _report(comparison.folder, with_report)
        return
    if worker.replicas > 1 and worker.is_chief:
        print(
            f"{worker.replicas} replicas in {worker.workers} process{'es' if worker.workers > 1 else ''}: batches of "
            f"{chosen.batch_size} are cut into {chosen.batch_size // worker.replicas} each; the learning rate is the "
            f"recipe's own, {chosen.learning_rate:g}"
        )
    with read_once():
        run = train_recipe(chosen, callbacks=_made(factories, worker), **options)
        if worker.is_chief:
            _print_run(run)
            # One of several workers would wait for the others at each of its predictions.
            _report(run.folder, with_report and worker.workers == 1)
    if not worker.is_chief:
        print(f"{worker} is done; the chief wrote the run to {run.folder}")


def _made(
    factories: "list[Callable[[], keras.callbacks.Callback]]", worker: "WorkerInfo"
) -> "list[keras.callbacks.Callback]":
    """Return the callbacks, which the chief alone calls: nobody else makes them, as some do something at once."""
    import keras

    return [make() if worker.is_chief else keras.callbacks.Callback() for make in factories]


def _report(folder: Path, wanted: bool) -> None:
    """Make the report of a run or a study, or say how to; a report that fails does not lose the run."""
    if not wanted:
        print(f"next: cnnzoo report {folder}")
        return
    from cnnzoo.reports.report import report

    try:
        print(f"report {report(folder)}")
    except Exception as error:  # whatever it is: the run is kept, and its report can be made later
        if not isinstance(error, InputError):
            traceback.print_exc()
        print(f"cnnzoo: no report was made: {reason(error)}; try cnnzoo report {folder}", file=sys.stderr)


def _overridden(chosen: "Recipe | Study", path: Path) -> "Recipe":
    """Return a recipe with the overrides that a file holds."""
    from cnnzoo.experiments import Study, read_overrides

    if isinstance(chosen, Study):
        raise InputError(f"--overrides is for a recipe, and {chosen.name!r} is a study; change its file instead")
    return chosen.override(read_overrides(path))


def _in_processes(arguments: list[str], workers: int, strategy: str, chosen: "Recipe | Study", shown: str | int) -> int:
    """Hand the same command over to several processes, and return their exit code."""
    from cnnzoo.cli.launch import run_workers
    from cnnzoo.experiments import Study

    if isinstance(chosen, Study):
        raise InputError(f"--workers is for a recipe, and {chosen.name!r} is a study; run its recipe by itself")
    if strategy not in ("auto", "multi_worker"):
        raise InputError(f"--workers trains by the strategy 'multi_worker', not by {strategy!r}; leave out --strategy")
    if shown == "auto" and sys.stdout.isatty():  # the workers write into pipes, where auto shows nothing
        arguments = [*arguments, "--progress", "lines"]
    return run_workers(arguments, workers)


def _exit(code: int, worker: "WorkerInfo") -> NoReturn:
    """End the process; as one of several at once: TensorFlow would wait for workers that are gone."""
    if worker.workers == 1:
        raise typer.Exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _print_run(run: "Run") -> None:
    from cnnzoo.weights.shipped_models import formatted_metrics

    metrics = run.metrics
    print(
        f"test {formatted_metrics({**metrics['test'], 'images': metrics['test_examples']})}, "
        f"{metrics['parameters']:,} parameters, {metrics['train_seconds']:.0f} s, "
        f"{metrics['images_per_second']:,} images/s\n"
        f"{_pretraining_line(metrics)}"
        f"{_pca_line(metrics)}"
        f"{_anomaly_line(metrics)}"
        f"{_skipped_line(metrics)}"
        f"run folder {run.folder}\n"
        f"next: cnnzoo export {run.folder} --to exported/{metrics['model']}"
    )


def _pca_line(metrics: dict[str, Any]) -> str:
    """Return a line about as many principal components as the code has numbers, or nothing."""
    linear = metrics.get("principal_components")
    if not linear:
        return ""
    return f"{linear['components']} principal components: squared error per image {linear['squared_error']:.3f}\n"


def _anomaly_line(metrics: dict[str, Any]) -> str:
    """Return a line about the anomalies among the test examples, or nothing."""
    found = metrics.get("anomalies")
    if not found:
        return ""
    line = f"{found['anomalies']} anomalies among {found['ordinary']} ordinary examples: AUC {found['auc']:.3f}"
    if "threshold" in found:
        line += (
            f"; above {found['threshold']:.3f} are {found['found']:.1%} of the anomalies and "
            f"{found['false_alarms']:.1%} of the ordinary ones"
        )
    return f"{line}\n".replace("%", " %")


def _skipped_line(metrics: dict[str, Any]) -> str:
    """Return a line with the number of files that were skipped, or nothing."""
    skipped = metrics.get("skipped")
    return f"{len(skipped)} files could not be read and were left out; metrics.json lists them\n" if skipped else ""


def _pretraining_line(metrics: dict[str, Any]) -> str:
    """Return a line with the time of pretraining, which the seconds of the fit do not include, or nothing."""
    layers = metrics.get("pretraining")
    if not layers:
        return ""
    seconds = sum(sum(history["seconds"]) for history in layers.values())
    return f"before that, {seconds:.0f} s of pretraining, {len(layers)} layers\n"


def _recipe_of(workdir: Path | None, recipe: str) -> "Recipe | Study":
    """Return the recipe or the study of the run to resume."""
    from cnnzoo.experiments import Recipe, Study
    from cnnzoo.experiments import run as runs

    content = runs.find(workdir, Path(recipe).stem).content
    return Study.from_dict(content) if "variants" in content else Recipe.from_dict(content["recipe"])
