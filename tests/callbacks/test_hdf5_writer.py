"""HDF5 on a disk that takes no more: the first failure is raised, and the process lives."""

import errno
import os

import h5py
import numpy as np
import pytest

from cnnzoo.callbacks.hdf5_writer import HDF5Writer


class Disk:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        taken = min(len(data), self._room - self._file.tell())
        if taken <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data[:taken])

    def truncate(self, size=None):
        if size is not None and size > self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.truncate(size)


def write(target, values):
    with h5py.File(target, "w") as file:
        for name, value in values.items():
            file[name] = value


VALUES = {f"layer/{number}": np.arange(100.0 * number) for number in range(5)}


def test_the_file_is_the_one_that_h5py_writes_itself(tmp_path):
    with HDF5Writer(tmp_path / "a.h5") as target:
        write(target, VALUES)
        with h5py.File(target, "r+") as file:
            file.attrs["epochs"] = 3
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["epochs"] == 3
        for name, value in VALUES.items():
            np.testing.assert_array_equal(file[name], value)


@pytest.mark.parametrize("room", [0, 1, 800, 2_048, 5_000])
def test_a_full_disk_is_an_error_at_the_end(tmp_path, room):
    target = HDF5Writer(tmp_path / "a.h5")
    target._file = Disk(target._file, room)
    with pytest.raises(OSError, match="No space left on device"), target:
        write(target, VALUES)
    with pytest.raises(OSError, match="No space left on device"):
        target.check()


def test_other_errors_come_as_they_are(tmp_path):
    with pytest.raises(KeyError, match="mine"), HDF5Writer(tmp_path / "a.h5"):
        raise KeyError("mine")
