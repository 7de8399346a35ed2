"""What a search varies: overrides of a recipe, and nothing else."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from cnnzoo.errors import InputError, reason, unknown
from cnnzoo.experiments import Recipe, Study
from cnnzoo.experiments.recipe import FIELDS

TUNERS = ("random", "bayesian", "hyperband")
TRIALS, SEEDS = 20, 3
CHIEF, WORKER, ALONE = "chief", "worker", "alone"
VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides which trials there are.

    Attributes:
        tuner: one of `TUNERS`.
        trials: most trials; ≥ 1.
        seed: of the search and of each trial's training; from 0.
        overrides: values of the recipe that are the same in all trials, by the keys of `--set`.

    Raises:
        InputError: a value is unknown, of the wrong type or out of range.
    """

    tuner: str
    trials: int
    seed: int
    overrides: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.tuner not in TUNERS:
            raise unknown("tuner", self.tuner, TUNERS)
        check_count("trials", self.trials, 1)
        if not isinstance(self.overrides, Mapping):
            raise InputError(f"overrides must be a mapping, such as {{'epochs': 5}}, not {self.overrides!r}")

    @classmethod
    def resumed(cls, begun: Mapping[str, Any], given: Mapping[str, Any]) -> "Settings":
        """Return the settings of a search to go on with, which may be given more trials but nothing else.

        Args:
            begun: the settings that it was begun with, as written down.
            given: what is given now; `None` where nothing is.

        Raises:
            InputError: another value is given.
        """
        for name, value in given.items():
            more = name == "trials" and begun["tuner"] != "hyperband" and value is not None and value >= begun[name]
            if value is not None and value != begun[name] and not more:
                raise InputError(
                    f"the search was begun with {name}={begun[name]!r}, not {value!r}; "
                    "resume it with the same values, or begin another one"
                )
        return cls(**{name: begun[name] if value is None else value for name, value in given.items()})


def check_count(name: str, value: Any, least: int) -> None:
    """Refuse what is no integer of at least `least`."""
    if type(value) is not int or value < least:
        raise InputError(f"{name} must be an integer of at least {least}, not {value!r}")


def part_of_this_process() -> str:
    """Return `CHIEF`, `WORKER` or `ALONE`, as keras-tuner's environment variables say.

    Raises:
        InputError: only some of them are set, or TF_CONFIG is.

    Example:
    >>> part_of_this_process()
    'alone'
    """
    if "TF_CONFIG" in os.environ:
        raise InputError("a search gives whole trials to its workers, but TF_CONFIG is set, which shares one among all")
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if len(missing) == len(VARIABLES):
        return ALONE
    if missing:
        raise InputError(
            f"keras-tuner's workers need all of {', '.join(VARIABLES)}; {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set"
        )
    return CHIEF if CHIEF in os.environ["KERASTUNER_TUNER_ID"] else WORKER


Space = Callable[[Any], Mapping[str, Any]]
SAME = ("data", "name", "seed", "validation_split")  # of all trials: else they would not be judged by the same images
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
