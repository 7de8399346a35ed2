"""The folder of models: what a file system may hold never stops the models that are right."""

import os
import socket

import pytest

from cnnzoo.errors import InputError
from cnnzoo.serving.server import repository
from cnnzoo.serving.server.repository import Repository


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    """Load no model: a version is one if its `saved_model.pb` says "good"."""
    folders = []

    class Stub:
        def __init__(self, number, folder):
            folders.append(folder)
            self.number = number
            if (folder / "saved_model.pb").read_text() != "good":
                raise InputError("no model")

    monkeypatch.setattr(repository, "Version", Stub)
    return folders


def version(folder, content="good"):
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(content)
    return folder


def served(models):
    return {name: sorted(model.versions) for name, model in models.models.items()}


@pytest.fixture
def folder(tmp_path):
    version(tmp_path / "models" / "net" / "1")
    return tmp_path / "models"


def a_pipe(path):
    os.mkfifo(path)


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as bound:
        os.chdir(path.parent)  # a socket's path is short
        bound.bind(path.name)


ODD = {
    "file": lambda path: path.write_text("x"),
    "pipe": a_pipe,
    "socket": a_socket,
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "empty folder": lambda path: path.mkdir(),
    "link to its folder": lambda path: path.symlink_to(path.parent),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders, and few links")
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
@pytest.mark.parametrize("place", ["other", "net/2", "net/09", "net/x", "net/1/x", "net/1/variables", "other/1"])
def test_odd_entries_stop_no_other_model(folder, make, place, monkeypatch):
    monkeypatch.chdir(folder)  # back after a socket
    version(folder / "late" / "1")
    models = Repository(folder)
    models.scan()
    (folder / place).parent.mkdir(exist_ok=True)
    make(folder / place)
    version(folder / "late" / "2")
    models.scan()
    assert served(models)["late"] == [2]
    assert served(models)["net"] == [1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders, and few links")
@pytest.mark.parametrize("make", [ODD["pipe"], ODD["socket"], ODD["link to a device"], ODD["link to nowhere"]])
@pytest.mark.parametrize("place", ["saved_model.pb", "variables/variables.index", "assets.extra/card.json"])
def test_a_version_with_a_pipe_is_not_opened(folder, make, place, loaded, monkeypatch, caplog):
    """Reading of a pipe waits for a writer, and of a device ends never."""
    monkeypatch.chdir(folder)
    (version(folder / "net" / "2") / place).unlink(missing_ok=True)
    (folder / "net" / "2" / place).parent.mkdir(exist_ok=True)
    make(folder / "net" / "2" / place)
    models = Repository(folder)
    models.scan()
    models.scan()
    assert served(models) == {"net": [1]}
    assert loaded == [folder / "net" / "1"]
    assert "is neither a file nor a folder" in models.models["net"].errors[2] or "cannot be read" in caplog.text
    assert caplog.text.count("version 2 failed to load") == 1


def test_a_version_09_is_9_as_in_tensorflow_serving(folder):
    version(folder / "net" / "09")
    models = Repository(folder)
    models.scan()
    assert served(models) == {"net": [9]}
    version(folder / "net" / "10")
    models.scan()
    assert served(models) == {"net": [10]}


def test_of_9_and_09_the_plain_one_is_served(folder):
    version(folder / "net" / "09", "bad")
    version(folder / "net" / "9")
    models = Repository(folder)
    models.scan()
    assert served(models) == {"net": [9]}


@pytest.mark.parametrize("name", ["²", "٣", "-1", "1.0", "1 ", "0x1", "v1"])
def test_other_names_are_no_versions(folder, name):
    version(folder / "net" / name)
    version(folder / "other" / name)
    models = Repository(folder)
    models.scan()
    assert served(models) == {"net": [1]}


@pytest.mark.parametrize("name", [".hidden", "a\nb", "a\x1b[31m", os.fsdecode(b"d\xff\xfeg")])
def test_a_name_that_is_none_for_an_address_is_passed_over(folder, name):
    version(folder / name / "1")
    models = Repository(folder)
    models.scan()
    assert served(models) == {"net": [1]}


def test_a_folder_that_cannot_be_read_is_said_once_and_keeps_its_versions(folder, caplog, monkeypatch):
    version(folder / "other" / "1")
    models = Repository(folder)
    models.scan()
    version(folder / "net" / "2")
    real = repository._version_folders

    def denied(path):  # not by its mode, which root may ignore
        if path.name in ("other", "new"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (folder / "new").mkdir()
    monkeypatch.setattr(repository, "_version_folders", denied)
    models.scan()
    models.scan()
    assert served(models) == {"net": [2], "other": [1]}
    assert caplog.text.count("cannot be read: Permission denied") == 2
    monkeypatch.undo()
    models.scan()
    assert served(models) == {"net": [2], "other": [1]}


def test_a_model_that_vanishes_while_it_is_looked_at_stops_no_other(folder, monkeypatch, caplog):
    version(folder / "a" / "1")
    models = Repository(folder)
    real = repository._last_change

    def vanishing(path):
        if path.parent.name == "a":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return real(path)

    monkeypatch.setattr(repository, "_last_change", vanishing)
    models.scan()
    assert served(models) == {"net": [1]}
    monkeypatch.undo()
    monkeypatch.setattr(repository, "Version", lambda number, folder: f"version {number}")
    models.scan()
    assert served(models) == {"a": [1], "net": [1]}


def test_if_the_models_folder_is_away_for_a_while_all_models_stay(folder, caplog):
    models = Repository(folder)
    models.scan()
    folder.rename(folder.with_name("away"))
    models.scan()
    models.scan()
    assert served(models) == {"net": [1]}
    assert caplog.text.count("cannot be read: No such file or directory") == 1
    folder.with_name("away").rename(folder)
    version(folder / "net" / "2")
    models.scan()
    assert served(models) == {"net": [2]}


def test_a_broken_version_leaves_the_old_one_and_is_tried_again_when_it_changes(folder, loaded):
    models = Repository(folder)
    models.scan()
    version(folder / "net" / "2", "bad")
    for _ in range(3):
        models.scan()
    assert served(models) == {"net": [1]}
    assert models.models["net"].errors == {2: "no model"}
    assert loaded.count(folder / "net" / "2") == 1
    (folder / "net" / "2" / "saved_model.pb").write_text("good")
    os.utime(folder / "net" / "2" / "saved_model.pb", ns=(1, 2**62))
    models.scan()
    assert served(models) == {"net": [2]}
    assert models.models["net"].errors == {}


def test_a_model_none_of_whose_versions_loads_is_there_without_one(folder):
    version(folder / "broken" / "1", "bad")
    models = Repository(folder)
    models.scan()
    assert served(models) == {"broken": [], "net": [1]}
    assert models.models["broken"].errors == {1: "no model"}


def test_one_models_folder_is_served_by_its_name(folder):
    models = Repository(folder / "net")
    models.scan()
    assert served(models) == {"net": [1]}


def test_several_versions_are_served_and_old_ones_removed(folder):
    for number in (2, 3):
        version(folder / "net" / str(number))
    models = Repository(folder, versions=2)
    models.scan()
    assert served(models) == {"net": [2, 3]}
    version(folder / "net" / "4")
    models.scan()
    assert served(models) == {"net": [3, 4]}
