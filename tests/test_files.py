"""Atomic writes of files and of numbered folders."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnnzoo.errors import InputError, WriteError
from cnnzoo.files import atomic_write, make_folder, next_version, read_rows, versions, write_json


def test_a_file_is_written_atomically(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_half():
        with atomic_write(path) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    with atomic_write(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_json_that_cannot_be_serialized_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": 1\n}\n'


def test_versions_are_the_integers_in_a_folder(tmp_path):
    for name in ("1", "12", "3", ".part-x", "latest"):
        (tmp_path / name).mkdir()
    assert versions(tmp_path) == [1, 3, 12]
    with next_version(tmp_path) as version:
        (version.part / "model").write_text("")
        assert versions(tmp_path) == [1, 3, 12]
    assert version.folder == tmp_path / "13"
    assert stat.S_IMODE(version.folder.stat().st_mode) == 0o755


def test_a_failed_version_leaves_no_files(tmp_path):
    def write_half():
        with next_version(tmp_path / "models") as version:
            (version.part / "model").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert list((tmp_path / "models").iterdir()) == []


def test_a_folder_that_cannot_be_made_raises(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to the folder"):
        make_folder(tmp_path / "file" / "folder")


def test_abandoned_versions_are_removed_and_unfinished_ones_are_kept(tmp_path):
    abandoned, recent = (
        [tmp_path / f".part-abandoned{n}" for n in range(9)],
        [tmp_path / f".part-recent{n}" for n in range(9)],
    )
    for pair in zip(abandoned, recent, strict=True):  # in any order of the file system
        for folder in pair:
            folder.mkdir()
            (folder / "model").write_text("half")
        os.utime(pair[0], (0, 0))
    (tmp_path / ".part-complete.lock").touch()
    os.utime(tmp_path / ".part-complete.lock", (0, 0))
    with next_version(tmp_path) as first:
        os.utime(first.part, (0, 0))  # it is being written for a long time
        with next_version(tmp_path) as second:
            pass
        assert first.part.is_dir()
    assert (first.folder.name, second.folder.name) == ("2", "1")
    assert not any(folder.exists() for folder in abandoned)
    assert all(folder.exists() for folder in recent)
    assert not list(tmp_path.glob("*.lock"))


@pytest.mark.parametrize("kind", ["text", "JSON", "version"])
def test_a_full_disk_is_named_and_what_was_there_is_kept(tmp_path, kind):
    """A file-size limit stands for the disk; it is the process' own, and is put back."""
    resource = pytest.importorskip("resource", reason="this system limits no file's size")
    path = tmp_path / "a.json"
    path.write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(
            WriteError, match=r"cannot write .*: File too large; what was there before is kept"
        ) as caught:
            write(kind, path, tmp_path / "versions")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.exit_code == 1
    assert path.read_text() == "before"
    assert {entry.name for entry in tmp_path.iterdir()} <= {"a.json", "versions"}
    assert not list(tmp_path.glob("versions/*"))


def write(kind, path, folder):
    if kind == "JSON":
        write_json(path, {"value": 12_345_678})
    elif kind == "text":
        with atomic_write(path) as part:
            part.write_text("longer than ten bytes")
    else:
        with next_version(folder) as version:
            (version.part / "model").write_text("longer than ten bytes")


def test_errors_that_are_not_of_the_disk_come_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "a"):
        (tmp_path / "none" / "b").read_text()


@pytest.mark.parametrize("positions", [True, False], ids=["as on Linux", "as on Windows"])
def test_rows_are_read_by_threads_at_once(tmp_path, monkeypatch, positions):
    if not positions:
        monkeypatch.delattr(os, "preadv")
    values = np.arange(4000, dtype="float32").reshape(1000, 2, 2)
    values.tofile(tmp_path / "rows")
    with (tmp_path / "rows").open("rb") as file, ThreadPoolExecutor(8) as pool:
        chosen = np.random.default_rng(0).integers(0, 1000, (200, 5))
        for rows, read in zip(
            chosen, pool.map(lambda rows: read_rows(file, rows, (2, 2), "float32"), chosen), strict=True
        ):
            np.testing.assert_array_equal(read, values[rows])
        with pytest.raises(OSError, match="the file ends within a row"):
            read_rows(file, [1000], (2, 2), "float32")
