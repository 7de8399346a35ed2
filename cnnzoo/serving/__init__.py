"""A trained model out into the world: files that servers and phones read, with everything in them that they need.

`cnnzoo.export` writes them, `cnnzoo.serving.server` serves them.
"""

from cnnzoo.serving.formats import FORMATS

__all__ = ["FORMATS"]
