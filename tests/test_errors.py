"""What is to be installed is said as pip knows it: by the note that it leaves beside an installed package (PEP 610)."""

import json

import pytest

from cnnzoo.errors import install_command


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs an empty cnnzoo in front of this one, from where a note says."""

    def install(note):
        folder = tmp_path / "cnnzoo-9.9.9.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.4\nName: cnnzoo\nVersion: 9.9.9\n")
        if note is not None:
            (folder / "direct_url.json").write_text(json.dumps(note))
        monkeypatch.syspath_prepend(tmp_path)

    return install


@pytest.mark.parametrize(
    ("note", "command"),
    [
        (None, 'pip install "cnnzoo[serve]"'),
        ({"url": "file:///a%20b/cnnzoo", "dir_info": {"editable": True}}, 'pip install -e "/a b/cnnzoo[serve]"'),
        ({"url": "file:///cnnzoo", "dir_info": {}}, 'pip install "/cnnzoo[serve]"'),
        (
            {"url": "file:///cnnzoo-9.9.9-py3-none-any.whl", "archive_info": {}},
            'pip install "cnnzoo[serve] @ file:///cnnzoo-9.9.9-py3-none-any.whl"',
        ),
        (
            {"url": "https://example.org/cnnzoo", "vcs_info": {"vcs": "git", "commit_id": "a1b2"}},
            'pip install "cnnzoo[serve] @ git+https://example.org/cnnzoo@a1b2"',
        ),
    ],
)
def test_an_extra_is_installed_from_where_the_package_came(installed, note, command):
    installed(note)
    assert install_command("serve") == command
