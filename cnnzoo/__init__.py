"""cnnzoo: the classic deep nets for Keras 3, built after their papers.

Everything loads on first use: `import cnnzoo` loads neither Keras nor TensorFlow, which take seconds.
"""

from cnnzoo.versions import check_versions

check_versions()  # first: an older Python cannot read what follows

import importlib
from typing import Any

from cnnzoo.models import FAMILIES
from cnnzoo.runtime import register_with_keras

__version__ = "0.1.0"

# Public names, in this place alone: each stands beside the module that defines it, models in `cnnzoo.models`.
# `python tests/stub.py` writes them, for editors and type checkers, into __init__.pyi.
_DEFINED_IN = {
    **{name: f"models.{family}" for name, family in FAMILIES.items()},
    "encoder": "models.halves",
    "decoder": "models.halves",
    "sample": "models.variational_autoencoders",
    "create": "models",
    "list_models": "models",
    "conv_report": "analysis.report",
    "Recipe": "experiments.recipe",
    "Study": "experiments.study",
    "Run": "experiments.run",
    "list_recipes": "experiments.loading",
    "load_recipe": "experiments.loading",
    "load_model": "experiments.run",
    "train": "training.train",
    "evaluate": "training.evaluate",
    "run_study": "training.study",
    "play": "browser.play",
    "report": "reports.report",
    "tune": "tuning.tune",
    "export": "serving.export",
    "predict": "serving.predict",
    "LayerwisePretraining": "pretraining.callback",
    "RestrictedBoltzmannMachine": "boltzmann",
    "InputError": "errors",
}
_MODULES = (
    "analysis",
    "browser",
    "callbacks",
    "cli",
    "data",
    "distribute",
    "experiments",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "pretraining",
    "reports",
    "serving",
    "training",
    "tuning",
    "weights",
)

__all__ = [*_DEFINED_IN, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _DEFINED_IN:
        value = getattr(importlib.import_module(f"cnnzoo.{_DEFINED_IN[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"cnnzoo.{name}")
    raise AttributeError(f"module 'cnnzoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


register_with_keras()
