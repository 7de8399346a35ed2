"""A trained model out into the world: files that servers and phones read, with everything in them that they need."""

from cnnzoo.serving.export import export
from cnnzoo.serving.formats import FORMATS

__all__ = ["FORMATS", "export"]
