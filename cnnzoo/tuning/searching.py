"""Search for better values of a recipe, and compare what won with the recipe as it was."""

import contextlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError
from cnnzoo.recipe import Recipe, Study
from cnnzoo.tuning.asked import Asked
from cnnzoo.tuning.leaderboard import Outcomes
from cnnzoo.tuning.settings import CHIEF, SEEDS, WORKER, check_count, part_of_this_process
from cnnzoo.tuning.space import Space
from cnnzoo.tuning.trials import Trainer
from cnnzoo.tuning.tuned import Tuned, concluded


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
) -> Tuned | None:
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
        What came out, as `Tuned`; `None` for a worker, whose chief knows.

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
    asked = Asked.of(recipe, given, space, workdir, resume)
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
