"""The images that a recipe names, read once, and what each part of them is for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from cnnzoo import data
from cnnzoo.data.tfds_source import current_data_dir
from cnnzoo.errors import InputError
from cnnzoo.experiments import Recipe

CACHE_BYTES = 2**30

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
    if recipe.validation_split:
        unlabeled, validation = unlabeled.held_out(recipe.validation_split, recipe.seed)
    train = unlabeled[: recipe.train_examples]
    if recipe.repeat > 1:
        if isinstance(train, data.StreamedSplit):
            raise InputError(f"repeat={recipe.repeat} is for images in memory; set stream=False, or repeat=1")
        train = train.repeated(recipe.repeat)
    return source, unlabeled, train, validation


def _bytes(source: data.Source) -> int:
    return sum(split.images.nbytes for split in (source.train, source.test) if isinstance(split, data.Split))


def _examples_used(recipe: Recipe) -> int | None:
    """Return how many of the first training images a recipe uses, or `None` for all."""
    unlabeled = recipe.pretraining.get("train_examples") if recipe.pretraining else recipe.train_examples
    if recipe.validation_split or recipe.train_examples is None or unlabeled is None:
        return None
    return max(recipe.train_examples, unlabeled)
