"""Experiments as data: a recipe decides everything about one run, a study compares several."""

from cnnzoo.recipe.files import list_recipes, load_recipe, load_space, read_overrides
from cnnzoo.recipe.recipe import Recipe
from cnnzoo.recipe.settings import parse_settings
from cnnzoo.recipe.study import Study

__all__ = [
    "Recipe",
    "Study",
    "list_recipes",
    "load_recipe",
    "load_space",
    "parse_settings",
    "read_overrides",
]
