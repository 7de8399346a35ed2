"""What is said in several files is the same in all of them, and CHANGELOG.md has the form of Keep a Changelog."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import cnnzoo

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
CHANGES = (ROOT / "CHANGELOG.md").read_text("utf-8")
RELEASED = re.search(r"^## \[[\d.]+\] - \d{4}-", CHANGES, re.MULTILINE) is not None
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").iterdir()]


def test_the_repositorys_address_is_one():
    addresses = PROJECT["urls"]
    assert all(address.startswith(addresses["Repository"]) for address in addresses.values())
    assert CITATION["repository-code"] == addresses["Repository"]
    for path in addresses.values():
        _, tree, name = path.removeprefix(addresses["Repository"]).rpartition("/main/")
        assert not tree or (ROOT / name).exists()


def test_the_citation_is_that_of_the_package():
    assert CITATION["version"] == cnnzoo.__version__
    assert CITATION["license"] == PROJECT["license"]
    assert CITATION["title"].removeprefix("cnnzoo: the ") in PROJECT["description"]


def test_python_versions_are_the_same_everywhere():
    lowest, highest = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    expected = [f"3.{minor}" for minor in range(int(lowest), int(highest))]
    classified = [re.search(r":: (3\.\d+)$", classifier) for classifier in PROJECT["classifiers"]]
    assert [found[1] for found in classified if found] == expected
    for workflow, job in (("tests", "unit"), ("release", "try")):
        jobs = yaml.safe_load((ROOT / f".github/workflows/{workflow}.yml").read_text("utf-8"))["jobs"]
        assert jobs[job]["strategy"]["matrix"]["python"] == expected
        assert {system.partition("-")[0] for system in jobs[job]["strategy"]["matrix"]["os"]} == {
            "ubuntu",
            "windows",
            "macos",
        }
    assert f"Needs Python {expected[0]} to {expected[-1]}" in (ROOT / "README.md").read_text("utf-8")


def test_sessions_that_workflows_start_are_there():
    tests, nightly = ((ROOT / f".github/workflows/{name}.yml").read_text("utf-8") for name in ("tests", "nightly"))
    sessions = {row["session"] for row in yaml.safe_load(tests)["jobs"]["versions"]["strategy"]["matrix"]["include"]}
    sessions |= {*re.findall(r"nox --session (\w+)", nightly)}
    assert sessions == {"lowest", "highest", "nightly"}
    noxfile = (ROOT / "noxfile.py").read_text("utf-8")
    assert {name for name in sessions if re.search(rf"^def {name}\(", noxfile, re.MULTILINE)} == sessions


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_install_from_where_the_package_is(path):
    """Before the first release, no index has it: who asks one by the name gets nothing, or a stranger's package."""
    if path.is_file() and not RELEASED:
        text = path.read_text("utf-8").replace("--no-index --find-links wheels", "")  # which asks no index
        assert not re.search(r"pip install (?:-\S+ )*['\"]?cnnzoo", text)


def test_changes_are_grouped_by_version_and_kind():
    versions = re.findall(r"^## (.*)$", CHANGES, re.MULTILINE)
    assert versions
    for heading in versions:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - (?:\d{4}-\d\d-\d\d|unreleased)", heading), heading
    assert versions[0].startswith(f"[{cnnzoo.__version__}]")
    for section in re.split(r"^## .*$", CHANGES, flags=re.MULTILINE)[1:]:
        head, *groups = re.split(r"^### (.*)$", section, flags=re.MULTILINE)
        assert head.strip() == ""
        kinds = groups[::2]
        assert kinds == [kind for kind in KINDS if kind in kinds]
        assert all(re.match(r"\s*- ", entries) for entries in groups[1::2])
