"""Experiments as data: a recipe decides everything about one run, a study compares several."""

from cnnzoo.recipe.files import list_recipes, load_recipe
from cnnzoo.recipe.recipe import Recipe
from cnnzoo.recipe.settings import parse_settings
from cnnzoo.recipe.study import Study

__all__ = ["Recipe", "Study", "list_recipes", "load_recipe", "parse_settings"]
