"""`cnnzoo serve`: a local server over a folder of exported models, by KServe's Python server."""

from cnnzoo.serving.server.limits import Limits
from cnnzoo.serving.server.running import serve

__all__ = ["Limits", "serve"]
