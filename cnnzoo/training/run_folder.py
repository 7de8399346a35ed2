"""A run's folder at its start and at its end; of several workers the chief alone deals with it."""

import json
import math
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from cnnzoo.callbacks import DivergedError
from cnnzoo.checks import refusal
from cnnzoo.data import Source
from cnnzoo.distribute import WorkerInfo
from cnnzoo.errors import ChangedDataError, InputError
from cnnzoo.experiments import Recipe
from cnnzoo.experiments import run as runs
from cnnzoo.experiments.run import Run
from cnnzoo.files import atomic_write, write_json
from cnnzoo.models.standardization import Standardization
from cnnzoo.training.build import RECONSTRUCT, TrainingContext
from cnnzoo.training.evaluate import principal_components
from cnnzoo.training.sources import changed_data, identity_of, ordinary
from cnnzoo.versions import versions_of
from cnnzoo.weights import count_parameters

EVALUATION_FIELDS = ("test_examples", "test_crops")  # what a run may resume with other values of


def resumes(resume: bool | str, workdir: str | Path | None) -> bool:
    """Return whether a run or a study is resumed: as `resume` says, or with `"auto"` if there is one in the folder."""
    if resume not in (True, False, "auto"):
        raise refusal("resume", "True, False or 'auto'", resume)
    return workdir is not None and Run(workdir).recipe_file.is_file() if resume == "auto" else bool(resume)


def to_resume(recipe: Recipe, workdir: str | Path | None, resume: bool | str) -> str | None:
    """Return the folder of the run to resume, or `None`.

    It must have been started with the same recipe, of as many epochs or fewer. What only concerns its evaluation may
    be another.

    Raises:
        InputError: there is no such run, it was started with other values, or a new one cannot have the folder.
    """
    if resume == "auto" and workdir is None:
        raise InputError("to start or to resume a run, whichever it is, needs the run's folder; give a workdir")
    if not resumes(resume, workdir):
        runs.check_free(workdir)
        return None
    run = runs.find(workdir, recipe.name)
    wanted = json.loads(json.dumps(recipe.to_dict()))  # as the file holds it: tuples are lists there
    for name, value in json.loads(json.dumps(run.recipe.to_dict())).items():
        now = wanted[name]
        if now != value and name not in EVALUATION_FIELDS and not (name == "epochs" and now > value):
            raise InputError(
                f"the run in {str(run.folder)!r} was started with {name}={value!r}, not {now!r}; "
                "resume it with the same values, or start another run"
            )
    return str(run.folder)


def is_finished(run: Run, recipe: Recipe) -> bool:
    """Return whether a run to resume has been trained, for as many epochs as a recipe says, and evaluated likewise."""
    before = run.recipe
    same = all(getattr(before, name) == getattr(recipe, name) for name in ("epochs", *EVALUATION_FIELDS))
    return same and run.metrics_file.is_file()


@contextmanager
def reopen_run(folder: str, recipe: Recipe, source: Source) -> Iterator[Run]:
    """Open a run to resume, alone; with more epochs, or evaluated otherwise, it loses its results for that recipe.

    Raises:
        InputError: another process is at work in the folder, or the images are not those that it began with.
    """
    with runs.reopen(folder, recipe.name) as run:
        content, before, now = run.content, run.recipe, identity_of(source)
        if before.test_examples != recipe.test_examples and "data" in content and "test" in now:
            content["data"] = content["data"] | {"test": now["test"]}
        if changes := changed_data(content.get("data"), now):
            raise ChangedDataError(
                f"the run in {folder!r} was trained on other images: {'; '.join(changes)}; put them back to resume it, "
                "or start another run"
            )
        if not is_finished(run, recipe):
            run.metrics_file.unlink(missing_ok=True)  # first: a run without it is resumed, by either recipe
        if before.epochs != recipe.epochs:
            run.model_file.unlink(missing_ok=True)
            content["lengthened"] = [*content.get("lengthened", []), before.epochs]
        if before != recipe:
            write_json(run.recipe_file, {**content, "recipe": recipe.to_dict()})
        yield run


def create_run(
    recipe: Recipe, workdir: str | Path | None, worker: WorkerInfo, source: Source, preprocess: Any = None
) -> AbstractContextManager[Run]:
    """Make the folder of a new run, which no other process may use in the block, and write its recipe.

    Versions, the machine and what tells the images apart from others are written with it, and of signals and rows of
    a table how they are standardized, which `preprocess` does.
    """
    circumstances = {
        "versions": versions_of("cnnzoo", "keras", "tensorflow", "tensorflow_datasets", "numpy", "sklearn"),
        "machine": {"python": platform.python_version(), "platform": platform.platform(), "cores": os.cpu_count()},
        "workers": worker.workers,
        "replicas": worker.replicas,
        "data": identity_of(source),
    }
    if isinstance(preprocess, Standardization):
        circumstances["standardization"] = preprocess.to_dict()
    if source.columns:
        circumstances["columns"] = list(source.columns)
    return runs.create(workdir, recipe.name, {"recipe": recipe.to_dict(), **circumstances})


def finish(context: TrainingContext, results: dict[str, Any]) -> None:
    """Write a trained model and its results.

    Args:
        context: the run.
        results: metrics on the test images, as `test`, and further entries for `metrics.json`.
    """
    recipe, run, model, source = context.recipe, context.run, context.model, context.source
    history, images = run.history_rows, context.steps * recipe.batch_size
    metrics = {
        "recipe": recipe.name,
        "model": recipe.model,
        **_counts(context),
        "fixed_parameters": count_parameters(model.non_trainable_weights),
        "data": recipe.data,
        "image_shape": list(source.image_shape),
        "class_names": list(source.class_names),
        "seed": recipe.seed,
        "images_per_second": round(images * len(history) / sum(row["seconds"] for row in history)),
        "test_examples": len(ordinary(recipe, source.test)),  # of which `test` is
        **results,
    }
    if source.skipped:
        metrics["skipped"] = dict(source.skipped)
    if context.task is RECONSTRUCT:
        metrics["principal_components"] = principal_components(context)
    with atomic_write(run.model_file) as part:
        model.save(part)
    write_json(run.metrics_file, metrics)


def finish_trial(context: TrainingContext, examples: int, metrics: dict[str, float]) -> None:
    """Write the results of a trial, and remove its weights, which nothing reads.

    Args:
        context: the trial's run.
        examples: number of validation images.
        metrics: metrics on them.

    Raises:
        InputError: a metric is not finite.
    """
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise DivergedError(f"the {name} on the validation images is {value}; try a smaller learning_rate")
    run = context.run
    write_json(run.metrics_file, {**_counts(context), "validation_examples": examples, "validation": metrics})
    run.checkpoint_file.unlink(missing_ok=True)
    run.machines_file.unlink(missing_ok=True)
    shutil.rmtree(run.epochs, ignore_errors=True)
    shutil.rmtree(run.folder / "pretraining", ignore_errors=True)


def _counts(context: TrainingContext) -> dict[str, Any]:
    history = context.run.history_rows
    return {
        "parameters": count_parameters(context.model.trainable_weights),
        "epochs": len(history),
        "train_seconds": round(sum(row["seconds"] for row in history), 2),
    }
