"""The images that a recipe names, read once, and what each part of them is for."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from cnnzoo import data, models
from cnnzoo.checks import refusal
from cnnzoo.data.binarization import SEEDS, binarized_split
from cnnzoo.data.source import take
from cnnzoo.data.tfds_source import current_data_dir
from cnnzoo.errors import ChangedDataError, InputError
from cnnzoo.experiments import Recipe
from cnnzoo.experiments.run import Run

log = logging.getLogger(__name__)

CACHE_BYTES = 2**30
# Values of a recipe by which it has other images.
DATA_FIELDS = (
    "data",
    "label",
    "anomalies",
    "image_size",
    "stream",
    "on_error",
    "binarize",
    "train_examples",
    "validation_split",
    "pretraining",
)
SPLITS = ("train", "validation", "test")

_cache: ContextVar[dict[tuple, data.Source] | None] = ContextVar("cache", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Keep the data sets that were read last, up to 1 GiB of them, so that consecutive runs read each once."""
    before = _cache.set({})
    try:
        yield
    finally:
        _cache.reset(before)


def source_of(recipe: Recipe, *, with_train: bool = True, with_test: bool = True) -> data.Source:
    """Return the data set that a recipe names, no more of it than the recipe uses.

    Args:
        recipe: the recipe.
        with_train: whether more than one training image is needed.
        with_test: whether the test images are.
    """
    options: dict[str, Any] = {
        "image_size": recipe.image_size,
        "stream": recipe.stream,
        "cache": recipe.cache,
        "binarize": recipe.binarize,
        "label": recipe.label,
        "on_error": recipe.on_error,
        "test_examples": recipe.test_examples,
        "with_test": with_test,
    }
    cache, count = _cache.get(), _examples_used(recipe)
    for train_examples in (count,) if with_train else (count, 1):  # all of it, if it is there
        key = (recipe.data, current_data_dir(), *options.values(), train_examples)
        if cache is not None and key in cache:
            return cache[key]
    source = data.load(recipe.data, train_examples=train_examples, **options)
    if cache is not None:
        cache[key] = source
        while len(cache) > 1 and sum(map(_bytes, cache.values())) > CACHE_BYTES:
            del cache[next(iter(cache))]
    return source


def splits_of(
    recipe: Recipe, *, with_test: bool = True
) -> tuple[data.Source, data.AnySplit, data.AnySplit, data.AnySplit | None]:
    """Return a recipe's data set and its splits: for pretraining, for training, and for validation.

    Pretraining uses all training images, without their labels; training uses as many as the recipe says, as often as
    it says. Validation images are held out of both, or are the data set's own; `None` where there are none.

    Raises:
        InputError: images that stay on disk are to be repeated.
    """
    source = source_of(recipe, with_test=with_test)
    unlabeled, validation = source.train, source.validation
    if recipe.anomalies:
        _check_anomalies(recipe, source)
        unlabeled = ordinary(recipe, unlabeled)
        validation = None if validation is None else ordinary(recipe, validation)
    if recipe.validation_split:
        if validation is not None:
            log.warning(
                "%s has %d validation images of its own, which are not used: validation_split=%s holds out training "
                "images instead; leave it out, or at 0, to use them",
                *(recipe.data, len(validation), recipe.validation_split),
            )
        unlabeled, validation = unlabeled.held_out(recipe.validation_split, recipe.seed)
        if recipe.binarize == "dynamic":
            validation = binarized_split(validation, SEEDS["validation"])
    train = take(unlabeled, recipe.train_examples)
    if recipe.repeat > 1:
        if isinstance(train, data.StreamedSplit):
            raise InputError(f"repeat={recipe.repeat} is for images in memory; set stream=False, or repeat=1")
        train = train.repeated(recipe.repeat)
    return source, unlabeled, train, validation


def ordinary(recipe: Recipe, split: data.AnySplit) -> data.AnySplit:
    """Return the examples of a split that are no anomalies by a recipe.

    Raises:
        InputError: the split stays on disk.
    """
    if not recipe.anomalies:
        return split
    if isinstance(split, data.StreamedSplit):
        raise InputError("`anomalies` needs data in memory: leave out stream=True and cache")
    return split[~np.isin(split.labels, recipe.anomalies)]


def _check_anomalies(recipe: Recipe, source: data.Source) -> None:
    if not models.reconstructs(recipe.model):
        raise refusal("anomalies", f"empty for {recipe.model}, which is no autoencoder", recipe.anomalies)
    last = source.classes - 1
    if max(recipe.anomalies) > last or len(set(recipe.anomalies)) > last:
        raise refusal("anomalies", f"some, and not all, of the labels 0 to {last} of {recipe.data!r}", recipe.anomalies)
    if isinstance(source.test, data.Split) and len(source.test):
        ordinary_ones, odd = np.bincount(np.isin(source.test.labels, recipe.anomalies), minlength=2).tolist()
        if not (ordinary_ones and odd):
            raise InputError(
                f"the test examples of {recipe.data!r} have {odd} anomalies and {ordinary_ones} ordinary ones: both "
                "are needed to tell them apart"
            )


def identity_of(source: data.Source, splits: Sequence[str] = SPLITS) -> dict[str, Any]:
    """Return what tells a data set apart from others, as JSON can hold it: classes, numbers of images, and digests."""
    given = {name: getattr(source, name) for name in splits}
    return {
        "class_names": list(source.class_names),
        **{name: {"images": len(split), "digest": split.digest()} for name, split in given.items() if split},
    }


def changed_data(before: dict[str, Any] | None, now: dict[str, Any]) -> list[str]:
    """Return what has changed between two identities of a data set, in words.

    Args:
        before: as `identity_of` returns it, or `None` where it was not kept.
        now: the same, of the splits that are read now.

    Example:
    >>> def identity(*class_names, images):
    ...     return {"class_names": list(class_names), "train": {"images": images, "digest": f"files {images}"}}
    >>> changed_data(identity("a", "b", images=9), identity("b", "c", images=7))
    ['its classes were a, b and are b, c', 'its train images were 9 and are 7']
    """
    changes = []
    if before and before["class_names"] != now["class_names"]:
        were, are = (", ".join(identity["class_names"]) for identity in (before, now))
        changes.append(f"its classes were {were} and are {are}")
    for name in SPLITS:
        was, is_now = (before or {}).get(name), now.get(name)
        if not (was and is_now):
            continue
        if was["images"] != is_now["images"]:
            changes.append(f"its {name} images were {was['images']:,} and are {is_now['images']:,}")
        elif was["digest"] != is_now["digest"] and _kind(was) == _kind(is_now):
            changes.append(f"its {name} images are as many, and other ones")
    return changes


def _kind(part: dict[str, Any]) -> str:
    """Return whether a digest is of files or of pixels, which cannot be compared."""
    return part["digest"].partition(" ")[0]


def check_data(run: Run, source: data.Source, *splits: str) -> None:
    """Check that the data set of a finished run is the one that it was trained and evaluated on.

    Args:
        run: the run.
        source: its data set, as it is now.
        splits: names of the splits that matter, such as `"test"`; a warning says what has changed in them.

    Raises:
        InputError: it has other classes, so that labels mean others than those that the model has learned.
    """
    before, now = run.content.get("data"), identity_of(source, splits)
    changes = changed_data(before, now)
    if before and before["class_names"] != now["class_names"]:
        raise ChangedDataError(f"{run.recipe.data!r} is not what {str(run.folder)!r} was trained on: {changes[0]}")
    for change in changes:
        log.warning("%s has changed since the run in %s was trained on it: %s", run.recipe.data, run.folder, change)


def check_same_data(folder: Path, recipe: Recipe, source: data.Source) -> None:
    """Check that a trial has the images of the other trials of its search, by whose results it is chosen or not.

    Args:
        folder: that of the trials.
        recipe: the trial's recipe. Trials whose own names other images are not compared.
        source: its data set, as it is now.

    Raises:
        ChangedDataError: a trial that has ended had others.
    """
    now = identity_of(source, ("train", "validation"))
    for other in map(Run, sorted(folder.iterdir())):
        if not (other.metrics_file.is_file() and other.recipe_file.is_file()):
            continue
        theirs = other.recipe
        if any(getattr(theirs, name) != getattr(recipe, name) for name in DATA_FIELDS):
            continue
        if changes := changed_data(other.content.get("data"), now):
            raise ChangedDataError(
                f"the trials in {str(folder)!r} had other images: {'; '.join(changes)}; put them back to resume the "
                "search, or start another one"
            )
        return


def _bytes(source: data.Source) -> int:
    return sum(split.images.nbytes for split in (source.train, source.test) if isinstance(split, data.Split))


def _examples_used(recipe: Recipe) -> int | None:
    """Return how many of the first training images a recipe uses, or `None` for all."""
    unlabeled = recipe.pretraining.get("train_examples") if recipe.pretraining else recipe.train_examples
    if recipe.validation_split or recipe.train_examples is None or unlabeled is None:
        return None
    return max(recipe.train_examples, unlabeled)
