"""The `Study`: one recipe in several variants, at several seeds."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Self

from cnnzoo.checks import is_integer, refusal
from cnnzoo.errors import InputError
from cnnzoo.experiments.recipe import Recipe, parse_settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """An experiment that compares: the same recipe in several variants, each at every seed.

    Attributes:
        recipe: the recipe that all runs have in common.
        variants: name of each variant → the recipe's values that it changes. A mapping, such as
            model_options, is changed by its entries.
        seeds: seeds of each variant's runs; at least one, all different.
        name: name of the study; the file's name where it is loaded from a file.

    Raises:
        InputError: a variant changes a value that no recipe has, or there are no variants or seeds.

    Example:
    >>> study = Study(
    ...     recipe=Recipe(model="lenet", data="digits", epochs=3, learning_rate=1e-3),
    ...     variants={"average": {}, "max": {"model_options": {"subsampling": "max"}}},
    ...     seeds=(0, 1),
    ... )
    >>> [(variant, recipe.seed) for variant, recipe in study.recipes()]
    [('average', 0), ('average', 1), ('max', 0), ('max', 1)]
    """

    recipe: Recipe
    variants: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...] = (0, 1, 2)
    name: str = "study"

    def __post_init__(self) -> None:
        if not isinstance(self.recipe, Recipe):
            raise refusal("recipe", "a cnnzoo.Recipe", self.recipe)
        seeds = tuple(self.seeds) if isinstance(self.seeds, tuple | list) else (self.seeds,)
        if not seeds or len(set(seeds)) < len(seeds) or not all(map(is_integer, seeds)):
            raise refusal("seeds", "one or more different integers, such as seeds=0,1,2", self.seeds)
        if not isinstance(self.variants, Mapping) or not self.variants:
            raise refusal("variants", "a mapping with at least one variant", self.variants)
        for name, changes in self.variants.items():
            self._check_variant(name, changes)
        folders = Counter(name.casefold() for name in self.variants)
        if alike := [name for name in self.variants if folders[name.casefold()] > 1]:
            raise InputError(f"the names of variants must differ in more than their case. Received: {alike}")
        object.__setattr__(self, "seeds", tuple(map(int, seeds)))
        object.__setattr__(self, "variants", {name: dict(changes) for name, changes in self.variants.items()})
        self.recipes()  # so that a wrong value is refused before the first run

    def _check_variant(self, name: str, changes: Mapping[str, Any]) -> None:
        if not re.fullmatch(r"\w[\w.-]*", str(name)):  # it becomes the name of a folder
            raise InputError(
                f"the name of a variant must consist of letters, digits, '_', '-' and '.'. Received: {name!r}"
            )
        if not isinstance(changes, Mapping):
            raise refusal(f"variants[{name!r}]", "a mapping from recipe values to their new values", changes)
        for key in ("seed", "name"):
            if key in changes:
                raise InputError(f"variant {name!r} cannot change {key!r}: the study sets it for each run")

    def recipes(self) -> list[tuple[str, Recipe]]:
        """Return the name of the variant and the recipe of every run."""
        return [
            (name, self._varied(changes).replace(seed=seed, name=f"{self.name}/{name}"))
            for name, changes in self.variants.items()
            for seed in self.seeds
        ]

    def _varied(self, changes: Mapping[str, Any]) -> Recipe:
        merged = {}
        for name, value in changes.items():
            common = getattr(self.recipe, name, None)
            merged[name] = {**common, **value} if isinstance(common, Mapping) else value
        return self.recipe.replace(**merged)

    def replace(self, **changes: Any) -> Self:
        """Return the study with other seeds or another name, or with other values in its recipe.

        Raises:
            InputError: neither a study nor a recipe has such a value, or it is of the wrong type or out of range.
        """
        own = {name: changes.pop(name) for name in ("seeds", "name") if name in changes}
        if "seed" in changes:
            own["seeds"] = (changes.pop("seed"),)
        self._check_effect(changes)
        return dataclasses.replace(self, recipe=self.recipe.replace(**changes), **own)

    def override(self, settings: Iterable[str]) -> Self:
        """Return the study with values set as on the command line, such as `"seeds=0,1"` or `"epochs=5"`.

        Raises:
            InputError: a string is not of that form, or as `replace`.
        """
        values = parse_settings(settings)
        own = {"seeds" if key == "seed" else key: values.pop(key) for key in ("seed", "seeds", "name") if key in values}
        self._check_effect(values)
        return dataclasses.replace(self, recipe=self.recipe.override(values), **own)

    def _check_effect(self, values: Mapping[str, Any]) -> None:
        """Check that no value is set that every variant overrides."""
        for key in values:
            name, _, entry = key.partition(".")
            changed = [changes.get(name) for changes in self.variants.values()]
            if all((entry in (value or ())) if entry else value is not None for value in changed):
                raise InputError(f"`{key}` cannot be set: each variant of {self.name!r} sets its own")

    def smoke(self) -> Self:
        """Return the same study cut to seconds: a few steps of each variant, at one seed."""
        variants = {}
        for name, changes in self.variants.items():
            recipe = _smoke(self._varied(changes))
            variants[name] = {key: getattr(recipe, key) if key in CUT else value for key, value in changes.items()}
        return dataclasses.replace(self, recipe=_smoke(self.recipe), variants=variants, seeds=self.seeds[:1])

    def to_dict(self) -> dict[str, Any]:
        """Return all values as plain types, from which `from_dict` makes the same study."""
        variants = {name: dict(changes) for name, changes in self.variants.items()}
        return {"recipe": self.recipe.to_dict(), "variants": variants, "seeds": list(self.seeds), "name": self.name}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the study with the values that `to_dict` returned.

        Raises:
            InputError: a value is missing, unknown, of the wrong type or out of range.
        """
        try:
            return cls(**{**values, "recipe": Recipe.from_dict(values["recipe"])})
        except (TypeError, KeyError) as error:
            raise InputError(f"these are not the values of a study of this version of cnnzoo: {error}") from error


CUT = ("epochs", "train_examples", "repeat", "test_examples", "batch_size", "pretraining")  # values that `smoke` cuts


def _smoke(recipe: Recipe) -> Recipe:
    """Return a recipe cut to a few steps."""
    smoke = recipe.smoke()
    few = 2 * smoke.batch_size
    return smoke.replace(epochs=1, train_examples=few, test_examples=few)
