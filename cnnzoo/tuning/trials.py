"""Trials in a process of their own, so that one that dies takes no search with it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO

from cnnzoo.recipe import Recipe


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
                [sys.executable, "-m", "cnnzoo.tuning.trainer", str(writing)],
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
