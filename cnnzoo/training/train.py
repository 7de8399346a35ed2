"""Run a recipe from its first step to its last file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from cnnzoo import data, distribute
from cnnzoo.callbacks import style_of
from cnnzoo.data.augmentation import augmentation
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe, load_recipe
from cnnzoo.experiments.run import Run
from cnnzoo.runtime import executions
from cnnzoo.training.build import compile_for_its_task, compiled, images_of, labeled_part, source_of, whiten
from cnnzoo.training.evaluate import evaluate_split
from cnnzoo.training.fit import fit, pretrain
from cnnzoo.training.run_folder import create_run, finish, finish_trial, to_resume

HELD_OUT = 0.2  # of the training images, to judge a trial by, where neither recipe nor data say otherwise


def train(
    recipe: Recipe | str,
    *,
    workdir: str | Path | None = None,
    resume: bool | None = False,
    data_dir: str | Path | None = None,
    verbose: str | int = "auto",
    pretrained: str | Path | None = None,
    strategy: Any = "auto",
    devices: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **changes: Any,
) -> Run:
    """Run a recipe and judge what it trained on the test images.

    The test images are looked at once, after the last epoch; nothing is chosen by them. A run that
    was stopped, killed or interrupted resumes at its last whole epoch, on as many devices or on others;
    on one machine it ends with the same weights as one that was not.

    On several workers each of them calls this with the same arguments. The batch size is the global one. The first
    worker, the chief, writes the run's folder, which the others must see only to resume.

    Args:
        recipe: a `Recipe`, the name of one, or the path of a recipe file.
        workdir: a new or empty folder for the run; default the next number in `runs/<recipe>`.
        resume: go on with the run in `workdir`, by default the latest one of this recipe; `None` for that, if there
            is one in `workdir`, or else to begin it.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: what is shown. `"auto"`: a live line in a terminal, a line an epoch in a notebook, and nothing
            elsewhere. 0: nothing. 1: a live line in a terminal, a line an epoch elsewhere. 2: a line an epoch.
        pretrained: a folder in which runs with the same pretraining share its layers; by default each run keeps
            its own.
        strategy: `"auto"`, `"default"`, `"mirrored"`, `"multi_worker"`, or a strategy of `tf.distribute`; see
            `cnnzoo.distribute.strategy`.
        devices: number of replicas on this machine, for `"mirrored"`.
        callbacks: further callbacks of Keras, such as `keras.callbacks.EarlyStopping`, or those that Weights & Biases
            and MLflow bring. The chief calls them in every phase of the fit, after an epoch's files are written, and
            not while layers are pretrained. One that sets `model.stop_training` ends the run at that epoch. What they
            remember is not kept for a run that resumes.
        changes: other values for the recipe, such as `epochs=5`.

    Returns:
        The finished `Run`.

    Raises:
        InputError: a value that cannot be used, or a loss that is no number any more.

    Example:
    >>> import cnnzoo, tempfile
    >>> run = cnnzoo.train("lenet5_digits", workdir=tempfile.mkdtemp(), epochs=1, verbose=0)
    >>> sorted(run.metrics["test"])
    ['accuracy', 'loss']
    """
    recipe = (recipe if isinstance(recipe, Recipe) else _loaded(recipe)).replace(**changes)
    _check_callbacks(callbacks)
    style_of(verbose)
    chosen = distribute.strategy(strategy, devices=devices)
    place = distribute.worker_info(chosen)
    _check_batches(recipe, place.replicas)
    with distribute.lost_workers_named(place), data.broken_files_named(), _session(recipe):
        folder = distribute.by_chief(chosen, lambda: to_resume(recipe, workdir, resume))
        if folder and distribute.by_chief(chosen, Run(folder).metrics_file.is_file):
            return Run(folder)
        return _run(recipe, chosen, Run(folder) if folder else None, workdir, data_dir, pretrained, verbose, callbacks)


def validate(
    recipe: Recipe,
    *,
    workdir: str | Path,
    data_dir: str | Path | None = None,
    verbose: str | int = "auto",
    pretrained: str | Path | None = None,
) -> Run:
    """Train a recipe to choose by: as `train`, but judged on images held out of training, and the test images unread.

    What is judged by is the recipe's `validation`, else the data's own validation images, else a fifth of the training
    images. It is judged once, after the last epoch. A trial that was killed goes on at its last whole epoch.

    Args:
        recipe: the recipe.
        workdir: the trial's folder; a new one, or that of the trial to go on with.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: what is shown; see `train`.
        pretrained: a folder in which trials with the same pretraining share its layers.

    Returns:
        The finished `Run`, whose `metrics["validation"]` are the figures. It keeps no weights.

    Raises:
        InputError: a value that cannot be used, or a loss that is no number any more.

    Example:
    >>> import tempfile
    >>> recipe = load_recipe("lenet5_digits").replace(epochs=1)
    >>> run = validate(recipe, workdir=tempfile.mkdtemp(), verbose=0)
    >>> sorted(run.metrics["validation"]), run.metrics["validation_examples"]
    (['accuracy', 'loss'], 287)
    """
    chosen = distribute.strategy("auto")
    _check_batches(recipe, distribute.worker_info(chosen).replicas)
    with data.broken_files_named(), _session(recipe):
        if not recipe.validation_split and source_of(recipe, data_dir, with_test=False).validation is None:
            recipe = recipe.replace(validation_split=HELD_OUT)
        folder = to_resume(recipe, workdir, None)
        if folder and Run(folder).metrics_file.is_file():
            return Run(folder)
        resumed = Run(folder) if folder else None
        return _run(recipe, chosen, resumed, workdir, data_dir, pretrained, verbose, (), with_test=False)


def _run(
    recipe: Recipe,
    strategy: Any,
    resumed: Run | None,
    workdir: str | Path | None,
    data_dir: str | Path | None,
    pretrained: str | Path | None,
    verbose: str | int,
    callbacks: Sequence[keras.callbacks.Callback],
    with_test: bool = True,
) -> Run:
    """Take a recipe from its data to its last file, in a new folder or in that of the run to resume."""
    place = distribute.worker_info(strategy)
    slices = 1 if place.replicas > 1 or _penalised(recipe) else distribute.shards_for(recipe.batch_size)
    source, unlabeled, validation_split = images_of(recipe, data_dir, with_test=with_test)
    train_split = labeled_part(recipe, unlabeled)
    # Made once before the model, too: Keras seeds layers in the order of their making, and so the
    # published figures with distortions were measured.
    augmentation(recipe.augment, source.image_shape)
    steps, together = executions(data.steps_per_epoch(train_split, recipe.batch_size), recipe.steps_per_execution)
    if place.replicas > 1:
        together = 1  # Keras 3.15 fails on several steps an execution with several replicas
    with strategy.scope():
        model = compiled(recipe, source, steps, steps_per_execution=together)
        if recipe.whitening:
            whiten(recipe, model, unlabeled)
    # Only now, so that input refused above leaves no folder behind.
    run = resumed or Run(distribute.by_chief(strategy, lambda: create_run(recipe, workdir, place)))
    try:
        fitted = distribute.batch_shards(model, slices)
        if fitted is not model:
            compile_for_its_task(fitted, model.optimizer, model.loss, steps_per_execution=together)
        learned = pretrain(recipe, run, model, unlabeled, pretrained, verbose) if recipe.pretraining else {}
        fit(recipe, run, model, fitted, train_split, validation_split, steps, verbose, callbacks)
    except InputError:
        if place.is_chief and not resumed:
            run.discard_if_empty()
        raise
    if not with_test:
        assert validation_split is not None  # `validate` sees to it
        finish_trial(run, model, len(validation_split), evaluate_split(recipe, model, validation_split))
        return run
    found = {"test": evaluate_split(recipe, model, source.test), **({"pretraining": learned} if learned else {})}
    distribute.by_chief(strategy, lambda: finish(recipe, run, model, source, steps * recipe.batch_size, found))
    return run


def _check_callbacks(callbacks: Any) -> None:
    if not isinstance(callbacks, list | tuple) or not all(isinstance(e, keras.callbacks.Callback) for e in callbacks):
        raise InputError(f"callbacks must be a list of keras.callbacks.Callback, not {callbacks!r}")


def _check_batches(recipe: Recipe, replicas: int) -> None:
    """Refuse batches that replicas cannot share evenly: Keras would weigh the smaller parts' images more."""
    sizes = {"batch_size": recipe.batch_size, "pretraining.batch_size": recipe.pretraining.get("batch_size", replicas)}
    for name, size in sizes.items():
        if size % replicas:
            raise InputError(
                f"{name} must be a multiple of the {replicas} replicas, among which each batch is cut, such as "
                f"{max(1, size // replicas) * replicas}, not {size}"
            )


def _penalised(recipe: Recipe) -> bool:
    """Return whether a recipe's model penalises activations: then it does not go in slices, and threads stay."""
    return any(recipe.model_options.get(option) for option in ("sparsity", "contractive"))


def _loaded(name: str) -> Recipe:
    recipe = load_recipe(name)
    if not isinstance(recipe, Recipe):
        raise InputError(f"{name!r} is a study, not a recipe: cnnzoo.run_study or `cnnzoo train` run it")
    return recipe


@contextmanager
def _session(recipe: Recipe) -> Iterator[None]:
    """Seed everything and set the precision, and put the precision back afterwards."""
    before = keras.config.dtype_policy()
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(recipe.precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
