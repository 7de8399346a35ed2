"""Search over a recipe: keras-tuner chooses overrides, and each trial trains the recipe with them."""

from cnnzoo.tuning.searching import tune
from cnnzoo.tuning.tuned import OVERRIDES, Tuned

__all__ = ["OVERRIDES", "Tuned", "tune"]
