"""Run a recipe: data, model, pretraining, fit, evaluation, and a folder that holds it all.

`cnnzoo.train`, `cnnzoo.evaluate` and `cnnzoo.run_study` are the ways in.
"""
