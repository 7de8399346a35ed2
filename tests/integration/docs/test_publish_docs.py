"""`.github/publish_docs.py` adds a version of the site, and lists all versions."""

import importlib.util
import json

import pytest

from tests.processes import ROOT

ADDRESS = "https://docs.invalid/cnnzoo"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("publish_docs", ROOT / ".github/publish_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_site(folder, words):
    folder.mkdir()
    (folder / "index.html").write_text(words)
    return folder


def listed(pages):
    return [(each["name"], each["url"]) for each in json.loads((pages / "switcher.json").read_text())]


def test_versions_are_kept_and_listed_and_the_newest_release_is_the_front(script, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    script.publish(write_site(tmp_path / "a", "of main"), pages, "latest", ADDRESS)
    assert listed(pages) == [("latest", f"{ADDRESS}/latest/")]
    assert 'href="latest/"' in (pages / "index.html").read_text()
    for version in ("0.9.0", "0.10.0"):
        script.publish(write_site(tmp_path / version, version), pages, version, ADDRESS)
    script.publish(write_site(tmp_path / "b", "of main, later"), pages, "latest", ADDRESS)
    assert listed(pages) == [
        ("latest", f"{ADDRESS}/latest/"),
        ("0.10.0 (stable)", f"{ADDRESS}/0.10.0/"),
        ("0.9.0", f"{ADDRESS}/0.9.0/"),
    ]
    assert 'href="0.10.0/"' in (pages / "index.html").read_text()
    assert (pages / "latest/index.html").read_text() == "of main, later"
    assert (pages / "0.9.0/index.html").read_text() == "0.9.0"


def test_a_version_of_another_form_is_refused(script, tmp_path):
    with pytest.raises(SystemExit, match=r"Received: '\.\./evil'"):
        script.publish(tmp_path, tmp_path, "../evil", ADDRESS)
