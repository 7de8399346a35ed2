"""Run a recipe: data, model, pretraining, fit, judgement, and a folder that holds it all."""

from cnnzoo.training.judging import evaluate
from cnnzoo.training.running import train, validate

__all__ = ["evaluate", "train", "validate"]
