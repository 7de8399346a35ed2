"""Search over a recipe: keras-tuner chooses overrides, and each trial trains the recipe with them.

Use it by `cnnzoo.tune`.
"""
