"""Search for better values of a recipe, and compare the best trial with the recipe."""

import contextlib
import dataclasses
import importlib.util
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnzoo.checks import integer, refusal
from cnnzoo.errors import InputError, install_command
from cnnzoo.experiments import Recipe, Study
from cnnzoo.files import write_json
from cnnzoo.runtime import require_tensorflow, suppress_retracing_warnings
from cnnzoo.tuning.results import LEADERBOARD, TrialResults, write_leaderboard
from cnnzoo.tuning.search import SearchConfig
from cnnzoo.tuning.space import CHIEF, SEEDS, WORKER, Space, comparison_study, process_role
from cnnzoo.tuning.trial_process import Trainer

if TYPE_CHECKING:
    from cnnzoo.training.study import Comparison

OVERRIDES = "overrides.json"


@dataclasses.dataclass(frozen=True)
class TuningResult:
    """The result of a search.

    Attributes:
        folder: the search's folder, with `leaderboard.json`, `overrides.json` and the folder of each trial.
        rows: one mapping per trial, the best first: trial, status, score and loss (on the validation images), epochs,
            overrides, seconds, validation_examples (how many images it was evaluated on), message (why it failed).
        overrides: the overrides of the best trial, and those that all trials share, as `Recipe.override` takes them.
        comparison: the best trial's recipe and the recipe itself, compared on the test images; `None` without seeds.
    """

    folder: Path
    rows: list[dict[str, Any]]
    overrides: dict[str, Any]
    comparison: "Comparison | None"

    def to_markdown(self) -> str:
        """Return the table of the trials, and that of the comparison."""
        tables = [(self.folder / LEADERBOARD).read_text(encoding="utf-8")]
        return "\n".join(tables + ([self.comparison.to_markdown()] if self.comparison else []))


def finish(config: SearchConfig, results: TrialResults, *, seeds: int, verbose: str | int) -> TuningResult:
    """Write the leaderboard and the best trial's overrides, and compare the best trial with the recipe.

    Args:
        config: the search.
        results: the results of its trials, which have all ended.
        seeds: number of seeds to train both at; 0 for no comparison.
        verbose: what is shown, as `tune` says.

    Raises:
        InputError: all trials failed.
    """
    shutil.rmtree(results.pretrained, ignore_errors=True)
    rows = results.ranked()
    write_leaderboard(rows, results)
    best = rows[0]
    if best["score"] is None:
        raise InputError(f"all {len(rows)} trials failed; trial {best['trial']}: {best['message']}")
    overrides = {**config.settings.overrides, **best["overrides"]}
    write_json(results.folder / OVERRIDES, overrides)
    comparison = _compare(config, results.folder, best, seeds, verbose) if seeds else None
    return TuningResult(results.folder, rows, overrides, comparison)


def _compare(config: SearchConfig, folder: Path, best: dict[str, Any], seeds: int, verbose: str | int) -> "Comparison":
    """Train and test the best trial's recipe and the recipe itself, in a study in the search's folder."""
    from cnnzoo.training.study import run_study

    workdir = folder / f"best-{best['trial']}-n{seeds}"  # with more trials another one may become the best
    if verbose:
        print(f"trial {best['trial']} is the best; {seeds} runs each of it and of the recipe, in {workdir}", flush=True)
    study = comparison_study(config.recipe, config.recipe.override(best["overrides"]), seeds)
    with suppress_retracing_warnings():
        return run_study(study, workdir=workdir, resume="auto", verbose=0 if verbose == "auto" else verbose)


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
    """Search for better values of a recipe by keras-tuner, then compare the best trial with the recipe on test images.

    A trial trains the recipe with other values, and is evaluated on validation images after its last epoch: those that
    the recipe's `validation_split` holds out, else the data's own, else a fifth of the training images. Classifiers are
    compared by accuracy, autoencoders by squared error. The test images are not read before the best trial is known. A
    trial that fails is recorded with the reason, and the search continues.

    The trials run in a process of their own. A search that was killed, or stopped, resumes with `resume` after the
    last completed epoch of the trial that was running. The same seed gives the same trials.

    With keras-tuner's variables `KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP` and `KERASTUNER_ORACLE_PORT` several
    processes search together, each with the same arguments and one `workdir` that all see: the one whose id is
    `chief` gives the trials to the others.

    Args:
        recipe: a `Recipe`, the name of one, or the path of a recipe file.
        tuner: `"random"` (the default), `"bayesian"` or `"hyperband"`, whose trials have fewer epochs at first.
        trials: most trials; default 20. A search that is resumed may get more, unless the tuner is hyperband.
        seed: decides the trials, and weights, order, dropout and augmentation; default the recipe's.
        seeds: number of seeds to train the best trial's recipe and the recipe at; default 3, 0 for no comparison.
        overrides: values of the recipe that all trials share, by the keys of `--set`, such as
            `{"optimizer_options.weight_decay": 0.1}`.
        space: the search space, a function of keras-tuner's `HyperParameters` that returns overrides; default the
            function `space` of the recipe's file, else the learning rate, from a tenth of the recipe's to ten times it.
        workdir: a new or empty folder; default the next number in `runs/tune/<recipe>`.
        resume: resume the search in `workdir`, by default the latest one of this recipe.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: 0: nothing is shown. `"auto"`: two lines per trial. 1 or 2: the epochs of all trials, too, as
            `cnnzoo.train` shows them.

    Returns:
        The `TuningResult`; `None` for a worker, since the chief has it.

    Raises:
        InputError: a value that cannot be used, keras-tuner is not installed, or all trials failed.

    Example:
    >>> import tempfile
    >>> best = tune("lenet5_digits", trials=1, seeds=0, overrides={"epochs": 1}, workdir=tempfile.mkdtemp(), verbose=0)
    >>> sorted(best.overrides)
    ['epochs', 'learning_rate', 'optimizer_options.weight_decay']
    """
    role = process_role()
    if importlib.util.find_spec("keras_tuner") is None:
        raise InputError(f"cnnzoo.tune searches with keras-tuner, which is not installed: {install_command('tune')}")
    seeds = integer("seeds", SEEDS if seeds is None else seeds, 0)
    if verbose not in ("auto", 0, 1, 2):
        raise refusal("verbose", "'auto', 0, 1 or 2", verbose)
    if role == WORKER and workdir is None:
        raise InputError("a worker needs the search's folder, the same as the chief's; give a workdir that all see")
    given = {"tuner": tuner, "trials": trials, "seed": seed, "overrides": overrides}
    config = SearchConfig.of(recipe, given, space, workdir, resume)
    log: Callable[[str], None] = (lambda line: print(line, flush=True)) if verbose else (lambda line: None)
    with contextlib.closing(Trainer(data_dir=data_dir, verbose=0 if verbose == "auto" else verbose)) as trainer:
        if role != CHIEF:
            trainer.start()  # while Keras and keras-tuner are imported
        require_tensorflow("searches")
        if role == WORKER:
            config.search(TrialResults(Path(str(workdir)), config.objective), trainer, log, role)
            return None
        with config.folder() as folder:
            results = TrialResults(folder, config.objective)
            config.search(results, trainer, log, role)
            trainer.close()  # so that its cores and memory are free for the comparison
            from cnnzoo import data

            with data.using_data_dir(data_dir):
                return finish(config, results, seeds=seeds, verbose=verbose)
