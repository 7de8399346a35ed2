"""Experiments as data: a recipe decides everything about one run, a study compares several."""

from cnnzoo.experiments.loading import list_recipes, load_recipe, load_space, read_overrides
from cnnzoo.experiments.recipe import Recipe, parse_settings
from cnnzoo.experiments.study import Study

__all__ = [
    "Recipe",
    "Study",
    "list_recipes",
    "load_recipe",
    "load_space",
    "parse_settings",
    "read_overrides",
]
