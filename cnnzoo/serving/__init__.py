"""Export and serving: `cnnzoo.export` writes a trained model for servers and phones, `cnnzoo.serving.server` serves it.

An export needs neither Keras nor cnnzoo: decoding, preprocessing and the names of the classes are part of it.
"""

from cnnzoo.serving.formats import FORMATS

__all__ = ["FORMATS"]
