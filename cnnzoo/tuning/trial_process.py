"""Trials in a process of their own, so that one that dies takes no search with it."""

import contextlib
import fcntl
import gc
import json
import os
import queue
import re
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
from cnnzoo.runtime import start_tensorflow, without_retracing_notes


@contextmanager
def alone_in(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder for this process until the block, or the process, has ended.

    On a file system without locks nothing is held.

    Args:
        folder: the folder.
        wait: whether to wait until it is free.

    Raises:
        InputError: another process holds it.

    Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with alone_in(folder):
    ...     try:
    ...         with alone_in(folder):
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


FIRST_TO_GO = "500"  # of 1000, to the kernel when memory runs out: the trial is to end, not the search


def main(answers: int) -> None:
    """Serve requests until there are no more.

    Args:
        answers: the file descriptor to write to.
    """
    os.set_inheritable(answers, False)
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    start_tensorflow()
    from cnnzoo.training.build import read_once

    with os.fdopen(answers, "w") as written, read_once(), without_retracing_notes():
        while True:
            print(json.dumps(_trained(**json.loads(requests.get()))), file=written, flush=True)


def _read(requests: queue.Queue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)  # at once: the main thread may be in the midst of an epoch


def _trained(
    recipe: dict[str, Any], folder: str, data_dir: str | None, pretrained: str, verbose: str | int
) -> dict[str, Any]:
    """Train one trial.

    Returns:
        What its `metrics.json` holds; or `failed`, a sentence, and with it `spoiled`, whether this process should serve
        no longer.
    """
    import keras
    import tensorflow as tf

    from cnnzoo.experiments import Recipe
    from cnnzoo.training.train import validate

    make_folder(Path(folder))
    try:
        with alone_in(Path(folder), wait=True):  # the search's last process may not have ended yet
            _clear_unfinished(Path(folder))
            run = validate(
                Recipe.from_dict(recipe), workdir=folder, data_dir=data_dir, pretrained=pretrained, verbose=verbose
            )
        return run.metrics
    except Exception as error:  # InputError, and whatever else Keras and TensorFlow have against a net
        cause = error if error.__cause__ is None else error.__cause__
        if isinstance(cause, MemoryError | tf.errors.ResourceExhaustedError):
            return {"failed": f"out of memory: {_about_memory(cause)}", "spoiled": True}
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        return {"failed": f"{kind}{error if not kind else reason(error)}", "spoiled": False}
    finally:
        keras.utils.clear_session()
        gc.collect()


def _clear_unfinished(folder: Path) -> None:
    """Empty the folder of a trial that was killed before it had written down its recipe."""
    if not (folder / "recipe.json").is_file():
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _about_memory(error: BaseException) -> str:
    """Return what a message says there was no memory for."""
    what = re.search(r"(OOM when )?allocat\w+ .*?(?= by allocator| on /|\n|$)", str(error), flags=re.IGNORECASE)
    return what.group().removeprefix("OOM when ").rstrip(".") if what else reason(error)


if __name__ == "__main__":
    main(int(sys.argv[1]))


class Trainer:
    """A process that trains trials one after the other, and is started anew where one has killed it.

    TensorFlow's start takes seconds, so a process serves many trials.

    Args:
        data_dir: where TFDS keeps its data.
        verbose: what a trial shows of its epochs.

    Example:
    >>> trainer = Trainer(data_dir=None, verbose=0)
    >>> trainer.close()
    """

    def __init__(self, *, data_dir: str | Path | None, verbose: str | int):
        self._common = {"data_dir": None if data_dir is None else str(data_dir), "verbose": verbose}
        self._process: subprocess.Popen | None = None
        self._answers: TextIO | None = None

    def start(self) -> None:
        """Start the process, if there is none; it gets ready while others do something else."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        reading, writing = os.pipe()
        self._answers = os.fdopen(reading)
        try:
            self._process = subprocess.Popen(  # noqa: S603 (this very program)
                [sys.executable, "-m", "cnnzoo.tuning.trial_process", str(writing)],
                env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
                stdin=subprocess.PIPE,
                pass_fds=(writing,),
                text=True,
                start_new_session=True,  # an interrupt at the terminal is for the search, which ends this
            )
        finally:
            os.close(writing)

    def train(self, recipe: Recipe, folder: Path, pretrained: Path) -> dict[str, Any]:
        """Train a trial to its end.

        Args:
            recipe: what to train.
            folder: the trial's folder.
            pretrained: a folder in which trials with the same pretraining share its layers.

        Returns:
            The content of the trial's `metrics.json`; or `failed`, a sentence.
        """
        self.start()
        assert self._process is not None
        assert self._answers is not None
        request = {"recipe": recipe.to_dict(), "folder": str(folder), "pretrained": str(pretrained), **self._common}
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            answer = self._answers.readline()
        except BrokenPipeError:
            answer = ""
        if not answer.endswith("\n"):
            return {"failed": how_it_ended(self._process.wait())}
        found = json.loads(answer)
        if found.pop("spoiled", False):
            self.close()
        return found

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # the rest of a request to a process that had died
                self._process.stdin.close()
            self._process = None
        if self._answers is not None:
            self._answers.close()
            self._answers = None


def how_it_ended(code: int) -> str:
    """Return how a trial's process ended, in words.

    Example:
    >>> how_it_ended(-11)
    'its process was killed by signal 11 (SIGSEGV)'
    """
    if code >= 0:
        return f"its process ended with code {code}"
    why = ", as the kernel does when memory runs out" if code == -signal.SIGKILL else ""
    return f"its process was killed by signal {-code} ({signal.Signals(-code).name}){why}"
