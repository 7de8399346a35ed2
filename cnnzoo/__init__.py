"""cnnzoo: the classic deep nets for Keras 3, exact to their papers.

Everything loads on first use: `import cnnzoo` does not load TensorFlow, which takes seconds.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name → the module that defines it.
_DEFINED_IN = {
    "lenet5": "cnnzoo.models.lenet",
    "lenet": "cnnzoo.models.lenet",
    "mlp": "cnnzoo.models.mlp",
    "alexnet": "cnnzoo.models.alexnet",
    "caffenet": "cnnzoo.models.alexnet",
    "alexnet_owt": "cnnzoo.models.alexnet_owt",
    "cuda_convnet": "cnnzoo.models.cuda_convnet",
    "model_a": "cnnzoo.models.all_cnn",
    "model_b": "cnnzoo.models.all_cnn",
    "model_c": "cnnzoo.models.all_cnn",
    "strided_cnn_a": "cnnzoo.models.all_cnn",
    "strided_cnn_b": "cnnzoo.models.all_cnn",
    "strided_cnn_c": "cnnzoo.models.all_cnn",
    "conv_pool_cnn_a": "cnnzoo.models.all_cnn",
    "conv_pool_cnn_b": "cnnzoo.models.all_cnn",
    "conv_pool_cnn_c": "cnnzoo.models.all_cnn",
    "all_cnn_a": "cnnzoo.models.all_cnn",
    "all_cnn_b": "cnnzoo.models.all_cnn",
    "all_cnn_c": "cnnzoo.models.all_cnn",
    "autoencoder": "cnnzoo.models.autoencoders",
    "deep_autoencoder": "cnnzoo.models.autoencoders",
    "denoising_autoencoder": "cnnzoo.models.denoising_autoencoders",
    "convolutional_autoencoder": "cnnzoo.models.convolutional_autoencoders",
    "stacked_autoencoder": "cnnzoo.models.stacked_autoencoders",
    "encoder": "cnnzoo.models.halves",
    "decoder": "cnnzoo.models.halves",
    "conv_report": "cnnzoo.analysis",
    "create": "cnnzoo.models",
    "list_models": "cnnzoo.models",
    "Recipe": "cnnzoo.experiments",
    "Study": "cnnzoo.experiments",
    "list_recipes": "cnnzoo.experiments",
    "load_recipe": "cnnzoo.experiments",
    "train": "cnnzoo.training",
    "evaluate": "cnnzoo.training",
    "report": "cnnzoo.reports",
    "tune": "cnnzoo.tuning",
    "export": "cnnzoo.serving",
    "LayerwisePretraining": "cnnzoo.pretraining",
    "InputError": "cnnzoo.errors",
    "Run": "cnnzoo.experiments.run",
    "load_model": "cnnzoo.experiments.run",
}
_MODULES = (
    "analysis",
    "callbacks",
    "cli",
    "data",
    "distribute",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "pretraining",
    "experiments",
    "reports",
    "serving",
    "training",
    "tuning",
    "weights",
)

__all__ = [*_DEFINED_IN, *_MODULES]

if TYPE_CHECKING:
    from cnnzoo.analysis import conv_report as conv_report
    from cnnzoo.errors import InputError as InputError
    from cnnzoo.experiments import Recipe as Recipe
    from cnnzoo.experiments import Study as Study
    from cnnzoo.experiments import list_recipes as list_recipes
    from cnnzoo.experiments import load_recipe as load_recipe
    from cnnzoo.experiments.run import Run as Run
    from cnnzoo.experiments.run import load_model as load_model
    from cnnzoo.models import create as create
    from cnnzoo.models import list_models as list_models
    from cnnzoo.models.alexnet import alexnet as alexnet
    from cnnzoo.models.alexnet import caffenet as caffenet
    from cnnzoo.models.alexnet_owt import alexnet_owt as alexnet_owt
    from cnnzoo.models.all_cnn import all_cnn_a as all_cnn_a
    from cnnzoo.models.all_cnn import all_cnn_b as all_cnn_b
    from cnnzoo.models.all_cnn import all_cnn_c as all_cnn_c
    from cnnzoo.models.all_cnn import conv_pool_cnn_a as conv_pool_cnn_a
    from cnnzoo.models.all_cnn import conv_pool_cnn_b as conv_pool_cnn_b
    from cnnzoo.models.all_cnn import conv_pool_cnn_c as conv_pool_cnn_c
    from cnnzoo.models.all_cnn import model_a as model_a
    from cnnzoo.models.all_cnn import model_b as model_b
    from cnnzoo.models.all_cnn import model_c as model_c
    from cnnzoo.models.all_cnn import strided_cnn_a as strided_cnn_a
    from cnnzoo.models.all_cnn import strided_cnn_b as strided_cnn_b
    from cnnzoo.models.all_cnn import strided_cnn_c as strided_cnn_c
    from cnnzoo.models.autoencoders import autoencoder as autoencoder
    from cnnzoo.models.autoencoders import deep_autoencoder as deep_autoencoder
    from cnnzoo.models.convolutional_autoencoders import convolutional_autoencoder as convolutional_autoencoder
    from cnnzoo.models.cuda_convnet import cuda_convnet as cuda_convnet
    from cnnzoo.models.denoising_autoencoders import denoising_autoencoder as denoising_autoencoder
    from cnnzoo.models.halves import decoder as decoder
    from cnnzoo.models.halves import encoder as encoder
    from cnnzoo.models.lenet import lenet as lenet
    from cnnzoo.models.lenet import lenet5 as lenet5
    from cnnzoo.models.mlp import mlp as mlp
    from cnnzoo.models.stacked_autoencoders import stacked_autoencoder as stacked_autoencoder
    from cnnzoo.pretraining import LayerwisePretraining as LayerwisePretraining
    from cnnzoo.reports import report as report
    from cnnzoo.serving import export as export
    from cnnzoo.training import evaluate as evaluate
    from cnnzoo.training import train as train
    from cnnzoo.tuning import tune as tune


def __getattr__(name: str) -> Any:
    if name in _DEFINED_IN:
        value = getattr(importlib.import_module(_DEFINED_IN[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"cnnzoo.{name}")
    raise AttributeError(f"module 'cnnzoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
