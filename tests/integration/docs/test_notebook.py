"""docs/course/course.ipynb runs in Jupyter's own kernel, at smoke size, from its first cell to its last.

As it is found by whoever opens it: beside nothing, without cnnzoo on PATH.
"""

import os
import re
import sys

import nbformat
import pytest

from tests import processes

sys.path.insert(0, str(processes.ROOT / "docs"))
import course_notebook
from walk import COURSE, parts

KERNEL = {"IPYTHONDIR": ".ipython", "PATH": os.defpath, "KERAS_BACKEND": None, "MPLBACKEND": None}


@pytest.fixture(scope="module")
def ran(tmp_path_factory, tfds_folder):
    """Return the code cells of the notebook after its run, and the folder in which it lies."""
    pytest.importorskip("ipykernel", reason="needs Jupyter's kernel (pip install ipykernel nbclient)")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient (pip install ipykernel nbclient)")
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.reads(course_notebook.notebook(smoke=True), as_version=4)
    place = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(notebook, timeout=processes.PATIENCE, kernel_name="python3", resources=place)
    client.execute(env=processes.environment(**KERNEL))
    return [cell for cell in notebook.cells if cell.cell_type == "code"], folder


def streamed(cell, name):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == name)


@pytest.mark.slow
def test_its_first_output_names_the_folder_that_everything_is_in(ran):
    cells, folder = ran
    assert streamed(cells[0], "stdout").startswith(f"All files of this notebook are in {folder / 'course-1'}, ")
    assert {path.name for path in folder.iterdir()} - {".ipython"} == {"course-1"}
    assert (folder / "course-1/runs/lenet5_mnist/1/metrics.json").is_file()


@pytest.mark.slow
def test_nothing_of_it_is_red(ran):
    cells, _ = ran
    assert {cell.source: streamed(cell, "stderr") for cell in cells if streamed(cell, "stderr")} == {}


@pytest.mark.slow
def test_every_command_ends_well_and_every_picture_is_shown(ran):
    cells, _ = ran
    found = [part for path in COURSE for part in parts(path.read_text("utf-8"))]
    blocks = [part for part in found if part.runs or "file" in part.said]
    for part, cell in zip(blocks, cells[1:], strict=True):
        types = {kind for output in cell.outputs for kind in output.get("data", ())}
        assert not part.picture or types & {"image/png", "image/svg+xml", "image/gif", "text/html"}, cell.source
        if part.kind == "console" and part.needs != "photographs":
            assert streamed(cell, "stdout"), cell.source
            assert not re.search(r"^cnnzoo: |No module named|Traceback", streamed(cell, "stdout"), re.MULTILINE)


def test_it_installs_from_the_repository_until_an_index_has_it(monkeypatch, tmp_path):
    released = tmp_path / "CHANGELOG.md"
    released.write_text("# Changelog\n\n## [0.2.0] - unreleased\n\n## [0.1.0] - 2026-01-31\n")
    unreleased = tmp_path / "before.md"
    unreleased.write_text("# Changelog\n\n## [0.1.0] - unreleased\n")
    project = tmp_path / "pyproject.toml"
    project.write_text('[project.urls]\nRepository = "https://example.org/cnnzoo"\n')
    monkeypatch.setattr(course_notebook, "PYPROJECT", project)
    for changes, source in ((unreleased, "git+https://example.org/cnnzoo"), (released, "cnnzoo")):
        monkeypatch.setattr(course_notebook, "CHANGELOG", changes)
        made = nbformat.reads(course_notebook.notebook(), as_version=4)
        assert any(f'SOURCE = "{source}"' in cell.source for cell in made.cells)
