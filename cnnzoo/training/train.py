"""Run a recipe from its first step to its last file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cnnzoo import data, distribute
from cnnzoo.callbacks import progress_style
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe, load_recipe
from cnnzoo.experiments.run import Run
from cnnzoo.runtime import temporary_seed
from cnnzoo.training.build import Devices, TrainingContext, build
from cnnzoo.training.evaluate import check_evaluation, detection, evaluate_split
from cnnzoo.training.fit import fit, phases, pretrain
from cnnzoo.training.run_folder import create_run, finish, finish_trial, is_finished, reopen_run, to_resume
from cnnzoo.training.sources import check_same_data, ordinary, source_of

VALIDATION_SPLIT = 0.2  # to evaluate a trial on, where neither recipe nor data say otherwise


def train(
    recipe: Recipe | str,
    *,
    workdir: str | Path | None = None,
    resume: bool | str = False,
    data_dir: str | Path | None = None,
    verbose: str | int = "auto",
    pretrained: str | Path | None = None,
    strategy: Any = "auto",
    devices: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **changes: Any,
) -> Run:
    """Run a recipe and evaluate its model on the test images.

    The test images are used once, after the last epoch; nothing is chosen by them. A run that
    was stopped, killed or interrupted resumes after its last completed epoch, on as many devices or on others;
    on one machine it ends with the same weights as one that was not. A run, also a finished one, resumes with more
    `epochs`, too: it is the run of so many from the start where the schedule is the same up to there, as `"constant"`
    and `"step"` are; `"cosine"` continues at the larger rate of the longer run. So it does with other `test_examples`
    and `test_crops`, which nothing but the evaluation needs.

    On several workers each of them calls this with the same arguments. The batch size is the global one. The first
    worker, the chief, writes the run's folder, which the others must see only to resume.

    Args:
        recipe: a `Recipe`, the name of one, or the path of a recipe file.
        workdir: a new or empty folder for the run; default the next number in `runs/<recipe>`.
        resume: resume the run in `workdir`, by default the latest one of this recipe; `"auto"` to resume the run
            in `workdir` if there is one, or else to start it.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: what is shown. `"auto"`: a live line in a terminal or a notebook; elsewhere a line per epoch, at most
            one per minute. 0: nothing. 1: a live line in a terminal or a notebook, one line per epoch elsewhere. 2: one
            line per epoch.
        pretrained: a folder in which runs with the same pretraining share its layers; by default each run keeps
            its own.
        strategy: `"auto"`, `"default"`, `"mirrored"`, `"multi_worker"`, or a strategy of `tf.distribute`; see
            `cnnzoo.distribute.strategy`.
        devices: number of replicas on this machine, for `"mirrored"`.
        callbacks: further callbacks of Keras, such as `keras.callbacks.EarlyStopping`, or those that Weights & Biases
            and MLflow bring. The chief calls them in every phase of the fit, after an epoch's files are written, and
            not while layers are pretrained; their `model` is the model itself. One that sets `model.stop_training` ends
            the run at that epoch. One that sets the learning rate needs `schedule="constant"`; a rate that it has
            reduced in the phase of `frozen` stays as much smaller after it. What they remember is not kept for a run
            that resumes. A loss that is not finite is an error, whichever of them looks for it.
        changes: other values for the recipe, such as `epochs=5`.

    Returns:
        The finished `Run`.

    Raises:
        InputError: a value that cannot be used, or a loss that is not finite any more.

    Example:
    >>> import cnnzoo, tempfile
    >>> run = cnnzoo.train("lenet5_digits", workdir=tempfile.mkdtemp(), epochs=1, verbose=0)
    >>> sorted(run.metrics["test"])
    ['accuracy', 'loss']
    """
    recipe = (recipe if isinstance(recipe, Recipe) else _loaded(recipe)).replace(**changes)
    _check_callbacks(callbacks, recipe)
    progress_style(verbose)
    where = _devices(recipe, distribute.strategy(strategy, devices=devices))
    with data.using_data_dir(data_dir), _session(recipe, where), ExitStack() as held:
        folder = where.by_chief(lambda: to_resume(recipe, workdir, resume))
        if folder and where.by_chief(lambda: is_finished(Run(folder), recipe)):
            if where.worker.is_chief and progress_style(verbose) is not None:
                print(f"{folder} is finished; nothing was trained", flush=True)
            return Run(folder)
        context = build(recipe, where, _opener(workdir, folder, held))
        history = _fit(context, bool(folder), pretrained, verbose, callbacks)
        results: dict[str, Any] = {"test": evaluate_split(context, ordinary(recipe, context.source.test))}
        if recipe.anomalies:
            results["anomalies"] = detection(context)
        where.by_chief(lambda: finish(context, results | ({"pretraining": history} if history else {})))
        return context.run


def validate(
    recipe: Recipe,
    *,
    workdir: str | Path,
    data_dir: str | Path | None = None,
    verbose: str | int = "auto",
    pretrained: str | Path | None = None,
    trials: str | Path | None = None,
) -> Run:
    """Train a recipe as `train` does, but evaluate it on validation images, and do not read the test images.

    The validation images are the recipe's `validation_split`, else the data's own, else a fifth of the training
    images. They are used once, after the last epoch. A trial that was killed resumes after its last completed epoch.

    Args:
        recipe: the recipe.
        workdir: the trial's folder; a new one, or that of the trial to resume.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: what is shown; see `train`.
        pretrained: a folder in which trials with the same pretraining share its layers.
        trials: a folder with other trials, which must have had the same images.

    Returns:
        The finished `Run`, with the results in `metrics["validation"]`. It keeps no weights.

    Raises:
        InputError: a value that cannot be used, or a loss that is not finite any more; a `ChangedDataError` where other
            trials had other images.

    Example:
    >>> import tempfile
    >>> recipe = load_recipe("lenet5_digits").replace(epochs=1)
    >>> run = validate(recipe, workdir=tempfile.mkdtemp(), verbose=0)
    >>> sorted(run.metrics["validation"]), run.metrics["validation_examples"]
    (['accuracy', 'loss'], 287)
    """
    where = _devices(recipe, distribute.strategy("auto"))
    with data.using_data_dir(data_dir), _session(recipe, where), ExitStack() as held:
        if not recipe.validation_split and source_of(recipe, with_test=False).validation is None:
            recipe = recipe.replace(validation_split=VALIDATION_SPLIT)
        folder = to_resume(recipe, workdir, "auto")
        if folder and is_finished(Run(folder), recipe):
            return Run(folder)
        context = build(recipe, where, _opener(workdir, folder, held, trials), with_test=False)
        _fit(context, bool(folder), pretrained, verbose)
        assert context.validation is not None  # see above
        finish_trial(context, len(context.validation), evaluate_split(context, context.validation))
        return context.run


def _opener(
    workdir: str | Path | None, folder: str | None, held: ExitStack, trials: str | Path | None = None
) -> Callable[[TrainingContext], Run]:
    """Return a function that makes a new run's folder, or opens that of the run to resume; `held` keeps others out."""

    def opened(context: TrainingContext) -> Run:
        recipe, where, source = context.recipe, context.devices, context.source
        split = source.test if len(source.test) else context.validation  # a trial reads no test images
        assert split is not None
        check_evaluation(context, split)
        if trials is not None:
            check_same_data(Path(trials), recipe, source)

        def on_chief() -> str:
            run = (
                reopen_run(folder, recipe, source)
                if folder
                else create_run(recipe, workdir, where.worker, source, context.preprocess)
            )
            return str(held.enter_context(run).folder)

        return Run(where.by_chief(on_chief))

    return opened


def _fit(
    context: TrainingContext,
    resumed: bool,
    pretrained: str | Path | None,
    verbose: str | int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, Any]:
    """Pretrain and fit a run's model, and return the history of its pretrained layers.

    A new run's folder is removed again where input is refused before its first completed epoch.
    """
    try:
        planned = phases(context)
        with data.report_broken_files(context.source.splits):
            history = pretrain(context, pretrained, verbose) if context.recipe.pretraining else {}
            fit(context, planned, verbose, callbacks, resumed=resumed)
    except InputError:
        if context.is_chief and not resumed:
            context.run.discard_if_empty()
        raise
    return history


def _check_callbacks(callbacks: Any, recipe: Recipe) -> None:
    """Check that callbacks are some, and none that sets the learning rate where a schedule does."""
    if not isinstance(callbacks, list | tuple) or not all(isinstance(e, keras.callbacks.Callback) for e in callbacks):
        raise InputError(f"`callbacks` must be a list of keras.callbacks.Callback. Received: {callbacks!r}")
    for callback in callbacks if recipe.schedule != "constant" else ():
        if isinstance(callback, keras.callbacks.ReduceLROnPlateau | keras.callbacks.LearningRateScheduler):
            raise InputError(
                f"{type(callback).__name__} sets the learning rate itself: it needs the recipe's schedule='constant'. "
                f"Received: schedule={recipe.schedule!r}"
            )


def _devices(recipe: Recipe, strategy: tf.distribute.Strategy) -> Devices:
    """Return the devices that a recipe trains on; raise an error for batches that cannot be split evenly.

    Keras would weigh the smaller parts' images more.
    """
    where = Devices.of(strategy)
    replicas = where.worker.replicas
    sizes = {"batch_size": recipe.batch_size, "pretraining.batch_size": recipe.pretraining.get("batch_size", replicas)}
    for name, size in sizes.items():
        if size % replicas:
            raise InputError(
                f"{name} must be a multiple of the {replicas} replicas, among which each batch is cut, such as "
                f"{max(1, size // replicas) * replicas}, not {size}"
            )
    return where


def _loaded(name: str) -> Recipe:
    recipe = load_recipe(name)
    if not isinstance(recipe, Recipe):
        raise InputError(f"{name!r} is a study, not a recipe: cnnzoo.run_study or `cnnzoo train` run it")
    return recipe


@contextmanager
def _session(recipe: Recipe, where: Devices) -> Iterator[None]:
    """Seed everything and set the precision for a run, and name what fails in it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        with temporary_seed(recipe.seed), distribute.lost_workers_named(where.worker):
            yield
    finally:
        keras.config.set_dtype_policy(before)
