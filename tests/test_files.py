"""Atomic writes of files and of numbered folders."""

import os
import stat

import pytest

from cnnzoo.errors import InputError
from cnnzoo.files import atomic_write, make_folder, next_version, versions, write_json


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
    with next_version(tmp_path) as first:
        os.utime(first.part, (0, 0))  # it is being written for a long time
        with next_version(tmp_path) as second:
            pass
        assert first.part.is_dir()
    assert (first.folder.name, second.folder.name) == ("2", "1")
    assert not any(folder.exists() for folder in abandoned)
    assert all(folder.exists() for folder in recent)
