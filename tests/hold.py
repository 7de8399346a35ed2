"""Hold another process at a named point, so that a test does there what it must, and waits for no luck.

    with hold("cnnzoo.callbacks.checkpoint:Checkpoint.on_epoch_end", call=2) as held:
        process = processes.start(["-m", "cnnzoo", "train", "lenet5_digits"], **held.environment)
        os.kill(held.wait(process), signal.SIGKILL)  # after one whole epoch, before the second is saved

What holds it is in `holding/sitecustomize.py`, which Python runs at its start where these variables are set: in the
process, and in all that it starts in turn.
"""

import contextlib
import json
import os
import socket
import time
from pathlib import Path

from tests.processes import PATIENCE, PAUSE, ROOT

HOLDING = Path(__file__).parent / "holding"


class Held:
    """The processes that have come to a point and wait there.

    Attributes:
        environment: the variables by which processes are held.
    """

    def __init__(self, server, point):
        self._server, self._point = server, point
        self._connections = []
        path = os.pathsep.join(map(str, (HOLDING, ROOT)))
        self.environment = {"PYTHONPATH": path, "CNNZOO_TESTS_HOLD": json.dumps(point)}

    def wait(self, process):
        """Return the number of the next process that comes to the point, be it `process` or one that it has started."""
        self._server.settimeout(PAUSE)
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(TimeoutError):
                connection, _ = self._server.accept()
                self._connections.append(connection)
                return int(connection.makefile().readline())
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"{process.args} did not come to {self._point}: {process.communicate()}")

    def let_go(self):
        """Let all processes that are held go on."""
        for connection in self._connections:
            connection.sendall(b".")

    def close(self):
        """End the processes that are still held."""
        for connection in self._connections:
            connection.close()


@contextlib.contextmanager
def hold(function, *, call=1, after=False, about=""):
    """Hold each process that is started with `environment` where it calls a function for the nth time.

    An interrupt arrives there as in the function itself, as `KeyboardInterrupt`. With the block end the processes that
    are still held.

    Args:
        function: `module:name` or `module:Class.name`.
        call: which of the process' calls; from 1.
        after: whether to hold it when the function has returned, instead of before it begins.
        about: only calls count that have this text in one of their arguments, such as a file's name.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        module, _, name = function.partition(":")
        point = {"module": module, "name": name, "call": call, "after": after, "about": about}
        held = Held(server, {**point, "port": server.getsockname()[1]})
        with contextlib.closing(held):
            yield held
