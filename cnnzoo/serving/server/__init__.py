"""`cnnzoo serve`: a local server for a folder of exported models, on FastAPI and uvicorn."""

from cnnzoo.serving.server.http_server import serve
from cnnzoo.serving.server.limits import Limits

__all__ = ["Limits", "serve"]
