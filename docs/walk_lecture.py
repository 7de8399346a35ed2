"""Run every command of docs/lecture.md, in their order, as a reader does.

    python docs/walk_lecture.py FOLDER                       # in a new folder: half an hour on two cores
    python docs/walk_lecture.py FOLDER --smoke               # every training cut to seconds
    python docs/walk_lecture.py FOLDER --keep --pictures docs/lecture

A console block holds commands of cnnzoo and goes through no shell; all Python blocks share their names. A block below
`<!-- needs: mnist -->` is left out where TFDS has no MNIST yet, and one below `<!-- needs: photographs -->` without
`--photographs`, each with its reason. A text block must be what the block above it prints, line by line. Pictures are
written into FOLDER, those in SVG so that they read on dark pages, too; `walked.json` says what was done.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import os
import re
import shlex
import shutil
import subprocess  # `cnnzoo` alone, and without a shell
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

REPOSITORY = Path(__file__).parents[1]
LECTURE = REPOSITORY / "docs/lecture.md"
SAVED = re.compile(r'^(picture|animation)\.save(?:fig)?\("([^"]+)".*\)$', re.MULTILINE)
NEEDS = re.compile(r"<!-- needs: (\w+) -->")


@dataclasses.dataclass(frozen=True)
class Part:
    """A stretch of the document.

    Attributes:
        kind: `"markdown"`, or the language of a fenced block.
        text: its lines, without the fence.
        line: number of its first line in the document.
        needs: `"mnist"` or `"photographs"`, where the document says so above the block.
    """

    kind: str
    text: str
    line: int
    needs: str = ""

    @property
    def runs(self) -> bool:
        """Whether there is something to run."""
        return self.kind in ("console", "python")

    @property
    def picture(self) -> str | None:
        """The file that the block writes its picture into."""
        found = SAVED.search(self.text) if self.kind == "python" else None
        return found[2] if found else None


def parts(text: str) -> list[Part]:
    """Cut a Markdown document into its fenced blocks and what stands between them."""
    found: list[Part] = []
    needs, kind, begin, lines = "", "markdown", 1, list[str]()

    def close(following: str, number: int) -> None:
        nonlocal needs, kind, begin, lines
        body = "\n".join(lines).strip("\n")
        if body.strip() or kind != "markdown":
            found.append(Part(kind, body, begin, needs if kind != "markdown" else ""))
        needs, kind, begin, lines = needs if kind == "markdown" else "", following, number + 1, []

    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            close(line[3:].strip() if kind == "markdown" else "markdown", number)
        elif kind == "markdown" and (marked := NEEDS.fullmatch(line)):
            needs = marked[1]
        else:
            lines.append(line)
    close("markdown", 0)
    return found


class Walk:
    """The way through the document in one folder, which is the working folder.

    Args:
        smoke: whether trainings are cut to seconds.
        keep: whether what was trained in the folder before is not trained again.
        one_process: whether `cnnzoo` runs in this process, which spares TensorFlow's starts.
        photographs: a folder of photographs, as `cnnzoo train alexnet_photos` takes it.
        pictures: folder to copy the pictures to.
    """

    def __init__(self, *, smoke: bool, keep: bool, one_process: bool, photographs: Path | None, pictures: Path | None):
        self.smoke, self.keep, self.one_process = smoke, keep, one_process
        self.photographs, self.pictures = photographs, pictures
        self.names: dict[str, Any] = {"__name__": "__lecture__"}
        self.done: list[dict[str, Any]] = []

    def through(self, document: list[Part]) -> None:
        """Run all blocks, and compare what they print with the document's text blocks."""
        printed: str | None = None
        for part in document:
            if part.kind == "text":
                _compare(part, printed)
            if not part.runs:
                continue
            reason, started, printed = self.missing(part), time.perf_counter(), None
            if reason:
                print(f"line {part.line}: left out: {reason}", flush=True)
            else:
                with _heard() as heard:
                    self.console(part) if part.kind == "console" else self.python(part)
                printed = heard.getvalue()
            seconds = round(time.perf_counter() - started, 1)
            self.done.append({"line": part.line, "kind": part.kind, "seconds": seconds, "left_out": reason})
            if part.picture and not reason:
                self.done[-1] |= {"picture": part.picture, "alternative": self.drawn(part)}

    def missing(self, part: Part) -> str | None:
        """Return why a block cannot be run, or `None`."""
        if part.needs == "mnist":
            folder = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
            return None if (folder / "mnist").is_dir() else f"there is no MNIST in {folder}"
        if part.needs == "photographs":
            return None if self.photographs else "no folder of photographs was given"
        return f"unknown need {part.needs!r}" if part.needs else None

    def console(self, part: Part) -> None:
        """Run each line of a console block."""
        for line in part.text.splitlines():
            words = shlex.split(line, comments=True)
            if not words:
                continue
            if words[0] != "cnnzoo":
                raise SystemExit(f"line {part.line}: a console block holds commands of cnnzoo only, not {line!r}")
            self.command([word.replace("FOLDER", str(self.photographs)) for word in words[1:]], part)

    def command(self, words: list[str], part: Part) -> None:
        """Run one command of cnnzoo."""
        print(f"line {part.line}: cnnzoo {shlex.join(words)}", flush=True)
        if words[0] == "train":
            into = words[words.index("--workdir") + 1] if "--workdir" in words else f"runs/{words[1]}/1"
            if self.keep and Path(into, "metrics.json").is_file():
                print(f"{into} is kept")
                return
            words = words + ["--smoke"] * self.smoke
        code = _within(words) if self.one_process else _beside(words)
        if code:
            raise SystemExit(f"line {part.line}: cnnzoo {shlex.join(words)} ended with {code}")

    def python(self, part: Part) -> None:
        """Run a Python block, with the names of those before."""
        print(f"line {part.line}: {part.text.partition(chr(10))[0]} …", flush=True)
        exec(compile("\n" * (part.line - 1) + part.text, LECTURE, "exec"), self.names)  # noqa: S102 (the document)

    def drawn(self, part: Part) -> str:
        """Make a saved picture legible on dark pages, or smaller, and return its alternative text."""
        from PIL import Image

        from cnnzoo.reports.page import svg

        assert part.picture is not None
        path = Path(part.picture)
        found = SAVED.search(part.text)
        assert found is not None
        picture = self.names[found[1]]
        if path.suffix == ".svg":
            path.write_bytes(svg(picture))
        elif path.suffix == ".png":
            Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
        if self.pictures:
            shutil.copy(path, self.pictures / path.name)
        return picture.alternative


def _compare(part: Part, printed: str | None) -> None:
    """Check that every line of a text block was printed, blanks aside, where something was run."""
    if printed is None:
        return
    lines = {" ".join(line.split()) for line in printed.splitlines()}
    for line in part.text.splitlines():
        if line.strip() != "…" and " ".join(line.split()) not in lines:
            raise SystemExit(f"line {part.line}: this is not what the block above prints: {line!r}")


def _within(words: list[str]) -> int:
    """Run a command in this process, and return its exit code."""
    from cnnzoo import cli

    try:
        cli.main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else bool(end.code)
    return 0


def _beside(words: list[str]) -> int:
    """Run a command in a process of its own, as a reader does, and return its exit code."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(  # noqa: S603 (what the document holds)
        [sys.executable, "-m", "cnnzoo", *words],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
    return process.returncode


@contextlib.contextmanager
def _heard() -> Iterator[io.StringIO]:
    """Keep what is printed, too."""

    class Both(io.StringIO):
        def write(self, text: str) -> int:
            shown.write(text)
            return super().write(text)

        def flush(self) -> None:
            shown.flush()

    shown: TextIO = sys.stdout
    heard = Both()
    with contextlib.redirect_stdout(heard):
        yield heard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to run everything")
    parser.add_argument("--smoke", action="store_true", help="cut every training to seconds")
    parser.add_argument("--keep", action="store_true", help="do not train again what was trained there before")
    parser.add_argument("--one-process", action="store_true", help="start TensorFlow once only")
    parser.add_argument(
        "--photographs", type=lambda text: Path(text).resolve(), help="stands where the text has FOLDER"
    )
    parser.add_argument("--pictures", type=lambda text: Path(text).resolve(), help="folder to copy the pictures to")
    options = vars(parser.parse_args())
    folder = options.pop("folder")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.path.insert(0, str(REPOSITORY))
    os.chdir(folder)
    import matplotlib as mpl

    mpl.rcParams["svg.hashsalt"] = "lecture"  # the same names in the same picture
    walk = Walk(**options)
    try:
        walk.through(parts(LECTURE.read_text("utf-8")))
    finally:
        Path("walked.json").write_text(json.dumps(walk.done, indent=1, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
