"""Search for better values of a recipe, and compare what won with the recipe as it was."""

import contextlib
import dataclasses
import importlib.util
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe, Study
from cnnzoo.files import write_json
from cnnzoo.runtime import without_retracing_notes
from cnnzoo.tuning import results
from cnnzoo.tuning.results import Outcomes
from cnnzoo.tuning.search import SearchConfig
from cnnzoo.tuning.space import CHIEF, SEEDS, WORKER, Space, beside_the_default, check_count, part_of_this_process
from cnnzoo.tuning.trial_process import Trainer

if TYPE_CHECKING:
    from cnnzoo.training.study import Comparison

OVERRIDES = "overrides.json"


@dataclasses.dataclass(frozen=True)
class TuningResult:
    """What came out of a search.

    Attributes:
        folder: the search's folder, with `leaderboard.json`, `overrides.json` and the folder of each trial.
        rows: one mapping a trial, the best first: trial, status, figure and loss (of the validation images), epochs,
            overrides, seconds, images (how many judged it), sentence (why it failed).
        overrides: what the best trial changed, and what was given for all, as `Recipe.override` takes it.
        comparison: the winner beside the recipe as it was, on the test images; `None` without seeds.
    """

    folder: Path
    rows: list[dict[str, Any]]
    overrides: dict[str, Any]
    comparison: "Comparison | None"

    def to_markdown(self) -> str:
        """Return the table of the trials, and that of the comparison."""
        tables = [(self.folder / results.TABLE).read_text(encoding="utf-8")]
        return "\n".join(tables + ([self.comparison.to_markdown()] if self.comparison else []))


def concluded(
    asked: SearchConfig, outcomes: Outcomes, *, seeds: int, data_dir: str | Path | None, verbose: str | int
) -> TuningResult:
    """Write the leaderboard and the winner's overrides, and train and test the winner and the recipe.

    Args:
        asked: the search.
        outcomes: its trials, which have all ended.
        seeds: number of seeds to train at; 0 to leave that out.
        data_dir: where TFDS keeps its data.
        verbose: what is shown, as `tune` says.

    Raises:
        InputError: not one trial came to its end.
    """
    shutil.rmtree(outcomes.pretrained, ignore_errors=True)
    rows = outcomes.ranked()
    results.write(rows, outcomes)
    best = rows[0]
    if best["figure"] is None:
        raise InputError(f"not one of {len(rows)} trials came to its end; trial {best['trial']}: {best['sentence']}")
    overrides = {**asked.settings.overrides, **best["overrides"]}
    write_json(outcomes.folder / OVERRIDES, overrides)
    comparison = _compared(asked, outcomes, best, seeds, data_dir, verbose) if seeds else None
    return TuningResult(outcomes.folder, rows, overrides, comparison)


def _compared(
    asked: SearchConfig,
    outcomes: Outcomes,
    best: dict[str, Any],
    seeds: int,
    data_dir: str | Path | None,
    verbose: str | int,
) -> "Comparison":
    """Train and test the winner and the recipe as it was, in a study in the search's folder."""
    from cnnzoo.training.study import run_study

    folder = outcomes.folder / f"winner-{best['trial']}-n{seeds}"  # more trials may bring another one
    if verbose:
        print(f"trial {best['trial']} won; {seeds} runs each of it and of the recipe, in {folder}", flush=True)
    study = beside_the_default(asked.recipe, asked.recipe.override(best["overrides"]), seeds)
    shown = 0 if verbose == "auto" else verbose
    with without_retracing_notes():
        return run_study(study, workdir=folder, resume=None, data_dir=data_dir, verbose=shown)


def tune(
    recipe: Recipe | Study | str,
    *,
    tuner: str | None = None,
    trials: int | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    space: Space | None = None,
    workdir: str | Path | None = None,
    resume: bool = False,
    data_dir: str | Path | None = None,
    verbose: str | int = "auto",
) -> TuningResult | None:
    """Search for better values of a recipe by keras-tuner, then train and test what won, beside the recipe as it was.

    A trial trains the recipe with other values, and is judged by validation images after its last epoch: those that
    the recipe's `validation` holds out, else the data's own, else a fifth of the training images. A classifier is
    judged by accuracy, an autoencoder by squared error. The test images are not read before the winner is known. A
    trial that fails is written down with the reason, and the search goes on.

    Each trial runs in a process beside this one. A search that was killed, or stopped, goes on with `resume` at the
    last whole epoch of the trial that it was in. The same seed gives the same trials.

    With keras-tuner's variables `KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT` several
    processes search together, each with the same arguments and one `workdir` that all see: the one whose id is
    `chief` gives out the trials.

    Args:
        recipe: a `Recipe`, the name of one, or the path of a recipe file.
        tuner: `"random"` (the default), `"bayesian"` or `"hyperband"`, whose trials have fewer epochs at first.
        trials: most trials; default 20. A search that is resumed may get more, unless it is hyperband's.
        seed: decides the trials, and weights, order, dropout and augmentation; default the recipe's.
        seeds: number of seeds to train the winner and the recipe at; default 3, 0 to leave that out.
        overrides: values of the recipe that all trials share, by the keys of `--set`, such as
            `{"optimizer_options.weight_decay": 0.1}`.
        space: what to vary: a function of keras-tuner's `HyperParameters` that returns overrides; default the function
            `space` of the recipe's file, else the learning rate, from a tenth of the recipe's to its tenfold.
        workdir: a new or empty folder; default the next number in `runs/tune/<recipe>`.
        resume: go on with the search in `workdir`, by default the latest one of this recipe.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: 0 for silence; `"auto"` for two lines a trial; 1 or 2 for the epochs of all trials, too, as
            `cnnzoo.train` shows them.

    Returns:
        What came out, as `TuningResult`; `None` for a worker, whose chief knows.

    Raises:
        InputError: a value that cannot be used, keras-tuner is not installed, or not one trial came to its end.

    Example:
    >>> import tempfile
    >>> tuned = tune("lenet5_digits", trials=1, seeds=0, overrides={"epochs": 1}, workdir=tempfile.mkdtemp(), verbose=0)
    >>> sorted(tuned.overrides)
    ['epochs', 'learning_rate', 'optimizer_options.weight_decay']
    """
    part = part_of_this_process()
    _check_installed()
    seeds = SEEDS if seeds is None else seeds
    check_count("seeds", seeds, 0)
    if part == WORKER and workdir is None:
        raise InputError("a worker needs the search's folder, which the chief has, too; give a workdir that all see")
    given = {"tuner": tuner, "trials": trials, "seed": seed, "overrides": overrides}
    asked = SearchConfig.of(recipe, given, space, workdir, resume)
    say: Callable[[str], None] = (lambda line: print(line, flush=True)) if verbose else (lambda line: None)
    with contextlib.closing(Trainer(data_dir=data_dir, verbose=0 if verbose == "auto" else verbose)) as trainer:
        if part != CHIEF:
            trainer.start()  # while keras-tuner is imported
        if part == WORKER:
            asked.search(Outcomes(Path(str(workdir)), asked.objective), trainer, say, part)
            return None
        with asked.folder() as folder:
            outcomes = Outcomes(folder, asked.objective)
            asked.search(outcomes, trainer, say, part)
            trainer.close()  # what it holds of cores and memory is for the winner now
            return concluded(asked, outcomes, seeds=seeds, data_dir=data_dir, verbose=verbose)


def _check_installed() -> None:
    if importlib.util.find_spec("keras_tuner") is None:
        raise InputError("cnnzoo.tune searches with keras-tuner, which is not installed: pip install 'cnnzoo[tune]'")
