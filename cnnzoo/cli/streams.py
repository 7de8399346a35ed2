"""Standard streams of a command that outlives them: a pipe that is closed, a full disk, a terminal of few letters."""

import io
import os
import sys
from typing import Any


def keep_open() -> None:
    """Let a command run to its end whatever becomes of its output.

    What can no longer be written is left out, as by `cnnzoo train … | head -1`; letters that the terminal's encoding
    does not have become question marks. Descriptors that the caller has closed are opened on nothing: a file of the
    run would have their numbers.

    Example:
    >>> keep_open()
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (for the process' life)
        elif type(stream) is io.TextIOWrapper:
            setattr(sys, name, _Stream(stream))


class _Stream(io.TextIOWrapper):
    """A stream that goes on without a reader."""

    def __init__(self, stream: io.TextIOWrapper):
        options = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
        encoding = stream.encoding
        super().__init__(stream.detach(), encoding=encoding, errors="replace", newline=None, **options)

    def write(self, text: str) -> int:
        self._try(super().write, text)
        return len(text)

    def flush(self) -> None:
        self._try(super().flush)

    def _try(self, function: Any, *arguments: Any) -> None:
        try:
            function(*arguments)
        except OSError:
            if not self.closed:
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, self.fileno())  # where all that is still to come goes, also from C
                os.close(nothing)
