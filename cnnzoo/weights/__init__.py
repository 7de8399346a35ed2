"""Weights: those that come with cnnzoo, published ones, and your own files."""

import importlib
from typing import TYPE_CHECKING, Any

from cnnzoo.weights.shipped_models import Shipped, shipped
from cnnzoo.weights.shipped_models import list_weights as list  # noqa: A004 (it reads as cnnzoo.weights.list)

if TYPE_CHECKING:
    from cnnzoo.weights.loading import FILE_TYPES, Pretrained, count_parameters, load

__all__ = ["FILE_TYPES", "Pretrained", "Shipped", "count_parameters", "list", "load", "shipped"]


def __getattr__(name: str) -> Any:
    """Load names that need Keras on first use, so that `cnnzoo list` is quick."""
    if name in ("FILE_TYPES", "Pretrained", "count_parameters", "load"):
        return getattr(importlib.import_module("cnnzoo.weights.loading"), name)
    raise AttributeError(f"module 'cnnzoo.weights' has no attribute {name!r}")
