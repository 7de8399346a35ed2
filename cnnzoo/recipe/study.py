"""What a study is: one recipe, with something varied, at several seeds."""

import dataclasses
import types
from collections.abc import Iterable, Mapping
from typing import Any, Self

from cnnzoo.errors import InputError
from cnnzoo.recipe.recipe import Recipe, parse_settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """An experiment that compares: the same recipe in several variants, each at every seed.

    Attributes:
        recipe: what all runs have in common.
        variants: name of each variant → the recipe's values that it changes. A mapping, such as
            model_options, is changed by its entries.
        seeds: seeds of each variant's runs; at least one, all different.
        name: name of the study; the file's name where it is loaded from a file.

    Raises:
        InputError: a variant changes what a recipe does not have, or there are no variants or seeds.

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
        seeds = (self.seeds,) if isinstance(self.seeds, int) else tuple(self.seeds)
        if not seeds or len(set(seeds)) < len(seeds) or not all(type(seed) is int for seed in seeds):
            raise InputError(f"seeds must be one or more different integers, such as seeds=0,1,2, not {self.seeds!r}")
        if not self.variants:
            raise InputError("a study needs at least one variant")
        object.__setattr__(self, "seeds", seeds)
        object.__setattr__(self, "variants", types.MappingProxyType(dict(self.variants)))
        self.recipes()  # so that a wrong value is refused before the first run

    def recipes(self) -> list[tuple[str, Recipe]]:
        """Return every run: the name of its variant, and its recipe."""
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
        return dataclasses.replace(self, recipe=self.recipe.replace(**changes), **own)

    def override(self, settings: Iterable[str]) -> Self:
        """Return the study with values set as on the command line, such as `"seeds=0,1"` or `"epochs=5"`.

        Raises:
            InputError: a text is not of that form, or as `replace`.
        """
        settings = list(settings)
        own = {key: value for key, value in parse_settings(settings).items() if key == "seeds"}
        common = [setting for setting in settings if setting.partition("=")[0].strip() != "seeds"]
        return dataclasses.replace(self, recipe=self.recipe.override(common), **own)

    def smoke(self) -> Self:
        """Return the same study cut to seconds: a few steps of each variant, at one seed."""
        recipe = self.recipe.smoke()
        few = 2 * recipe.batch_size
        recipe = recipe.replace(epochs=1, examples=few, test_examples=few)
        return dataclasses.replace(self, recipe=recipe, seeds=self.seeds[:1])

    def to_dict(self) -> dict[str, Any]:
        """Return all values as plain types; `from_dict` gives the study back."""
        variants = {name: dict(changes) for name, changes in self.variants.items()}
        return {"recipe": self.recipe.to_dict(), "variants": variants, "seeds": list(self.seeds), "name": self.name}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the study that `to_dict` gave the values of.

        Raises:
            InputError: a value is missing, unknown, of the wrong type or out of range.
        """
        try:
            return cls(**{**values, "recipe": Recipe.from_dict(values["recipe"])})
        except (TypeError, KeyError) as error:
            raise InputError(f"these are not the values of a study of this version of cnnzoo: {error}") from error
