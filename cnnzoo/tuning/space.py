"""Search spaces over a recipe's values, the settings of a search, and the roles of its processes."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from cnnzoo.checks import choice, integer, refusal
from cnnzoo.errors import InputError, reason
from cnnzoo.experiments import Recipe, Study
from cnnzoo.experiments.recipe import FIELDS, check_names

TUNERS = ("random", "bayesian", "hyperband")
TRIALS, SEEDS = 20, 3
CHIEF, WORKER, ALONE = "chief", "worker", "alone"
VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that decide which trials a search has.

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
        choice("tuner", self.tuner, TUNERS, plural="tuners")
        integer("trials", self.trials)
        if not isinstance(self.overrides, Mapping):
            raise refusal("overrides", "a mapping, such as {'epochs': 5}", self.overrides)

    @classmethod
    def resumed(cls, previous: Mapping[str, Any], given: Mapping[str, Any]) -> "Settings":
        """Return the settings of a search that is resumed, which may get more trials but no other changes.

        Args:
            previous: the settings that it was started with, as its `recipe.json` holds them.
            given: the settings that are given now; `None` for each that is not.

        Raises:
            InputError: another value is given.
        """
        for name, value in given.items():
            more = (
                name == "trials" and previous["tuner"] != "hyperband" and value is not None and value >= previous[name]
            )
            if value is not None and value != previous[name] and not more:
                raise InputError(
                    f"the search was started with {name}={previous[name]!r}, not {value!r}; "
                    "resume it with the same values, or start another one"
                )
        return cls(**{name: previous[name] if value is None else value for name, value in given.items()})


def process_role() -> str:
    """Return the role of this process, `CHIEF`, `WORKER` or `ALONE`, by keras-tuner's environment variables.

    Raises:
        InputError: only some of them are set, or TF_CONFIG is.

    Example:
    >>> process_role()
    'alone'
    """
    if "TF_CONFIG" in os.environ:
        raise InputError(
            "TF_CONFIG must not be set: each worker of a search trains whole trials, and TF_CONFIG is for workers that "
            "train one model together"
        )
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
FIXED = ("data", "name", "seed", "validation_split")  # the same in all trials, so that all have the same images
FACTOR = 10  # between the recipe's own learning rate and the ends of the default space


def default_space(recipe: Recipe) -> Space:
    """Return the space of a recipe without one: its learning rate, from a tenth of the recipe's to ten times it."""
    rate = recipe.learning_rate

    def space(hp: Any) -> Mapping[str, Any]:
        return {"learning_rate": hp.Float("learning_rate", rate / FACTOR, rate * FACTOR, sampling="log", default=rate)}

    return space


def checked_space(space: Space, recipe: Recipe, *, fixed_epochs: bool = False) -> Callable[[Any], dict[str, Any]]:
    """Return a space whose overrides are checked to be plain values of a recipe.

    Args:
        space: a function of keras-tuner's `HyperParameters`.
        recipe: the recipe that it overrides.
        fixed_epochs: whether the tuner sets the epochs.

    Returns:
        A function like `space`, which raises InputError where that fails or returns anything but overrides.

    Example:
    >>> recipe = Recipe(model="lenet", data="digits", epochs=3, learning_rate=1e-3)
    >>> checked_space(lambda hp: {"model_options.units": (3, 4)}, recipe)(None)
    {'model_options.units': [3, 4]}
    """
    name = f"space(hp) of {recipe.name!r}"

    def overrides(hp: Any) -> dict[str, Any]:
        try:
            values = space(hp)
        except Exception as error:  # whatever a person's own code raises, which is the cause that this error shows
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            raise InputError(f"{name} fails: {kind}{reason(error)}") from error
        if not isinstance(values, Mapping):
            raise InputError(
                f"{name} must return a mapping of overrides, such as {{'learning_rate': hp.Float('learning_rate', "
                f"1e-4, 1e-2, sampling='log')}}. Received: {values!r}"
            )
        values = {str(key): value for key, value in values.items()}
        check_names(values)
        for key in (key.partition(".")[0] for key in values):
            if key in FIXED:
                raise InputError(f"{name} must not change {key}: all trials are evaluated on the same images")
            if key == "epochs" and fixed_epochs:
                raise InputError(f"{name} must not change epochs: hyperband sets them")
        try:
            return json.loads(json.dumps(values))  # as a file holds them: tuples are lists there
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} must return plain values: {reason(error)}") from error

    return overrides


def comparison_study(default: Recipe, best: Recipe, seeds: int) -> Study:
    """Return the study that trains a recipe, and the best trial of a search over it, at several seeds.

    Args:
        default: the recipe.
        best: the same with the overrides of the best trial.
        seeds: number of seeds, from the recipe's own on.

    Example:
    >>> default = Recipe(model="lenet", data="digits", epochs=3, learning_rate=1e-3, model_options={"a": 1})
    >>> study = comparison_study(default, default.override({"model_options": {"b": 2}}), seeds=1)
    >>> [recipe.model_options for _, recipe in study.recipes()]
    [{'a': 1}, {'b': 2}]
    """
    changed = [name for name in FIELDS if getattr(best, name) != getattr(default, name)]
    # A study merges a variant's mappings into the recipe's; so that each has its own, the recipe's are empty.
    mappings = [name for name in changed if isinstance(getattr(default, name), Mapping)]
    variants = {
        "default": {name: getattr(default, name) for name in mappings},
        "best": {name: getattr(best, name) for name in changed},
    }
    return Study(
        recipe=default.replace(**{name: {} for name in mappings}),
        variants=variants,
        seeds=tuple(range(default.seed, default.seed + seeds)),
        name=default.name,
    )
