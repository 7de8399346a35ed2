"""Trials run in a process of their own, so that a trial that kills its process does not end the search."""

import contextlib
import fcntl
import gc
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from cnnzoo.errors import InputError, reason
from cnnzoo.experiments import Recipe
from cnnzoo.files import make_folder
from cnnzoo.runtime import start_tensorflow, suppress_retracing_warnings
from cnnzoo.tensorflow_errors import failed_allocation

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
        self._results: TextIO | None = None

    def start(self) -> None:
        """Start the process if there is none, without waiting until it is ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        reading, writing = os.pipe()
        self._results = os.fdopen(reading)
        try:
            self._process = subprocess.Popen(  # noqa: S603 (this very program)
                [sys.executable, "-m", "cnnzoo.tuning.trial_process", str(writing)],
                env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
                stdin=subprocess.PIPE,
                pass_fds=(writing,),
                text=True,
                start_new_session=True,  # an interrupt at the terminal is for the search, which ends this process
            )
        finally:
            os.close(writing)

    def train(self, recipe: Recipe, folder: Path, pretrained: Path) -> dict[str, Any]:
        """Train a trial to its end.

        Args:
            recipe: the trial's recipe.
            folder: the trial's folder.
            pretrained: a folder in which trials with the same pretraining share its layers.

        Returns:
            The content of the trial's `metrics.json`; or `failed`, a message.
        """
        self.start()
        assert self._process is not None
        assert self._results is not None
        request = {"recipe": recipe.to_dict(), "folder": str(folder), "pretrained": str(pretrained), **self._options}
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._results.readline()
        except BrokenPipeError:
            line = ""
        if not line.endswith("\n"):
            return {"failed": exit_reason(self._process.wait())}
        metrics = json.loads(line)
        if metrics.pop("restart", False):
            self.close()
        return metrics

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # the rest of a request to a process that had died
                self._process.stdin.close()
            self._process = None
        if self._results is not None:
            self._results.close()
            self._results = None


def exit_reason(code: int) -> str:
    """Return why a trial's process ended, by its exit code.

    Example:
    >>> exit_reason(-11)
    'its process was killed by signal 11 (SIGSEGV)'
    """
    if code >= 0:
        return f"its process ended with code {code}"
    why = ", as the kernel does when memory runs out" if code == -signal.SIGKILL else ""
    return f"its process was killed by signal {-code} ({signal.Signals(-code).name}){why}"


@contextmanager
def exclusive_lock(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock a folder for this process until the block, or the process, has ended.

    On a file system without locks nothing is locked.

    Args:
        folder: the folder.
        wait: whether to wait until it is free.

    Raises:
        InputError: another process holds the lock.

    Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with exclusive_lock(folder):
    ...     try:
    ...         with exclusive_lock(folder):
    ...             pass
    ...     except InputError as error:
    ...         print(str(error).partition(" in ")[0])
    another process is at work
    """
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise InputError(f"another process is at work in {str(folder)!r}; wait for its end, or end it") from error
        except OSError:
            pass  # no locks here
        yield
    finally:
        os.close(lock)


def main(results: int) -> None:
    """Train the trials that are requested on the standard input, until the search ends.

    Args:
        results: the file descriptor that results are written to.
    """
    os.set_inheritable(results, False)
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    start_tensorflow()
    from cnnzoo.training.sources import read_once

    with os.fdopen(results, "w") as file, read_once(), suppress_retracing_warnings():
        while True:
            print(json.dumps(_train(**json.loads(requests.get()))), file=file, flush=True)


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
        The content of its `metrics.json`; or `failed`, a message, and `restart`, whether this process should be
        replaced by a new one.
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
            return validate(values, workdir=folder, **options).metrics
    # InputError, and what Keras and TensorFlow raise for a model that cannot be. With any other error, a fault of the
    # program, this process ends with a traceback, and the search goes on with a new one.
    except (ValueError, RuntimeError, MemoryError, tf.errors.OpError) as error:
        cause = error if error.__cause__ is None else error.__cause__
        if isinstance(cause, MemoryError | tf.errors.ResourceExhaustedError):
            return {"failed": f"out of memory: {failed_allocation(cause)}", "restart": True}
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        return {"failed": f"{kind}{error if not kind else reason(error)}", "restart": False}
    finally:
        keras.utils.clear_session()
        gc.collect()


def _clear_unfinished(folder: Path) -> None:
    """Empty the folder of a trial that was killed before it wrote its recipe."""
    if not (folder / "recipe.json").is_file():
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


if __name__ == "__main__":
    main(int(sys.argv[1]))
