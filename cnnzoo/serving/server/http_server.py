"""Start the HTTP server, and run it until it is interrupted."""

import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

from cnnzoo.checks import integer, number
from cnnzoo.errors import InputError
from cnnzoo.serving.server.limits import BodyLimit, Limits

try:
    # KServe parses the command line when it is imported, and would take cnnzoo's options for its own.
    with mock.patch.object(sys, "argv", sys.argv[:1]):
        from kserve.model_server import app
        from kserve.protocol.dataplane import DataPlane
        from kserve.protocol.model_repository_extension import ModelRepositoryExtension
        from kserve.protocol.rest.server import RESTServer
except ImportError as error:
    raise InputError("serving models needs KServe: pip install 'cnnzoo[serve]'") from error

from starlette.exceptions import HTTPException

from cnnzoo.serving.server.batching import Batcher
from cnnzoo.serving.server.repository import Repository
from cnnzoo.serving.server.routes import error_response, routes

log = logging.getLogger("cnnzoo.serving.server")


def serve(
    folder: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    versions: int = 1,
    poll_interval: float = 1.0,
    batching: int = 256,
    limits: Limits | None = None,
) -> None:
    """Serve every model in a folder over HTTP until interrupted.

    Args:
        folder: `MODEL/NUMBER/saved_model.pb` for every model, as `cnnzoo.export` writes them, or one model's folder.
        host: address to listen on; `"0.0.0.0"` is for all networks. There is no authentication.
        port: port to listen on.
        versions: how many of the newest versions of each model are served.
        poll_interval: seconds between two scans of the folder, > 0.
        batching: most images of waiting requests that are computed together, or 0 to compute each request alone.
        limits: the most that a request may hold.

    Raises:
        InputError: no such folder, a value out of range, or a port that is in use.
    """
    limits = limits or Limits()
    number("poll_interval", poll_interval, above=0, unit="seconds")
    integer("port", port, 1, 2**16 - 1)
    executor = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="model")
    repository = Repository(Path(folder), Batcher(executor, batching), versions)
    repository.scan()
    repository.poll(poll_interval)
    log.info("serving %s at http://%s:%d", ", ".join(sorted(repository.models)) or "no model yet", host, port)
    try:
        _Server(repository, host, port, limits).run()
    except SystemExit as error:  # uvicorn ends so if it cannot start
        raise InputError(f"cannot listen on {host}:{port}; is the port in use by another server?") from error
    finally:
        repository.stop()
        executor.shutdown(wait=False)


class _Server(RESTServer):
    """KServe's server with routes for versions, JSON errors, and a limit on the body."""

    def __init__(self, repository: Repository, host: str, port: int, limits: Limits):
        super().__init__("kserve.model_server:app", DataPlane(repository), ModelRepositoryExtension(repository), port)
        self.config.host = host
        self.config.log_level = "warning"
        self.config.access_log = False
        self._repository = repository
        self._limits = limits

    def _register_endpoints(self, app: Any) -> None:
        app.include_router(routes(self._repository, self._limits))
        super()._register_endpoints(app)

    def _add_exception_handlers(self, app: Any) -> None:
        super()._add_exception_handlers(app)
        app.add_exception_handler(HTTPException, error_response)

    def _add_middlewares(self, app: Any) -> None:
        # KServe's own middleware is left out: it logs the duration of each request.
        app.add_middleware(BodyLimit, limit=self._limits.max_body)


assert app is not None  # KServe's server finds it by its name
