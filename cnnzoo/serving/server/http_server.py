"""Start the HTTP server, and run it until it is interrupted."""

import gc
import logging
import math
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cnnzoo.checks import integer, number
from cnnzoo.errors import InputError, install_command
from cnnzoo.runtime import cores

try:
    import uvicorn

    from cnnzoo.serving.server.batching import Batcher
    from cnnzoo.serving.server.connection import Connection
    from cnnzoo.serving.server.limits import Limits
    from cnnzoo.serving.server.repository import Repository
    from cnnzoo.serving.server.routes import application
except ImportError as error:
    raise InputError(f"serving models needs FastAPI and uvicorn: {install_command('serve')}") from error

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

    SIGTERM and Ctrl-C end it gracefully: what has been asked is answered, and nothing new is accepted.

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
    executor = ThreadPoolExecutor(cores(), thread_name_prefix="model")
    batcher = Batcher(executor, batching)
    repository = Repository(Path(folder), versions)
    # What has been imported stays: garbage collections need not go over it, a fifth of a second in which no request is
    # answered. And the lists that JSON is read into are no reason to look for garbage, which took half of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    repository.scan()
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    repository.poll(poll_interval)
    log.info("serving %s at http://%s:%d", ", ".join(sorted(repository.models)) or "no model yet", host, port)
    config = uvicorn.Config(
        application(repository, batcher, limits),
        http=Connection.within(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        timeout_keep_alive=math.ceil(limits.max_seconds),
    )
    try:
        _Server(config).run([listening])
    finally:
        repository.stop()
        executor.shutdown(wait=False)


class _Server(uvicorn.Server):
    """uvicorn's server, which says that it ends."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("stopping: what was asked is answered, and nothing new is accepted")
        await super().shutdown(sockets)
