"""Make docs/lecture.ipynb of docs/lecture.md: the same text and commands, for Jupyter and Colab.

    python docs/lecture_notebook.py
    python docs/lecture_notebook.py FILE --smoke  # elsewhere, with every training cut to seconds

A console block becomes a cell that runs cnnzoo by the notebook's own Python, wherever PATH leads, and a Python block
one that shows its picture instead of saving it. The notebook holds no outputs: what the document prints and shows comes
when its cells are run.
"""

import argparse
import re
import tomllib
from pathlib import Path

import nbformat
from walk import COURSE, SAVED, Part, parts

LECTURE = COURSE[0]
COMMAND = '!"{sys.executable}" -m cnnzoo'
NOTEBOOK = LECTURE.with_suffix(".ipynb")
SHOWN = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n*", re.MULTILINE)
PYPROJECT, CHANGELOG = LECTURE.parents[1] / "pyproject.toml", LECTURE.parents[1] / "CHANGELOG.md"
RELEASE = re.compile(r"^## \[?[\d.]+\]? - \d{4}-\d\d-\d\d", re.MULTILINE)
BEGINNING = """\
**Before you begin.** The next cell installs cnnzoo where this notebook runs, unless it is there. `SOURCE` is what
`pip install` fetches: it can be the path of a clone, or of a wheel that you have uploaded, too. The cell makes a new
folder beside this notebook for all that is trained and drawn, and prints its name."""
INSTALL = """\
import importlib.util
import itertools
import os
import sys
from pathlib import Path

SOURCE = "{source}"  # what `pip install` fetches where cnnzoo is not installed
if "folder" not in globals():  # one folder, however often this cell runs
    folder = next(path for number in itertools.count(1) if not (path := Path.cwd() / f"lecture-{{number}}").exists())
    folder.mkdir()
    os.chdir(folder)
print(f"All files of this notebook are in {{folder}}, its Python is {{sys.executable}}")
if importlib.util.find_spec("cnnzoo") is None:
    %pip install -q {{SOURCE}}
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from cnnzoo.runtime import start_tensorflow

start_tensorflow()  # without the messages of its start, which notebooks show in red"""


def source() -> str:
    """Return what `pip install` fetches: the package by its name, or before the first release the repository."""
    if RELEASE.search(CHANGELOG.read_text("utf-8")):
        return "cnnzoo"
    return "git+" + tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["urls"]["Repository"]


def notebook(text: str, *, smoke: bool = False) -> str:
    """Return the notebook of a document, as its file has it.

    Args:
        text: the document.
        smoke: whether every training is cut to seconds.
    """
    cells = [("markdown", BEGINNING), ("code", INSTALL.format(source=source()))]
    for part in parts(text):
        if part.kind == "markdown" and (prose := SHOWN.sub("", part.text).strip()):
            cells.append(("markdown", prose))
        elif part.runs:
            cells.append(("code", _code(part, smoke)))
    title = cells.index(("markdown", BEGINNING)) + 2
    cells.insert(0, cells.pop(title))  # the document's own beginning comes first
    made = nbformat.v4.new_notebook(
        cells=[
            (nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell)(source, id=f"{number}")
            for number, (kind, source) in enumerate(cells)
        ],
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    return nbformat.writes(made) + "\n"


def _code(part: Part, smoke: bool) -> str:
    """Return a block as a cell has it."""
    if part.kind == "python":
        return SAVED.sub(r"\1", part.text)
    lines = [
        f"{COMMAND}{line.removeprefix('cnnzoo')}{' --smoke' * (smoke and line.startswith('cnnzoo train'))}"
        for line in part.text.splitlines()
    ]
    if part.needs == "photographs":
        lines = ["# FOLDER is where your photographs lie.", *[f"# {line}" for line in lines]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=NOTEBOOK, help="notebook to write")
    parser.add_argument("--smoke", action="store_true", help="cut every training to seconds")
    options = parser.parse_args()
    options.file.write_text(notebook(LECTURE.read_text("utf-8"), smoke=options.smoke), "utf-8")


if __name__ == "__main__":
    main()
