"""A run's folder at its beginning and at its end; on several workers the chief alone deals with it."""

import importlib.metadata
import json
import math
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import keras

from cnnzoo import data
from cnnzoo.callbacks import DivergedError
from cnnzoo.distribute import WorkerInfo
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe
from cnnzoo.experiments import run as runs
from cnnzoo.experiments.run import Run
from cnnzoo.files import atomic_write, write_json
from cnnzoo.training.build import RECONSTRUCT, task_of
from cnnzoo.training.evaluate import principal_components
from cnnzoo.weights import count_parameters


def to_resume(recipe: Recipe, workdir: str | Path | None, resume: bool | None) -> str | None:
    """Return the folder of the run to go on with, which must have been begun with the same recipe, or `None`.

    Raises:
        InputError: there is no such run, it was begun with other values, or a new one cannot have the folder.
    """
    if resume is None:
        if workdir is None:
            raise InputError("to begin a run or to go on with it, as it comes, needs the run's folder; give a workdir")
        resume = Run(workdir).recipe_file.is_file()
    if not resume:
        runs.check_free(workdir)
        return None
    run = runs.reopen(workdir, recipe.name)
    wanted = json.loads(json.dumps(recipe.to_dict()))  # as the file holds it: tuples are lists there
    for name, value in json.loads(json.dumps(Recipe.from_dict(run.recipe).to_dict())).items():
        if (now := wanted[name]) != value:
            raise InputError(
                f"the run in {str(run.folder)!r} was begun with {name}={value!r}, not {now!r}; "
                "resume it with the same values, or begin another run"
            )
    return str(run.folder)


def create_run(recipe: Recipe, workdir: str | Path | None, place: WorkerInfo) -> str:
    """Make the folder of a new run, write down its recipe and circumstances, and return the folder."""
    packages = ("cnnzoo", "keras", "tensorflow", "tensorflow-datasets", "numpy", "scikit-learn")
    circumstances = {
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "machine": {"python": platform.python_version(), "platform": platform.platform(), "cores": os.cpu_count()},
        "workers": place.workers,
        "replicas": place.replicas,
    }
    return str(runs.create(workdir, recipe.name, {"recipe": recipe.to_dict(), **circumstances}).folder)


def finish(
    recipe: Recipe, run: Run, model: keras.Model, source: data.Source, images: int, found: dict[str, Any]
) -> None:
    """Write a trained model and what came out.

    Args:
        recipe: the recipe.
        run: the run.
        model: the model.
        source: the data set.
        images: training images in an epoch.
        found: figures on the test images, as `test`, and further entries for the file.
    """
    history = run.history
    seconds = sum(row["seconds"] for row in history)
    metrics = {
        "recipe": recipe.name,
        "model": recipe.model,
        "parameters": count_parameters(model.trainable_weights),
        "fixed_parameters": count_parameters(model.non_trainable_weights),
        "data": recipe.data,
        "image_shape": list(source.image_shape),
        "class_names": list(source.class_names),
        "seed": recipe.seed,
        "epochs": len(history),
        "train_seconds": round(seconds, 2),
        "images_per_second": round(images * len(history) / seconds),
        "test_examples": len(source.test),
        **found,
    }
    if skipped := source.skipped_files:
        metrics["skipped"] = skipped
    if task_of(model) is RECONSTRUCT:
        metrics["principal_components"] = principal_components(recipe, model, source.train, source.test)
    with atomic_write(run.model_file) as part:
        model.save(part)
    write_json(run.metrics_file, metrics)


def finish_trial(run: Run, model: keras.Model, examples: int, figures: dict[str, float]) -> None:
    """Write what came out of a trial, and remove its weights, which nobody asks for.

    Args:
        run: the run.
        model: the model.
        examples: how many images it was judged by.
        figures: what they gave.

    Raises:
        InputError: a figure is no number any more.
    """
    for name, value in figures.items():
        if not math.isfinite(value):
            raise DivergedError(f"the {name} on the validation images is {value}; try a smaller learning_rate")
    history = run.history
    metrics = {
        "parameters": count_parameters(model.trainable_weights),
        "epochs": len(history),
        "train_seconds": round(sum(row["seconds"] for row in history), 2),
        "validation_examples": examples,
        "validation": figures,
    }
    write_json(run.metrics_file, metrics)
    run.checkpoint_file.unlink(missing_ok=True)
    shutil.rmtree(run.folder / "pretraining", ignore_errors=True)
