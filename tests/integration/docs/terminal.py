"""A terminal in which the commands of the documents are typed."""

import contextlib
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnzoo import cli
from tests import processes
from tests.integration.serving.server.server_process import Server


class Terminal:
    """A reader's terminal in a new folder: what was typed there last has `printed` this."""

    def __init__(self, request):
        self.request, self.servers = request, contextlib.ExitStack()
        self.printed = ""
        self.kept = None  # what one command leaves for the check of another
        self.server = None

    def type(self, words, *, alone):
        """Run a command: `cnnzoo` in this process unless it is to be alone, a server until the story ends."""
        program, *arguments = words
        capsys = self.request.getfixturevalue("capsys")
        capsys.readouterr()
        if arguments[0] == "serve":
            self.server = self.servers.enter_context(Server(*arguments[1:]))
        elif program == "python" or alone:
            start = [processes.ROOT / arguments.pop(0)] if program == "python" else ["-m", "cnnzoo"]
            if "predict.py" in str(start[0]):
                arguments += ["--url", f"http://127.0.0.1:{self.server.port}"]
            ended = processes.run([*start, *arguments])
            assert ended.returncode == 0, ended.stderr
            self.printed = ended.stdout
        else:
            with pytest.raises(SystemExit) as end:
                cli.main(arguments)
            self.printed, errors = capsys.readouterr()
            assert not end.value.code, errors

    def pipe(self, command):
        """Run a line of several programs, as a shell does, on the server of this story."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        ended = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command.replace(":8080", f":{self.server.port}")],
            env=processes.environment(PATH=path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        self.printed = ended.stdout


@dataclasses.dataclass(frozen=True)
class Command:
    """How a command of a document is run.

    Attributes:
        check: looks at the result; it raises an `AssertionError`.
        added: options that make it small; of an option that is given twice the last counts.
        before: what happens in the folder before.
        alone: whether it gets a process of its own.
    """

    check: Callable[[Terminal], None]
    added: str = ""
    before: Callable[[Terminal], None] | None = None
    alone: bool = False
