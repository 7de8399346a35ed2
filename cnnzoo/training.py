"""Run a recipe: data, model, fit, judgement, and a folder that holds it all."""

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from cnnzoo import data, distribute, models, optimizers
from cnnzoo import run as runs
from cnnzoo.callbacks import Checkpoint, DeadStart, EpochRandomness, HistoryFile, StopOnNaN
from cnnzoo.data.augmentation import augmentation
from cnnzoo.errors import InputError
from cnnzoo.files import whole_file, write_json
from cnnzoo.recipe import Recipe, load_recipe
from cnnzoo.run import Run
from cnnzoo.steps import executions
from cnnzoo.weights import count_parameters

EVALUATION_BATCH = 500


def train(
    recipe: Recipe | str,
    *,
    workdir: str | Path | None = None,
    resume: bool = False,
    data_dir: str | Path | None = None,
    verbose: str | int = "auto",
    **changes: Any,
) -> Run:
    """Run a recipe and judge what it trained on the test images.

    The test images are looked at once, after the last epoch; nothing is chosen by them. A run that
    was stopped, killed or interrupted resumes at its last whole epoch; on one machine it ends with
    the same weights as one that was not.

    Args:
        recipe: a `Recipe`, the name of one, or the path of a recipe file.
        workdir: a new or empty folder for the run; default the next number in `runs/<recipe>`.
        resume: go on with the run in `workdir`, by default the latest one of this recipe.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.
        verbose: Keras' `verbose`; `"auto"` is a progress bar in a terminal and a line an epoch elsewhere.
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
    run = _resumed(recipe, workdir) if resume else None
    if run and run.metrics_file.is_file():
        return run
    if not run:
        runs.check_free(workdir)
    slices = distribute.slices_for(recipe.batch_size)
    with _session(recipe):
        source, train_split, validation_split = _images(recipe, data_dir)
        # Made once before the model, too: Keras seeds layers in the order of their making, and so the
        # published figures with distortions were measured.
        augmentation(recipe.augment, source.image_shape)
        steps, together = executions(data.steps_per_epoch(train_split, recipe.batch_size), recipe.steps_per_execution)
        model = _compiled(recipe, source, steps)
        # Only now, so that input refused above leaves no folder behind.
        run = run or runs.begin(workdir, recipe.name, {"recipe": recipe.to_dict(), **_circumstances()})
        try:
            fitted = distribute.in_slices(model, slices)
            _compile(fitted, model.optimizer, model.loss, steps_per_execution=together)
            _fit(recipe, run, model, fitted, train_split, validation_split, steps, verbose)
        except InputError:
            if not resume:
                run.discard_if_empty()
            raise
        _conclude(recipe, run, model, source, steps * recipe.batch_size)
    return run


def evaluate(run: Run | str | Path, *, data_dir: str | Path | None = None) -> dict[str, float]:
    """Judge a finished run's model on the test images, as `train` did at its end.

    Args:
        run: a `Run` or its folder.
        data_dir: where TFDS keeps its data; see `cnnzoo.data.load`.

    Returns:
        `{"accuracy": …, "loss": …}`.

    Raises:
        InputError: the folder holds no finished run, or the data cannot be had.

    Example:
    >>> import cnnzoo, tempfile
    >>> run = cnnzoo.train("lenet5_digits", workdir=tempfile.mkdtemp(), epochs=1, verbose=0)
    >>> cnnzoo.evaluate(run) == run.metrics["test"]
    True
    """
    run = run if isinstance(run, Run) else Run(run)
    recipe = Recipe.from_dict(run.recipe)
    model = run.model()
    source = _source(recipe, data_dir)
    return _judged(recipe, model, source.test[: recipe.test_examples])


def _loaded(name: str) -> Recipe:
    recipe = load_recipe(name)
    if not isinstance(recipe, Recipe):
        raise InputError(f"{name!r} is a study, not a recipe: it is run by cnnzoo.studies.run, or `cnnzoo train`")
    return recipe


def _resumed(recipe: Recipe, workdir: str | Path | None) -> Run:
    """Return the run to go on with, which must have been begun with the same recipe."""
    run = runs.reopen(workdir, recipe.name)
    wanted = json.loads(json.dumps(recipe.to_dict()))  # as the file holds it: tuples are lists there
    for name, value in json.loads(json.dumps(Recipe.from_dict(run.recipe).to_dict())).items():
        if (now := wanted[name]) != value:
            raise InputError(
                f"the run in {str(run.folder)!r} was begun with {name}={value!r}, not {now!r}; "
                "resume it with the same values, or begin another run"
            )
    return run


def _circumstances() -> dict[str, Any]:
    packages = ("cnnzoo", "keras", "tensorflow", "tensorflow-datasets", "numpy", "scikit-learn")
    return {
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "machine": {"python": platform.python_version(), "platform": platform.platform(), "cores": os.cpu_count()},
    }


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


def _source(recipe: Recipe, data_dir: str | Path | None) -> data.Source:
    return data.load(recipe.data, data_dir=data_dir, image_size=recipe.image_size, stream=recipe.stream)


def _images(recipe: Recipe, data_dir: str | Path | None) -> tuple[data.Source, data.AnySplit, data.AnySplit | None]:
    source = _source(recipe, data_dir)
    if not recipe.validation:
        return source, source.train[: recipe.examples], None
    kept, out = source.train.held_out(recipe.validation, recipe.seed)
    return source, kept[: recipe.examples], out


def _compiled(recipe: Recipe, source: data.Source, steps_per_epoch: int) -> keras.Model:
    model = models.create(recipe.model, **{"classes": source.classes, **recipe.model_options})
    if model.input_shape[-1] != source.image_shape[-1]:
        shape = (*model.input_shape[1:3], source.image_shape[-1])
        raise InputError(
            f"the images of {recipe.data!r} have {source.image_shape[-1]} channels, {recipe.model} is built for "
            f"{model.input_shape[-1]}; set model_options.input_shape={','.join(map(str, shape))}"
        )
    if not model.compiled or model.output_shape[-1] != source.classes:
        raise InputError(
            f"model_options {dict(recipe.model_options)} make no compiled classifier for the {source.classes} classes "
            f"of {recipe.data!r}; leave out include_top, compile and classes"
        )
    rate = _rate(recipe, steps_per_epoch)
    optimizer = optimizers.make(recipe.optimizer, rate, recipe.optimizer_options)
    if recipe.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    _compile(model, optimizer, model.loss)
    return model


def _compile(model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: Any, **options: Any) -> None:
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    # The loss is scaled by the optimizer itself where the precision asks for it, once.
    model.compile(optimizer, loss, metrics=[accuracy], auto_scale_loss=False, **options)


def _rate(recipe: Recipe, steps_per_epoch: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate, or its schedule over the steps of the run, which the optimizer counts from 0."""
    largest, steps = recipe.learning_rate, steps_per_epoch * recipe.epochs
    if recipe.schedule == "constant":
        return largest
    if recipe.schedule == "step":
        last_steps = [epoch * steps_per_epoch - 1 for epoch in recipe.drops]
        rates = [largest * recipe.drop_factor**drop for drop in range(len(last_steps) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(last_steps, rates)
    rising = round(recipe.warmup * steps)
    if rising == 0:
        return keras.optimizers.schedules.CosineDecay(largest, steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rising), warmup_target=largest, warmup_steps=rising
    )


def _fit(
    recipe: Recipe,
    run: Run,
    model: keras.Model,
    fitted: keras.Model,
    train_split: data.AnySplit,
    validation_split: data.AnySplit | None,
    steps: int,
    verbose: str | int,
) -> None:
    checkpoint = Checkpoint(run.checkpoint_file, model)
    first_epoch = checkpoint.restore()
    if len(run.history) < first_epoch:
        raise InputError(
            f"{str(run.history_file)!r} has {len(run.history)} rows, but the checkpoint stands after {first_epoch} "
            "epochs; put the file back, or begin another run"
        )
    preprocess = models.preprocessing(recipe.model, model)
    validation = None
    if validation_split is not None:
        validation = data.eval_pipeline(
            validation_split, _validation_batch(len(validation_split)), preprocess=preprocess
        )
    fitted.fit(
        data.train_pipeline(
            train_split,
            recipe.batch_size,
            preprocess=preprocess,
            augment=augmentation(recipe.augment, model.input_shape[1:]),
            seed=recipe.seed,
            first_epoch=first_epoch,
            steps=steps,
        ),
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        initial_epoch=first_epoch,
        validation_data=validation,
        shuffle=False,
        verbose=(1 if sys.stdout.isatty() else 2) if verbose == "auto" else verbose,
        callbacks=[
            EpochRandomness(),
            StopOnNaN(),
            DeadStart(),
            HistoryFile(run.history_file, rows=run.history[:first_epoch]),
            checkpoint,
            keras.callbacks.TensorBoard(str(run.logs), write_graph=False),
        ],
    )


def _validation_batch(examples: int) -> int:
    """Return a batch size whose last, partial batch is not too small to be cut into slices."""
    sizes = range(min(EVALUATION_BATCH, examples), 0, -1)
    return next(size for size in sizes if examples % size == 0 or examples % size >= (os.cpu_count() or 1))


def _conclude(recipe: Recipe, run: Run, model: keras.Model, source: data.Source, images: int) -> None:
    with whole_file(run.model_file) as part:
        model.save(part)
    history, test = run.history, source.test[: recipe.test_examples]
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
        "test": _judged(recipe, model, test),
        "test_examples": len(test),
    }
    write_json(run.metrics_file, metrics)


def _judged(recipe: Recipe, model: keras.Model, split: data.AnySplit) -> dict[str, float]:
    preprocess = models.preprocessing(recipe.model, model)
    batches = data.eval_pipeline(split, EVALUATION_BATCH, preprocess=preprocess)
    results = model.evaluate(batches, verbose=0, return_dict=True)
    return {name: float(results[name]) for name in ("accuracy", "loss")}
