"""A file for HDF5 on a disk that may be full."""

import io
from pathlib import Path
from typing import Any, Self


class HDF5Writer(io.BytesIO):
    """A file on disk that HDF5 writes to and hears of no failure: it would kill the process as it closes the file.

    The first failure is raised by `check`, and at the end of the block. Where the disk has taken nothing, HDF5 reads
    zeros. It is a `BytesIO` since Keras writes weights to a path or to one of those; its text is the path, by whose
    suffix Keras knows what to write.

    Args:
        path: the new file.

    Raises:
        OSError: the disk has not taken what was written.

    Example:
    >>> import h5py, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.h5"
    >>> with HDF5Writer(path) as target, h5py.File(target, "w") as file:
    ...     file.attrs["epochs"] = 3
    >>> int(h5py.File(path).attrs["epochs"])
    3
    """

    def __init__(self, path: Path):
        super().__init__()
        self._path = path
        self._file = path.open("w+b", buffering=0)
        self._failure: OSError | None = None

    def __str__(self) -> str:
        return str(self._path)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.close()
        if self._failure is not None and (error is None or isinstance(error, OSError)):
            raise self._failure

    def __enter__(self) -> Self:
        return self

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self._failure is not None:
            raise self._failure

    def write(self, data: Any) -> int:
        """Write all bytes of a buffer, or keep why the disk does not take them."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while len(rest):
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._failure = self._failure or error
            self._file.seek(len(rest), io.SEEK_CUR)
        return size

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, with zeros where the file has ended."""
        view = memoryview(buffer).cast("B")
        found = self._file.readinto(view) or 0
        view[found:] = bytes(len(view) - found)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the file, or keep why the disk does not give it."""
        try:
            return self._file.truncate(size)
        except OSError as error:
            self._failure = self._failure or error
            return self.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        pass  # nothing is held back

    def close(self) -> None:
        self._file.close()
        super().close()
