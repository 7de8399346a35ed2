"""Weights: those that come with cnnzoo, published ones, and files of your own."""

import importlib
from typing import TYPE_CHECKING, Any

from cnnzoo.weights.shipped_models import Shipped, shipped
from cnnzoo.weights.shipped_models import list_weights as list  # noqa: A004 (it reads as cnnzoo.weights.list)

if TYPE_CHECKING:
    from cnnzoo.weights.loading import KINDS, Pretrained, count_parameters, load

__all__ = ["KINDS", "Pretrained", "Shipped", "count_parameters", "list", "load", "shipped"]


def __getattr__(name: str) -> Any:
    """Load on first use what needs Keras, so that `cnnzoo list` is quick."""
    if name in ("KINDS", "Pretrained", "count_parameters", "load"):
        return getattr(importlib.import_module("cnnzoo.weights.loading"), name)
    raise AttributeError(f"module 'cnnzoo.weights' has no attribute {name!r}")
