"""One process at a time in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnzoo.errors import InputError


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
