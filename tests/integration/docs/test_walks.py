"""The site's pages by hand: each is walked in a process of its own, in a new folder, as a reader does it.

What blocks print is compared with the text block below them by the walk itself (docs/walk.py), here at full size: the
documents use little data. The README and some older pages are run block by block instead (test_python_blocks.py).
"""

import json
import re

import pytest

from tests import processes
from tests.integration.docs.blocks import ALL, ROOT, WALKED, WRITTEN
from tests.tiers import cases

TITLE = re.compile(r"^# \S", re.MULTILINE)
LINK = re.compile(r"\]\(([^()\s]+)\)")
# Pages whose commands take more than twenty seconds; the first that a reader meets is walked with the quick ones.
LONG = {
    "docs/concepts/reproducibility.md", "docs/help/troubleshooting.md", "docs/how_to/anomalies.md",
    "docs/how_to/augment.md", "docs/how_to/compare_runs.md", "docs/how_to/export.md", "docs/how_to/fine_tune.md",
    "docs/how_to/large_data.md", "docs/how_to/migrate.md", "docs/how_to/recipe.md", "docs/how_to/resume.md",
    "docs/how_to/study.md", "docs/how_to/variational.md", "docs/install.md", "docs/tutorials/deep_net.md",
    "docs/tutorials/devices.md", "docs/tutorials/layers.md", "docs/tutorials/photographs.md",
    "docs/tutorials/recipe.md", "docs/tutorials/serve.md", "docs/tutorials/study.md",
}  # fmt: skip
MOST_LINES = 250  # of one page
LOOKED_UP = {"docs/reference/glossary.md", "docs/help/troubleshooting.md", "docs/how_to/migrate.md"}  # may be longer


def in_processes_of_their_own(document):
    """Return whether a document splits the CPU, which can be done only before TensorFlow starts."""
    return any("--logical-cpus" in part.text for part in ALL[document] if part.runs)


@pytest.mark.parametrize("document", cases(WALKED, LONG))
def test_a_reader_sees_what_the_page_says(document, tmp_path):
    options = [] if in_processes_of_their_own(document) else ["--one-process"]
    ended = processes.run([ROOT / "docs" / "walk.py", tmp_path, ROOT / document, *options], cwd=tmp_path)
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    done = json.loads((tmp_path / "walked.json").read_text("utf-8"))
    assert [each["line"] for each in done] == [part.line for part in ALL[document] if part.runs]
    reasons = {each["left_out"] for each in done} - {None}
    assert all(re.search("there is no|is not installed", reason) for reason in reasons)


def test_servers_of_pages_have_ports_of_their_own():
    """So that pages can be walked at the same time."""
    ports = [
        words.partition("--port ")[2].split(" ")[0] or "8080"
        for document in WALKED
        for part in ALL[document]
        if part.runs
        for words in part.text.splitlines()
        if words.startswith("cnnzoo serve")
    ]
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("document", sorted(ALL))
def test_a_page_is_one_page(document):
    text = (ROOT / document).read_text("utf-8")
    without_code = "\n".join(part.text for part in ALL[document] if part.kind == "markdown")
    assert len(TITLE.findall(without_code)) == 1
    assert len(text.splitlines()) <= MOST_LINES or document in LOOKED_UP
    for target in LINK.findall(without_code):
        path = target.partition("#")[0]
        generated = re.search(r"(^|/)(api|commands|models)/|recipe_keys\.md|weights\.md", path)
        if path and "://" not in path and not generated:
            assert ((ROOT / document).parent / path).exists(), target


def test_every_page_is_in_a_table_of_contents():
    """A page that no `toctree` names would be on the site, and nobody would find it."""
    listed = {ROOT / "docs" / "index.md"}
    for document, found in ALL.items():
        for part in found:
            if part.kind == "{toctree}":
                names = [line for line in part.text.splitlines() if line and not line.startswith(":")]
                listed |= {((ROOT / document).parent / f"{name}.md").resolve() for name in names}
    assert {path.relative_to(ROOT).as_posix() for path in set(WRITTEN) - listed} == set()
