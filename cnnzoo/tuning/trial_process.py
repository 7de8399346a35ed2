"""Trials run in a process of their own, so that a trial that kills its process does not end the search."""

import contextlib
import gc
import json
import os
import queue
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from cnnzoo.errors import ChangedDataError, InputError, WriteError, reason
from cnnzoo.experiments import Recipe
from cnnzoo.files import LOCK, exclusive_lock, make_folder
from cnnzoo.runtime import own_group, start_tensorflow, suppress_retracing_warnings, temporary_files_in
from cnnzoo.tensorflow_errors import out_of_memory

FATAL_ERRORS = (WriteError, ChangedDataError)  # what every other trial would meet, too
INTRODUCTION = "CNNZOO_TRIALS"  # environment variable with what the process says to the search first
HANDSHAKE_TIMEOUT = 10.0  # seconds for a process that has connected to introduce itself
POLL_INTERVAL = 0.1  # seconds between two looks at a process that has not connected yet
OOM_SCORE = "500"  # of 1000: when memory runs out, the kernel is to kill the trial's process, not the search's


class Trainer:
    """A process that trains trials one after the other, and is restarted when a trial has killed it.

    TensorFlow takes seconds to start, so one process trains many trials.

    Args:
        data_dir: where TFDS keeps its data.
        verbose: what a trial shows of its epochs; see `cnnzoo.train`.

    Example:
    >>> trainer = Trainer(data_dir=None, verbose=0)
    >>> trainer.close()
    """

    def __init__(self, *, data_dir: str | Path | None, verbose: str | int):
        self._options = {"data_dir": None if data_dir is None else str(data_dir), "verbose": verbose}
        self._process: subprocess.Popen | None = None
        self._listening: socket.socket | None = None
        self._results: TextIO | None = None

    def start(self) -> None:
        """Start the process if there is none, without waiting until it is ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        # Results come over a socket, since the standard output is for what is shown: Windows hands on no other pipes.
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._introduction = secrets.token_hex()
        self._temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        variables = {**temporary_files_in(self._temporary.name), INTRODUCTION: self._introduction}
        self._process = subprocess.Popen(  # noqa: S603 (this very program)
            [sys.executable, "-m", "cnnzoo.tuning.trial_process", str(self._listening.getsockname()[1])],
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **variables},
            stdin=subprocess.PIPE,
            encoding="utf-8",
            **own_group(),
        )

    def train(self, recipe: Recipe, folder: Path, pretrained: Path) -> dict[str, Any]:
        """Train a trial to its end.

        Args:
            recipe: the trial's recipe.
            folder: the trial's folder.
            pretrained: a folder in which trials with the same pretraining share its layers.

        Returns:
            The content of the trial's `metrics.json`; or `failed`, a message.

        Raises:
            WriteError: the disk takes no more.
            ChangedDataError: the images are not those of the trials before.
        """
        self.start()
        assert self._process is not None
        request = {"recipe": recipe.to_dict(), "folder": str(folder), "pretrained": str(pretrained), **self._options}
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            results = self._results or self._connected()
            line = results.readline() if results else ""
        except OSError:  # a broken pipe, or the end of a connection
            line = ""
        if not line.endswith("\n"):
            return {"failed": exit_reason(self._ended())}
        metrics = json.loads(line)
        if "fatal" in metrics:
            raise FATAL_ERRORS[metrics["kind"]](metrics["fatal"])
        if metrics.pop("restart", False):
            self.close()
        return metrics

    def _connected(self) -> TextIO | None:
        """Return the stream of the process's results, or `None` where it ends before it has connected."""
        assert self._process is not None
        assert self._listening is not None
        self._listening.settimeout(POLL_INTERVAL)
        while self._process.poll() is None:
            with contextlib.suppress(OSError):  # nobody has connected yet, or somebody else on this machine has
                connection, _ = self._listening.accept()
                with connection:
                    if self._is_introduced(connection):
                        self._results = connection.makefile(encoding="utf-8")
                        self._listening.close()
                        return self._results
        return None

    def _is_introduced(self, connection: socket.socket) -> bool:
        """Return whether a connection begins with what this process has told its own alone."""
        expected, received = f"{self._introduction}\n".encode(), b""
        deadline = time.monotonic() + HANDSHAKE_TIMEOUT
        while len(received) < len(expected) and time.monotonic() < deadline:
            connection.settimeout(HANDSHAKE_TIMEOUT)
            if not (part := connection.recv(len(expected) - len(received))):
                return False
            received += part
        connection.settimeout(None)
        return secrets.compare_digest(received, expected)

    def _ended(self) -> int:
        """Return the exit code of the process, whose results have ended."""
        assert self._process is not None
        try:
            return self._process.wait(HANDSHAKE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # the rest of a request to a process that had died
                self._process.stdin.close()
            self._process = None
            self._temporary.cleanup()
        for stream in (self._results, self._listening):
            if stream is not None:
                stream.close()
        self._results = self._listening = None


def exit_reason(code: int) -> str:
    """Return why a trial's process ended, by its exit code.

    Example:
    >>> exit_reason(-11)
    'its process was killed by signal 11 (SIGSEGV)'
    """
    if code >= 0:
        return f"its process ended with code {code}"
    name = signal.Signals(-code).name
    why = ", as the kernel does when memory runs out" if name == "SIGKILL" else ""
    return f"its process was killed by signal {-code} ({name}){why}"


def main(port: int) -> None:
    """Train the trials that are requested on the standard input, until the search ends.

    Args:
        port: where the search listens for the results.
    """
    connection = socket.create_connection(("127.0.0.1", port))
    results = connection.makefile("w", encoding="utf-8")
    print(os.environ.pop(INTRODUCTION), file=results, flush=True)
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
    start_tensorflow()
    from cnnzoo.training.sources import read_once

    with read_once(), suppress_retracing_warnings():
        while True:
            print(json.dumps(_train(**json.loads(requests.get()))), file=results, flush=True)


def _read(requests: queue.Queue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)  # at once: the main thread may be in the middle of an epoch


def _train(recipe: dict[str, Any], folder: str, **options: Any) -> dict[str, Any]:
    """Train one trial.

    Args:
        recipe: the values of its recipe.
        folder: its folder.
        options: `data_dir`, `pretrained` and `verbose`, as `validate` takes them.

    Returns:
        The content of its `metrics.json`; or `fatal`, a message of one of the kinds of `FATAL_ERRORS`; or `failed`, a
        message, and `restart`, whether this process should be replaced by a new one.
    """
    import keras
    import tensorflow as tf

    from cnnzoo import distribute
    from cnnzoo.training.build import Devices, configure_threads
    from cnnzoo.training.train import validate

    make_folder(Path(folder))
    try:
        with exclusive_lock(Path(folder), wait=True):  # the process of a search that was killed may not have ended yet
            _clear_unfinished(Path(folder))
        values = Recipe.from_dict(recipe)
        configure_threads(values, Devices.of(distribute.strategy("auto")))
        return validate(values, workdir=folder, trials=Path(folder).parent, **options).metrics
    except FATAL_ERRORS as error:
        return {"fatal": str(error), "kind": FATAL_ERRORS.index(type(error))}
    # InputError, and what Keras and TensorFlow raise for a model that cannot be. With any other error, a fault of the
    # program, this process ends with a traceback, and the search goes on with a new one.
    except (ValueError, RuntimeError, MemoryError, tf.errors.OpError) as error:
        if lacking := out_of_memory(error):
            return {"failed": f"out of memory: {lacking}", "restart": True}
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        return {"failed": f"{kind}{error if not kind else reason(error)}", "restart": False}
    finally:
        keras.utils.clear_session()
        gc.collect()


def _clear_unfinished(folder: Path) -> None:
    """Empty the folder of a trial that was killed before it wrote its recipe."""
    if not (folder / "recipe.json").is_file():
        for entry in folder.iterdir():
            if entry.name != LOCK:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


if __name__ == "__main__":
    main(int(sys.argv[1]))
