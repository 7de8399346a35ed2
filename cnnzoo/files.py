"""Atomic writes of files and folders: readers see all of one or nothing."""

import errno
import json
import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import filelock

from cnnzoo.errors import InputError, WriteError

GRACE_PERIOD = 60  # seconds before an unfinished folder without a lock counts as abandoned
LOCK = ".lock"  # name of the file by which a folder is locked
PART = ".part-"  # prefix of the names of unfinished files and folders
PATIENCE = 10.0  # seconds in which others may close a file that is to be replaced
PAUSE = 0.05  # seconds between two attempts
_reading = threading.Lock()
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, a quota, `ulimit -f`
REFUSED = (*NO_ROOM, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise an error that names a file or a folder, where the disk does not take what the block writes to it.

    Args:
        path: the file or folder.

    Raises:
        WriteError: the disk is full, a quota or `ulimit -f` is reached, or the disk fails.

    Example:
    >>> with writing(Path("runs/lenet5")):
    ...     raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    Traceback (most recent call last):
    cnnzoo.errors.WriteError: cannot write 'runs/lenet5': No space left on device; what was there before is kept
    """
    try:
        yield
    except WriteError:
        raise
    except Exception as error:  # also one that was made of that of the disk
        if why := _refusal_of_a_disk(error, path):
            raise WriteError(f"cannot write {str(path)!r}: {why}; what was there before is kept") from error
        raise


def _refusal_of_a_disk(error: BaseException | None, path: Path) -> str | None:
    """Return what a disk says against writing, in an error or in one of those that it came from."""
    while error is not None:
        file = getattr(error, "filename", None)
        own = file is None or Path(os.fsdecode(file)).parent == path.parent
        if isinstance(error, OSError) and (error.errno in NO_ROOM or (error.errno in REFUSED and own)):
            return error.strerror
        for text in map(os.strerror, NO_ROOM):  # TensorFlow and HDF5 have texts alone
            if text in str(error) and not text.startswith("Unknown"):  # as Windows calls some of them
                return text
        error = error.__cause__ or error.__context__
    return None


def _renamed(rename: Callable[[Path], Path], target: Path) -> Path:
    """Rename a file or a folder, as soon as others let it be.

    On Windows a file that somebody has open, be it to look at it or for viruses, can be neither replaced nor moved.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return rename(target)
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, and rename it to `path` when the block succeeds.

    Readers see the old file or the new one, never a part; a killed process leaves `path` as it was.
    The temporary name keeps the suffix, by which Keras and others choose a format.

    Raises:
        WriteError: the disk is full, or cannot be written to.

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
        with writing(path):
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            _renamed(part.replace, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, content: dict) -> None:
    """Write `content` as indented JSON, atomically."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents, and check that it can be written to.

    Raises:
        InputError: the folder cannot be made or written to; a `WriteError` where the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        kind = WriteError if error.errno in NO_ROOM else InputError
        raise kind(f"cannot write to the folder {str(folder)!r}: {error.strerror}") from error


def read_rows(file: BinaryIO, rows: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Read rows of an array that a file holds, one after the other, each in one piece.

    A memory map would read them page by page: from a disk images of 155 kB take 32 % longer, while small ones that lie
    in 12 MB, which the system reads ahead as a whole, take a fifth of the time (`benchmarks/own_ways.py`, two cores, 5
    interleaved turns). And the pages that it has touched would count as the process's own memory.

    Args:
        file: the file, open for reading. Several threads may read from it at once.
        rows: integer array `(n,)`, the rows to read.
        shape: shape of a row.
        dtype: type of its values.

    Returns:
        NumPy array `(n, *shape)`.

    Raises:
        OSError: the file ends before a row does.

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
        if _read_at(file, int(row) * size, values.data) != size:
            raise OSError(errno.EIO, "the file ends within a row")
    return array


def _read_at(file: BinaryIO, position: int, into: memoryview) -> int:
    """Read from a position of a file, and return how many bytes there were."""
    if hasattr(os, "preadv"):
        done = 0
        into = into.cast("B")
        while done < len(into) and (read := os.preadv(file.fileno(), [into[done:]], position + done)):
            done += read
        return done
    with _reading:  # Windows has one position for all threads
        file.seek(position)
        return file.readinto(into)  # type: ignore[attr-defined]


@contextmanager
def exclusive_lock(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock a folder for this process until the block, or the process, has ended, by a file in it.

    Args:
        folder: the folder.
        wait: whether to wait until it is free.

    Raises:
        InputError: another process holds the lock.
        WriteError: the disk is full.

    Example:
    >>> folder = Path(tempfile.mkdtemp())
    >>> with exclusive_lock(folder):
    ...     try:
    ...         with exclusive_lock(folder):
    ...             pass
    ...     except InputError as error:
    ...         print(str(error).partition(" in ")[0])
    another process is at work
    """
    lock = filelock.FileLock(folder / LOCK)
    try:
        with writing(folder / LOCK):
            lock.acquire(blocking=wait)
    except filelock.Timeout as error:
        raise InputError(f"another process is at work in {str(folder)!r}; wait for its end, or end it") from error
    try:
        yield
    finally:
        with suppress(OSError):  # before it is free: nobody else has it open, but for those who are refused
            (folder / LOCK).unlink(missing_ok=True)
        lock.release()


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
        InputError: the folder cannot be made or written to; a `WriteError` where the disk is full.

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
    part = version.part
    try:
        with writing(folder), _locked(part):
            yield version
            part.chmod(0o755)  # mkdtemp makes it private; a server may run as another user
            version.folder = _renamed_to_next(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _locked(part: Path) -> Iterator[None]:
    """Lock an unfinished folder, by a file beside it, or raise `filelock.Timeout` if its writer does."""
    lock = filelock.FileLock(part.with_name(part.name + LOCK))
    with lock.acquire(blocking=False):
        try:
            yield
        finally:
            with suppress(OSError):
                Path(lock.lock_file).unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove the unfinished folders of killed writers, whose locks are free."""
    for part in folder.glob(f"{PART}*/"):
        # Before, its writer may not have locked it yet. And others may be removing it, too.
        with suppress(FileNotFoundError, filelock.Timeout):
            if _age(part) > GRACE_PERIOD:
                with _locked(part):
                    shutil.rmtree(part, ignore_errors=True)
    for lock in folder.glob(f"{PART}*{LOCK}"):
        with suppress(OSError):  # of a writer that was killed when its version was complete
            if not lock.with_name(lock.name.removesuffix(LOCK)).exists() and _age(lock) > GRACE_PERIOD:
                lock.unlink()


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def versions(folder: Path) -> list[int]:
    """Return the version numbers in a folder of exported models, ascending."""
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal())


def _renamed_to_next(part: Path, folder: Path) -> Path:
    number = max(versions(folder), default=0) + 1
    while True:
        target = folder / str(number)
        try:
            return _renamed(part.rename, target)
        except OSError:
            if not target.exists():
                raise
            number += 1  # another writer was first
