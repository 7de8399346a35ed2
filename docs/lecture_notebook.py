"""Make docs/lecture.ipynb of docs/lecture.md: the same text and commands, for Jupyter and Colab.

    python docs/lecture_notebook.py
    python docs/lecture_notebook.py FILE --smoke  # elsewhere, with every training cut to seconds

A console block becomes a cell with `!cnnzoo …`, and a Python block one that shows its picture instead of saving it.
The notebook holds no outputs: what the document prints and shows comes when its cells are run.
"""

import argparse
import re
from pathlib import Path

import nbformat
from walk import COURSE, SAVED, Part, parts

LECTURE = COURSE[0]
NOTEBOOK = LECTURE.with_suffix(".ipynb")
SHOWN = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n*", re.MULTILINE)
BEGINNING = """\
**Before you begin.** cnnzoo must be installed where this notebook runs: `pip install -e .` in a clone of it. On Colab,
or wherever it is not there yet, write into the next cell what `pip install` is to fetch: the address of the repository,
as `git+https://…`, or the path of a wheel that you have uploaded. All runs go into a new folder."""
INSTALL = """\
import importlib.util
import os
import tempfile

SOURCE = ""  # what `pip install` is to fetch where cnnzoo is not installed
if importlib.util.find_spec("cnnzoo") is None:
    assert SOURCE, "cnnzoo is not installed: write into SOURCE where pip finds it"
    %pip install -q {SOURCE}
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.chdir(tempfile.mkdtemp(prefix="lecture-"))"""


def notebook(text: str, *, smoke: bool = False) -> str:
    """Return the notebook of a document, as its file has it.

    Args:
        text: the document.
        smoke: whether every training is cut to seconds.
    """
    cells = [("markdown", BEGINNING), ("code", INSTALL)]
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
        f"!{line} --smoke" if smoke and line.startswith("cnnzoo train") else f"!{line}"
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
