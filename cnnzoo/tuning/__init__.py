"""Search over a recipe: keras-tuner chooses overrides, and each trial trains the recipe with them."""

from cnnzoo.tuning.tune import OVERRIDES, Tuned, tune

__all__ = ["OVERRIDES", "Tuned", "tune"]
