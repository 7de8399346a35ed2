"""How a command ends by Ctrl-C or SIGTERM: in one sentence, and with the exit code that shells know."""

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnzoo.errors import InputError, WriteError

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)  # Ctrl-Break, and what one process can send to another's group

MOMENT = 0.05  # seconds

_received: int | None = None  # the number of the signal that has stopped the command


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """A command that a signal has stopped; its message says how to go on."""

    exit_code = 130


def exit_code() -> int | None:
    """Return 130 after Ctrl-C and 143 after SIGTERM; `None` where neither has come.

    Example:
    >>> exit_code() is None
    True
    """
    return None if _received is None else 128 + _received


def receive(number: int, frame: Any) -> None:
    """Handle a signal: end the command as Ctrl-C does.

    Code in C may make another error of it, such as a `SystemError`, or lose it; `exit_code` knows it all the same.
    """
    global _received
    _received = number if number in (signal.SIGINT, signal.SIGTERM) else signal.SIGINT
    raise KeyboardInterrupt


@contextmanager
def resumable(command: str, workdir: Path | None, name: str, *, resumed: bool) -> Iterator[None]:
    """Say how to resume what a signal or a full disk ends in the block, where there is something to resume.

    Args:
        command: the command that runs, without `--resume`.
        workdir: the run's folder, or `None` for a number in `runs/<name>`.
        name: the recipe's name.
        resumed: whether the command resumes a run.

    Raises:
        Stopped: Ctrl-C or SIGTERM.
        WriteError: as it was raised, with a word more.
    """
    before = _folder_of(workdir, name)
    try:
        yield
    except BaseException as error:
        folder = _folder_of(workdir, name)
        is_there = folder is not None and (resumed or folder != before)
        again = f"resume with: {command} --resume" if is_there else "there is nothing to resume yet"
        if exit_code() is not None:
            raise Stopped(f"stopped; {again}") from error
        if isinstance(error, WriteError):
            raise WriteError(f"{error}; make room, and {again if is_there else 'run it again'}") from error
        raise


def _folder_of(workdir: Path | None, name: str) -> Path | None:
    """Return the folder of the run that would be resumed."""
    from cnnzoo.experiments import run as runs

    try:
        return runs.find(workdir, name).folder
    except (InputError, OSError):
        return None


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the command in the block.

    Example:
    >>> with stoppable():
    ...     pass
    """
    global _received
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hears signals in the main thread alone
        return
    _received = None
    hook, sys.unraisablehook = sys.unraisablehook, _raise_again
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, receive)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int) -> None:
    """Send a signal to the main thread, also where it sleeps; on Windows it is heard after that."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _raise_again(lost: Any) -> None:
    """Interrupt once more, a moment later, where Python lost the interrupt: in a destructor, or in a call from C."""
    if isinstance(lost.exc_value, KeyboardInterrupt) and _received is not None:
        threading.Timer(MOMENT, _interrupt, [_received]).start()
    else:
        sys.__unraisablehook__(lost)
