"""Make docs/course/course.ipynb of the course's chapters: the same text and blocks, with what they print and draw.

    python docs/course_notebook.py --walked FOLDER  # FOLDER is where docs/walk.py ran the course: with its outputs
    python docs/course_notebook.py                  # keeps the outputs of cells that are as they were
    python docs/course_notebook.py FILE --smoke     # elsewhere, without outputs, with every training cut to seconds

Without FILE it also writes into docs/course/index.md how a hosted notebook opens it.
A console block becomes a cell that runs cnnzoo by the notebook's own Python, wherever PATH leads, and a Python block
one that shows its picture instead of saving it. A file becomes a cell that writes it, a solution a heading.
"""

import argparse
import base64
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import nbformat
from walk import COURSE, REPOSITORY, SAVED, Part, parts

COMMAND = '!"{sys.executable}" -m cnnzoo'
INDEX = REPOSITORY / "docs/course/index.md"
NOTEBOOK = INDEX.with_name("course.ipynb")
PICTURES = INDEX.with_name("pictures")
SHOWN = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n*", re.MULTILINE)
DROPDOWN = re.compile(r"^:::\{dropdown\} (.*)$", re.MULTILINE)
DIRECTIVE = re.compile(r"^```\{.*?^```\n?|^:::$", re.MULTILINE | re.DOTALL)
PYPROJECT, CHANGELOG = REPOSITORY / "pyproject.toml", REPOSITORY / "CHANGELOG.md"
RELEASE = re.compile(r"^## \[?[\d.]+\]? - \d{4}-\d\d-\d\d", re.MULTILINE)
LINES = 30  # of an output that are shipped
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
    folder = next(path for number in itertools.count(1) if not (path := Path.cwd() / f"course-{{number}}").exists())
    folder.mkdir()
    os.chdir(folder)
print(f"All files of this notebook are in {{folder}}, its Python is {{sys.executable}}")
if importlib.util.find_spec("cnnzoo") is None:
    %pip install -q {{SOURCE}}
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from cnnzoo.runtime import start_tensorflow

start_tensorflow()  # without the messages of its start, which notebooks show in red"""

Outputs = dict[str, list[dict[str, Any]]]  # of a cell, by its source


def source() -> str:
    """Return what `pip install` fetches: the package by its name, or before the first release the repository."""
    if RELEASE.search(CHANGELOG.read_text("utf-8")):
        return "cnnzoo"
    return "git+" + repository()


def repository() -> str:
    """Return the address of the repository."""
    return tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["urls"]["Repository"]


def hosted() -> str:
    """Return what the index says of hosted notebooks: a link, once the repository is on GitHub."""
    if found := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", repository()):
        notebook_file = NOTEBOOK.relative_to(REPOSITORY)
        return f"[Open it in Colab](https://colab.research.google.com/github/{found[1]}/blob/main/{notebook_file})."
    return "Once cnnzoo has an address on GitHub, a link here opens it in Colab by one click."


def with_hosted(text: str) -> str:
    """Return the index with its sentence about hosted notebooks, which stands below a comment."""
    return re.sub(r"(  <!-- hosted -->\n).*\n", lambda found: f"{found[1]}  {hosted()}\n", text)


def notebook(*, smoke: bool = False, outputs: Outputs | None = None) -> str:
    """Return the notebook of the course, as its file has it.

    Args:
        smoke: whether every training is cut to seconds.
        outputs: of cells, by their source.
    """
    index = parts(_without_ways(INDEX.read_text("utf-8")))
    cells = [("markdown", prose(index[0], INDEX)), ("markdown", BEGINNING)]
    cells.append(("code", INSTALL.format(source=source())))
    for path in COURSE:
        for part in parts(path.read_text("utf-8")):
            if part.kind == "markdown" and (text := prose(part, path)):
                cells.append(("markdown", text))
            elif part.runs or "file" in part.said:
                cells.append(("code", code(part, smoke)))
    made = []
    for number, (kind, text) in enumerate(cells):
        if kind == "markdown":
            made.append(nbformat.v4.new_markdown_cell(text, id=f"{number}"))
        else:
            shown = [nbformat.from_dict(output) for output in (outputs or {}).get(text, [])]
            made.append(nbformat.v4.new_code_cell(text, id=f"{number}", outputs=shown))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.writes(nbformat.v4.new_notebook(cells=made, metadata=metadata)) + "\n"


def _without_ways(text: str) -> str:
    """Return the index without what is said of other ways to work through the course."""
    return re.sub(r"^## Ways to work through it.*?(?=^## )", "", text, flags=re.MULTILINE | re.DOTALL)


def prose(part: Part, path: Path) -> str:
    """Return a text as a cell has it: without pictures and directives, with links that lead out of the notebook."""
    text = DIRECTIVE.sub("", DROPDOWN.sub(r"**\1**", SHOWN.sub("", part.text)))

    def linked(found: re.Match[str]) -> str:
        target = found[1]
        if "://" in target or target.startswith("#"):
            return found[0]
        file = (path.parent / target.partition("#")[0]).resolve()
        return f"]({repository()}/blob/main/{file.relative_to(REPOSITORY)})"

    return re.sub(r"(?<!!)\]\(([^)]+)\)", linked, text).strip()


def code(part: Part, smoke: bool) -> str:
    """Return a block as a cell has it."""
    if "file" in part.said:
        return f"%%writefile {part.said['file']}\n{part.text}"
    if part.kind == "python":
        return SAVED.sub(r"\1", part.text)
    lines = [
        f"{COMMAND}{line.removeprefix('cnnzoo')}{' --smoke' * (smoke and line.startswith('cnnzoo train'))}"
        for line in part.text.splitlines()
    ]
    if part.needs == "photographs":
        lines = ["# FOLDER is where your photographs lie.", *[f"# {line}" for line in lines]]
    return "\n".join(lines)


def walked(folder: Path) -> Outputs:
    """Return what the blocks of the course print and draw, as a walk left it in a folder."""
    done = {(each["document"], each["line"]): each for each in json.loads((folder / "walked.json").read_text("utf-8"))}
    outputs: Outputs = {}
    for path in COURSE:
        for part in parts(path.read_text("utf-8")):
            each = done.get((path.name, part.line))
            if not part.runs or each is None or each["left_out"]:
                continue
            cell = code(part, smoke=False)
            if printed := _printed(each.get("printed") or ""):
                outputs[cell] = [{"output_type": "stream", "name": "stdout", "text": printed}]
            if part.picture:
                kind, data = _shown(folder / "shown" / part.picture)
                alternative = each.get("alternative") or ""
                data_of = {kind: data, "text/plain": alternative}
                result = {"output_type": "display_data", "data": data_of, "metadata": {}}
                outputs.setdefault(cell, []).append(result)
    return outputs


def of_chapters() -> Outputs:
    """Return the pictures of the chapters, for cells of which no walk left any."""
    outputs: Outputs = {}
    for path in COURSE:
        text = path.read_text("utf-8")
        for part in parts(text):
            if part.picture:
                found = re.search(rf"!\[([^\]]*)\]\(pictures/{re.escape(part.picture)}\)", text)
                alternative = " ".join(found[1].split()) if found else ""
                content = (PICTURES / part.picture).read_bytes()
                svg = part.picture.endswith(".svg")
                kind = "image/svg+xml" if svg else f"image/{part.picture.rpartition('.')[2]}"
                data = {
                    kind: content.decode() if svg else base64.b64encode(content).decode(),
                    "text/plain": alternative,
                }
                result = {"output_type": "display_data", "data": data, "metadata": {}}
                outputs[code(part, smoke=False)] = [result]
    return outputs


def kept() -> Outputs:
    """Return the outputs of the notebook that is there."""
    if not NOTEBOOK.is_file():
        return {}
    made = nbformat.read(NOTEBOOK, as_version=4)
    return {cell.source: cell.outputs for cell in made.cells if cell.cell_type == "code" and cell.outputs}


def _printed(text: str) -> str:
    """Return what a block printed, without the walk's own lines, and cut where it is long."""
    lines = [line for line in text.splitlines() if not re.match(r"\w+\.md, line \d+: |.* is kept$", line)]
    lines = [re.sub(r"/\S*/(runs|report)/", r"\1/", line) for line in lines]
    if len(lines) > LINES:
        lines = [*lines[: LINES // 2], "…", *lines[-LINES // 2 :]]
    return "".join(f"{line}\n" for line in lines)


def _shown(path: Path) -> tuple[str, str]:
    """Return a picture as a notebook holds it: its kind, and its bytes in base 64."""
    path = path if path.suffix == ".gif" else path.with_suffix(".png")
    return f"image/{path.suffix[1:]}", base64.b64encode(path.read_bytes()).decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=NOTEBOOK, help="notebook to write")
    parser.add_argument("--smoke", action="store_true", help="cut every training to seconds")
    parser.add_argument("--walked", type=Path, action="append", help="folder of a walk, whose outputs are shown")
    options = parser.parse_args()
    outputs = {} if options.smoke else of_chapters() | kept()
    for folder in options.walked or []:
        outputs |= walked(folder)
    if options.file == NOTEBOOK:
        INDEX.write_text(with_hosted(INDEX.read_text("utf-8")), "utf-8")
    options.file.write_text(notebook(smoke=options.smoke, outputs=outputs), "utf-8")


if __name__ == "__main__":
    main()
