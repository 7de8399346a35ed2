"""Run a recipe: data, model, pretraining, fit, judgement, and a folder that holds it all."""

from cnnzoo.training.evaluate import evaluate
from cnnzoo.training.study import Comparison, run_study
from cnnzoo.training.train import train, validate

__all__ = ["Comparison", "evaluate", "run_study", "train", "validate"]
