"""Search over a recipe: keras-tuner chooses overrides, and each trial trains the recipe with them.

`cnnzoo.tune` is the way in.
"""
