"""What a search varies: overrides of a recipe, and nothing else."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from cnnzoo.errors import InputError, reason, unknown
from cnnzoo.recipe import Recipe, Study
from cnnzoo.recipe.recipe import FIELDS

Space = Callable[[Any], Mapping[str, Any]]
SAME = ("data", "name", "seed", "validation")  # of all trials: else they would not be judged by the same images
FACTOR = 10  # by how much the default space goes below and above a recipe's own rate


def default_space(recipe: Recipe) -> Space:
    """Return the space of a recipe that has none of its own: its learning rate, from a tenth of it to its tenfold."""
    rate = recipe.learning_rate

    def space(hp: Any) -> Mapping[str, Any]:
        return {"learning_rate": hp.Float("learning_rate", rate / FACTOR, rate * FACTOR, sampling="log", default=rate)}

    return space


def checked(space: Space, recipe: Recipe, *, epochs_given: bool = False) -> Callable[[Any], dict[str, Any]]:
    """Return a space whose answers are plain overrides of a recipe, or a sentence.

    Args:
        space: a function of keras-tuner's `HyperParameters`.
        recipe: what it overrides.
        epochs_given: whether the tuner itself decides on the epochs.

    Returns:
        A function as `space`, which raises InputError where that fails or answers with something else.

    Example:
    >>> recipe = Recipe(model="lenet", data="digits", epochs=3, learning_rate=1e-3)
    >>> checked(lambda hp: {"model_options.units": (3, 4)}, recipe)(None)
    {'model_options.units': [3, 4]}
    """

    def overrides(hp: Any) -> dict[str, Any]:
        try:
            found = space(hp)
        except Exception as error:  # whatever a person's own code raises
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            raise InputError(f"space(hp) of {recipe.name!r} fails: {kind}{reason(error)}") from error
        if not isinstance(found, Mapping):
            raise InputError(
                f"space(hp) of {recipe.name!r} must return a mapping of overrides, such as {{'learning_rate': "
                f"hp.Float('learning_rate', 1e-4, 1e-2, sampling='log')}}, not {found!r}"
            )
        for key in found:
            _check(str(key), recipe, epochs_given)
        try:
            return json.loads(json.dumps(dict(found)))  # as a file will hold it: tuples are lists there
        except (TypeError, ValueError) as error:
            raise InputError(f"space(hp) of {recipe.name!r} must return plain values: {reason(error)}") from error

    return overrides


def _check(key: str, recipe: Recipe, epochs_given: bool) -> None:
    """Refuse a key that no recipe has, or that a trial must not change."""
    name = key.partition(".")[0]
    if name not in FIELDS:
        raise unknown("recipe value", name, FIELDS)
    if name in SAME:
        raise InputError(f"space(hp) of {recipe.name!r} must not change {name}: trials are judged by the same images")
    if name == "epochs" and epochs_given:
        raise InputError(f"space(hp) of {recipe.name!r} must not change epochs: hyperband itself decides on them")


def beside_the_default(default: Recipe, winner: Recipe, seeds: int) -> Study:
    """Return the study that trains a recipe and what won over it, at several seeds.

    Args:
        default: the recipe.
        winner: the same with the winner's overrides.
        seeds: number of seeds, from the recipe's own on.

    Example:
    >>> default = Recipe(model="lenet", data="digits", epochs=3, learning_rate=1e-3, model_options={"a": 1})
    >>> study = beside_the_default(default, default.override({"model_options": {"b": 2}}), seeds=1)
    >>> [recipe.model_options for _, recipe in study.recipes()]
    [{'a': 1}, {'b': 2}]
    """
    changed = [name for name in FIELDS if getattr(winner, name) != getattr(default, name)]
    # A study merges a variant's mappings into the recipe's; so that each has its own, the recipe's are empty.
    mappings = [name for name in changed if isinstance(getattr(default, name), Mapping)]
    variants = {
        "default": {name: getattr(default, name) for name in mappings},
        "winner": {name: getattr(winner, name) for name in changed},
    }
    return Study(
        recipe=default.replace(**{name: {} for name in mappings}),
        variants=variants,
        seeds=tuple(range(default.seed, default.seed + seeds)),
        name=default.name,
    )
