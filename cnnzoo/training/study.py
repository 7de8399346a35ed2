"""Run a study: every variant at every seed, and the table that compares them."""

import dataclasses
import json
import shutil
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from cnnzoo import data, distribute
from cnnzoo.callbacks import progress_style
from cnnzoo.checks import refusal
from cnnzoo.errors import InputError
from cnnzoo.experiments import Study, load_recipe
from cnnzoo.experiments import run as runs
from cnnzoo.experiments.run import Run
from cnnzoo.files import write_json
from cnnzoo.training.build import Devices
from cnnzoo.training.run_folder import is_finished, resumes
from cnnzoo.training.sources import read_once
from cnnzoo.training.train import train


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The results of a study.

    Attributes:
        folder: the study's folder, with the folder of each run in `VARIANT/seedN`.
        rows: one mapping a variant: variant, model, parameters, unit (what the errors are), errors (of each
            seed: test error in per cent, or an autoencoder's squared error per image), mean, deviation (standard
            deviation, or `None` for one seed), seconds (of each seed, without its pretraining).
    """

    folder: Path
    rows: list[dict[str, Any]]

    def to_markdown(self) -> str:
        """Return the table: test errors with their mean, standard deviation and number."""
        lines = [
            f"| variant | parameters | {self.rows[0]['unit']} | mean | ± | n | seconds a run |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in self.rows:
            errors = ", ".join(f"{error:.2f}" for error in row["errors"])
            deviation = "–" if row["deviation"] is None else f"{row['deviation']:.2f}"
            lines.append(
                f"| {row['variant']} | {row['parameters']:,} | {errors} | {row['mean']:.2f} | {deviation} | "
                f"{len(row['errors'])} | {min(row['seconds'])} to {max(row['seconds'])} |"
            )
        return "\n".join(lines)


def run_study(
    study: Study | str,
    *,
    workdir: str | Path | None = None,
    resume: bool | str = False,
    data_dir: str | Path | None = None,
    verbose: str | int = "auto",
    strategy: Any = "auto",
    devices: int | None = None,
    callbacks: Sequence[Callable[[], keras.callbacks.Callback]] = (),
) -> Comparison:
    """Run a study and compare its variants on the test images.

    Seeds are taken in turn, each through all variants, so that a study that is stopped has compared
    something. With `resume` finished runs are kept and the one that was stopped is resumed.

    Args:
        study: a `Study`, the name of one, or the path of its file.
        workdir: a new or empty folder; default the next number in `runs/<study>`.
        resume: resume the study in `workdir`, by default the latest one of this name; `"auto"` to resume it if
            there is one in `workdir`, or else to start it.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: what is shown of every run, as `cnnzoo.train` says; its name and folder, too, unless nothing is.
        strategy: where every run trains, as `cnnzoo.train` says; on one machine.
        devices: number of replicas, for `"mirrored"`.
        callbacks: classes of Keras callbacks, or functions without arguments that return one: every run that is trained
            gets its own; see `cnnzoo.train`.

    Returns:
        The `Comparison`, which is also written into the folder, as `metrics.json`.

    Raises:
        InputError: a value that cannot be used, or the name of a recipe.

    Example:
    >>> import tempfile
    >>> from cnnzoo import Recipe
    >>> common = Recipe(model="lenet", data="digits", epochs=1, learning_rate=1e-3)
    >>> study = Study(recipe=common, variants={"slow": {}, "fast": {"learning_rate": 1e-2}}, seeds=(0,))
    >>> [row["variant"] for row in run_study(study, workdir=tempfile.mkdtemp(), verbose=0).rows]
    ['slow', 'fast']
    """
    if not isinstance(study, Study):
        loaded = load_recipe(study)
        if not isinstance(loaded, Study):
            raise InputError(f"{study!r} is a recipe, not a study: it is run by cnnzoo.train")
        study = loaded
    if not isinstance(callbacks, list | tuple) or not all(map(callable, callbacks)):
        raise refusal("callbacks", "a list of classes or functions that make a keras.callbacks.Callback", callbacks)
    where = Devices.of(distribute.strategy(strategy, devices=devices))
    if where.worker.workers > 1:
        raise InputError(f"a study such as {study.name!r} runs on one machine; its runs can be trained on several")
    resume = resumes(resume, workdir)
    opened = runs.reopen(workdir, study.name) if resume else runs.create(workdir, study.name, study.to_dict())
    with opened as whole:
        if resume and whole.content != _as_written(study):
            raise InputError(
                f"the study in {str(whole.folder)!r} was started with other values; resume it with the same"
            )
        try:
            with read_once(), data.using_data_dir(data_dir):
                finished = _finished(study, whole.folder, verbose, where.strategy, callbacks)
        except InputError:
            if not resume:
                whole.discard_if_empty()
            raise
        rows = [_row(name, variant_runs) for name, variant_runs in finished.items()]
        write_json(whole.metrics_file, {"study": study.name, "rows": rows})
        return Comparison(whole.folder, rows)


def _finished(
    study: Study,
    folder: Path,
    verbose: str | int,
    strategy: Any,
    callbacks: Sequence[Callable[[], keras.callbacks.Callback]],
) -> dict[str, list[Run]]:
    """Bring every run to its end, and return them by variant."""
    finished: dict[str, list[Run]] = {name: [] for name in study.variants}
    for name, recipe in sorted(study.recipes(), key=lambda item: study.seeds.index(item[1].seed)):
        own = folder / name / f"seed{recipe.seed}"
        if progress_style(verbose) in ("live", "lines"):
            print(f"{name}, seed {recipe.seed}: {own}", flush=True)
        started = Run(own).recipe_file.is_file()
        if not started:
            shutil.rmtree(own, ignore_errors=True)  # what a killed process left unfinished
        has_ended = started and is_finished(Run(own), recipe)
        finished[name].append(
            train(
                recipe,
                workdir=own,
                resume=started,
                verbose=verbose,
                strategy=strategy,
                callbacks=[] if has_ended else [make() for make in callbacks],
                # Shared by all variants that pretrain alike; no variant has such a name.
                pretrained=folder / ".pretrained",
            )
        )
    return finished


def _as_written(study: Study) -> dict[str, Any]:
    return json.loads(json.dumps(study.to_dict()))


def _row(name: str, variant_runs: list[Run]) -> dict[str, Any]:
    metrics = [each.metrics for each in variant_runs]
    units, errors = zip(*map(runs.error_of, metrics), strict=True)
    return {
        "variant": name,
        "model": metrics[0]["model"],
        "parameters": metrics[0]["parameters"],
        "unit": units[0],
        "errors": list(errors),
        "mean": statistics.mean(errors),
        "deviation": statistics.stdev(errors) if len(errors) > 1 else None,
        "seconds": [round(one["train_seconds"]) for one in metrics],
    }
