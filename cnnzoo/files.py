"""Atomic writes of files and folders: readers see all of one or nothing."""

import fcntl
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from cnnzoo.errors import InputError

GRACE_PERIOD = 60  # seconds before an unfinished folder without a lock counts as abandoned
PART = ".part-"  # prefix of the names of unfinished files and folders


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, and rename it to `path` when the block succeeds.

    Readers see the old file or the new one, never a part; a killed process leaves `path` as it was.
    The temporary name keeps the suffix, by which Keras and others choose a format.

    Example:
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_write(target) as part:
    ...     _ = part.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    part = path.with_name(f"{PART}{os.getpid()}-{path.name}")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, content: dict) -> None:
    """Write `content` as indented JSON, atomically."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents, and check that it can be written to.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"cannot write to the folder {str(folder)!r}: {error.strerror}") from error


def read_rows(file: BinaryIO, rows: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Read rows of an array that a file holds, one after the other, each in one piece.

    A memory map would read them page by page: from a disk, a third as many images of 155 kB a second, a twelfth of
    3 kB (n=6, two cores). And the pages that it has touched would count as the process's own memory.

    Args:
        file: the file, open for reading; its position is neither used nor changed.
        rows: integer array `(n,)`, the rows to read.
        shape: shape of a row.
        dtype: type of its values.

    Returns:
        NumPy array `(n, *shape)`.

    Example:
    >>> import numpy as np
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(np.arange(8, dtype="float32").data)
    ...     file.flush()
    ...     read_rows(file, np.array([3, 0]), (2,), "float32").tolist()
    [[6.0, 7.0], [0.0, 1.0]]
    """
    import numpy as np

    array = np.empty((len(rows), *shape), dtype)
    size = array.itemsize * math.prod(shape)
    for row, values in zip(rows, array.reshape(len(rows), -1), strict=True):
        os.preadv(file.fileno(), [values.data], int(row) * size)
    return array


class Version:
    """A numbered folder that is being written.

    Attributes:
        part: the temporary folder to write to.
        folder: the final folder, once it is complete.
    """

    def __init__(self, part: Path):
        self.part = part
        self.folder = part


@contextmanager
def next_version(folder: Path) -> Iterator[Version]:
    """Yield a `Version` whose `part` becomes `folder/<next integer>` when the block succeeds.

    Model servers poll `folder` and would load a version while it is being written; they ignore
    names that are not integers. Two writers at once get two versions.

    Raises:
        InputError: the folder cannot be made or written to.

    Example:
    >>> import tempfile
    >>> for _ in range(2):
    ...     with next_version(Path(tempfile.gettempdir()) / f"models-{os.getpid()}") as version:
    ...         _ = (version.part / "model").write_text("whole")
    >>> version.folder.name
    '2'
    """
    make_folder(folder)
    _remove_abandoned(folder)
    version = Version(Path(tempfile.mkdtemp(prefix=PART, dir=folder)))
    lock = os.open(version.part, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks, where nothing is removed either
            fcntl.flock(lock, fcntl.LOCK_EX)  # until this process closes it, or ends
        yield version
        version.part.chmod(0o755)  # mkdtemp makes it private; a server may run as another user
        version.folder = _renamed_to_next(version.part, folder)
    finally:
        os.close(lock)
        shutil.rmtree(version.part, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove the unfinished folders of killed writers, whose locks are free."""
    for part in folder.glob(f"{PART}*/"):
        if time.time() - part.stat().st_mtime < GRACE_PERIOD:
            continue  # its writer may not have locked it yet
        lock = os.open(part, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            shutil.rmtree(part, ignore_errors=True)
        finally:
            os.close(lock)


def versions(folder: Path) -> list[int]:
    """Return the version numbers in a folder of exported models, ascending."""
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal())


def _renamed_to_next(part: Path, folder: Path) -> Path:
    number = max(versions(folder), default=0) + 1
    while True:
        target = folder / str(number)
        try:
            return part.rename(target)
        except OSError:
            if not target.exists():
                raise
            number += 1  # another writer was first
