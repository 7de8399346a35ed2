"""Run every command and every Python block of documents, in their order, as a reader does.

    python docs/walk.py FOLDER                                       # the course, in a new folder: half an hour
    python docs/walk.py FOLDER --smoke                               # every training cut to seconds
    python docs/walk.py FOLDER docs/tutorials/digits.md              # other documents
    python docs/walk.py FOLDER --keep --pictures docs/course/pictures

Documents share the folder; the Python blocks of one share their names. A console block goes through no shell, and a
server that it starts runs until the document's end. What a document says of the block below it, as a comment:

- `<!-- needs: mnist -->`, `photographs`, `cifar10` or a package: left out, with the reason, where that is not there
- `<!-- file: NAME -->`: it is written into that file
- `<!-- not run: REASON -->`: it is not run, or of a text block, nothing printed it
- `<!-- numbers: 20 % -->`: its numbers may be as far from those that are printed; with `--smoke` they may be any
- `<!-- described: by hand -->`: the alternative text of its picture says more than the picture knows of itself

A text block must be what the block above it prints, line by line; `…` stands for anything. Pictures are written into
FOLDER, those in SVG so that they read on dark pages, too, and small ones for the notebook into FOLDER/shown;
`walked.json` says what was done, in this walk or, with `--keep`, in one before. With `--pictures` they are
copied, and their alternative texts are written into the documents.
"""

import argparse
import contextlib
import dataclasses
import importlib.util
import io
import json
import math
import os
import re
import shlex
import shutil
import socket
import subprocess  # what the documents hold, and without a shell
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

REPOSITORY = Path(__file__).parents[1]
CHAPTERS = (
    "units", "learning", "overfitting", "autoencoders", "penalties", "variational", "pretraining", "convolution",
    "lenet5", "alexnet",
)  # fmt: skip
COURSE = [REPOSITORY / f"docs/course/{chapter}.md" for chapter in CHAPTERS]
SAVED = re.compile(r'^(picture|animation)\.save(?:fig)?\("([^"]+)".*\)$', re.MULTILINE)
SAID = re.compile(r"<!-- (needs|file|not run|numbers|described): (.+) -->")
MARKED = re.compile(r"([%#>=*+-]|1[.)])\s")  # at the beginning of a line Markdown takes it for more than text
NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?")


@dataclasses.dataclass(frozen=True)
class Part:
    """A stretch of the document.

    Attributes:
        kind: `"markdown"`, or the language of a fenced block.
        text: its lines, without the fence.
        line: number of its first line in the document.
        said: what the document says of a block in comments above it, by their first words: `needs`, `file`, `not run`,
            `numbers` and `described`.
    """

    kind: str
    text: str
    line: int
    said: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def needs(self) -> str:
        """What must be there so that the block can be run, or nothing."""
        return self.said.get("needs", "")

    @property
    def runs(self) -> bool:
        """Whether there is something to run."""
        return self.kind in ("console", "python") and not {"not run", "file"} & self.said.keys()

    @property
    def picture(self) -> str | None:
        """The file that the block writes its picture into."""
        found = SAVED.search(self.text) if self.kind == "python" else None
        return found[2] if found else None


def parts(text: str) -> list[Part]:
    """Cut a Markdown document into its fenced blocks and what stands between them."""
    found: list[Part] = []
    said, kind, begin, lines = dict[str, str](), "markdown", 1, list[str]()

    def close(following: str, number: int) -> None:
        nonlocal said, kind, begin, lines
        body = "\n".join(lines).strip("\n")
        if body.strip() or kind != "markdown":
            found.append(Part(kind, body, begin, said if kind != "markdown" else {}))
        said, kind, begin, lines = said if kind == "markdown" else {}, following, number + 1, []

    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            close(line[3:].strip() if kind == "markdown" else "markdown", number)
        elif kind == "markdown" and (comment := SAID.fullmatch(line)):
            said[comment[1]] = comment[2]
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
        self.names: dict[str, Any] = {}
        self.done: list[dict[str, Any]] = []
        self.document = Path()
        self.trained: dict[str, int] = {}
        self.servers = contextlib.ExitStack()

    def through(self, document: list[Part], path: Path = Path("document")) -> None:
        """Run all blocks of a document, and compare what they print with its text blocks."""
        self.names, self.document = {"__name__": "__document__"}, path
        with self.servers:
            printed: str | None = None
            for part in document:
                if part.kind == "text" and "not run" not in part.said:
                    self._compare(part, printed)
                if "file" in part.said:
                    Path(part.said["file"]).write_text(part.text + "\n", "utf-8")
                if part.runs:
                    printed = self._run(part)
                elif part.kind in ("console", "python"):
                    printed = None  # what stands below it was printed elsewhere

    def _run(self, part: Part) -> str | None:
        """Run a block, and return what it prints, or `None` where it is left out."""
        reason, started, printed = self.missing(part), time.perf_counter(), None
        if reason:
            print(f"{self.where(part)}: left out: {reason}", flush=True)
        else:
            with _heard() as heard:
                self.console(part) if part.kind == "console" else self.python(part)
            printed = heard.getvalue()
        seconds = round(time.perf_counter() - started, 1)
        document = {"document": self.document.name, "line": part.line, "kind": part.kind}
        self.done.append({**document, "seconds": seconds, "left_out": reason, "printed": printed})
        if part.picture and not reason:
            self.done[-1] |= {"picture": part.picture, "alternative": self.drawn(part)}
        return printed

    def where(self, part: Part) -> str:
        """Return where a block is."""
        return f"{self.document.name}, line {part.line}"

    def missing(self, part: Part) -> str | None:
        """Return why a block cannot be run, or `None`."""
        if part.needs in ("mnist", "cifar10"):
            folder = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
            return None if (folder / part.needs).is_dir() else f"there is no {part.needs} in {folder}"
        if part.needs == "photographs":
            return None if self.photographs else "no folder of photographs was given"
        if part.needs and importlib.util.find_spec(part.needs) is None and shutil.which(part.needs) is None:
            return f"{part.needs} is not installed"
        return None

    def console(self, part: Part) -> None:
        """Run each line of a console block."""
        for line in part.text.replace("\\\n", " ").splitlines():
            words = [word.replace("FOLDER", str(self.photographs)) for word in shlex.split(line, comments=True)]
            if not words:
                continue
            if words[0] not in ("cnnzoo", "curl", "python"):
                raise SystemExit(
                    f"{self.where(part)}: a console block holds commands of cnnzoo, curl and python only, not {line!r}"
                )
            if words[:2] == ["cnnzoo", "serve"]:
                self.server(words[1:])
            elif words[0] == "cnnzoo":
                self.command(words[1:], part)
            else:
                program = [sys.executable] if words[0] == "python" else ["curl", "--silent", "--show-error", "--fail"]
                if code := _printed([*program, *words[1:]]):
                    raise SystemExit(f"{self.where(part)}: {line} ended with {code}")

    def server(self, words: list[str]) -> None:
        """Start `cnnzoo serve`, wait until it is ready, and end it with the document."""
        with socket.socket() as free:
            port = words[words.index("--port") + 1] if "--port" in words else "8080"
            assert free.connect_ex(("127.0.0.1", int(port))), (
                f"port {port} is in use: somebody else's server runs there"
            )
        process = subprocess.Popen([sys.executable, "-m", "cnnzoo", *words], env=_environment())  # noqa: S603
        self.servers.callback(process.wait)
        self.servers.callback(process.terminate)
        for _ in range(1200):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready"):
                return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"cnnzoo {shlex.join(words)} is not ready")

    def command(self, words: list[str], part: Part) -> None:
        """Run one command of cnnzoo."""
        print(f"{self.where(part)}: cnnzoo {shlex.join(words)}", flush=True)
        if words[0] == "train":
            into = self.run_folder(words)
            if self.keep and Path(into, "metrics.json").is_file():
                print(f"{into} is kept")
                return
            words = words + ["--smoke"] * self.smoke
        code = _within(words) if self.one_process else _printed([sys.executable, "-m", "cnnzoo", *words])
        if code:
            raise SystemExit(f"{self.where(part)}: cnnzoo {shlex.join(words)} ended with {code}")

    def run_folder(self, words: list[str]) -> str:
        """Return the folder that a command of `cnnzoo train` trains in, where nobody else trains in this one."""
        if "--workdir" in words:
            return words[words.index("--workdir") + 1]
        name = words[1].removesuffix(".py")
        self.trained[name] = self.trained.get(name, 0) + 1
        return f"runs/{name}/{self.trained[name]}"

    def python(self, part: Part) -> None:
        """Run a Python block, with the names of those before."""
        print(f"{self.where(part)}: {part.text.partition(chr(10))[0]} …", flush=True)
        exec(compile("\n" * (part.line - 1) + part.text, self.document, "exec"), self.names)  # noqa: S102 (the document)

    def _compare(self, part: Part, printed: str | None) -> None:
        """Check that every line of a text block was printed, blanks aside, where something was run."""
        if printed is None:
            return
        tolerance = float(part.said["numbers"].rstrip(" %")) / 100 if "numbers" in part.said else 0.0
        tolerance = math.inf if self.smoke and tolerance else tolerance
        lines = [" ".join(line.split()) for line in printed.splitlines()]
        for line in part.text.splitlines():
            if not any(agrees(" ".join(line.split()), each, tolerance) for each in lines):
                raise SystemExit(f"{self.where(part)}: this is not what the block above prints: {line!r}")

    def drawn(self, part: Part) -> str:
        """Make a saved picture legible on dark pages, or smaller, and return its alternative text."""
        from PIL import Image

        from cnnzoo.reports.page import svg

        assert part.picture is not None
        path = Path(part.picture)
        shown = Path("shown", path.name).with_suffix(".gif" if path.suffix == ".gif" else ".png")
        found = SAVED.search(part.text)
        assert found is not None
        picture = self.names[found[1]]
        shown.parent.mkdir(exist_ok=True)
        if path.suffix == ".gif":
            shutil.copy(path, shown)
        else:  # what a notebook holds
            picture.savefig(shown, dpi=72)
            Image.open(shown).convert("RGB").quantize(64).save(shown, optimize=True)
        if path.suffix == ".svg":
            path.write_bytes(svg(picture))
        elif path.suffix == ".png":
            Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
        if self.pictures:
            shutil.copy(path, self.pictures / path.name)
            if "described" not in part.said:
                text = self.document.read_text("utf-8")
                self.document.write_text(described(text, path.name, picture.alternative), "utf-8")
        return picture.alternative


def agrees(said: str, printed: str, tolerance: float = 0.0) -> bool:
    """Return whether a line is what was printed.

    Args:
        said: the line; `…` stands for anything.
        printed: what was printed.
        tolerance: how far numbers may be from those printed, as a fraction of the larger one.

    Example:
    >>> agrees("accuracy 98.9 %, … s", "accuracy 98.6 %, 12 s", 0.01), agrees("accuracy 98.9 %", "accuracy 98.6 %")
    (True, False)
    """
    pattern = ".*".join(re.escape(piece) for piece in said.split("…"))
    if not tolerance:
        return re.fullmatch(pattern, printed) is not None
    number = f"({NUMBER.pattern})"
    pieces = [number.join(re.escape(words) for words in NUMBER.split(piece)) for piece in said.split("…")]
    found = re.fullmatch(".*".join(pieces), printed)
    if not found:
        return False
    value = lambda text: float(text.replace(",", "").replace("−", "-"))  # noqa: E731
    pairs = zip(map(value, NUMBER.findall(said)), map(value, found.groups()), strict=True)
    return all(abs(a - b) <= tolerance * max(abs(a), abs(b)) for a, b in pairs)


def described(text: str, picture: str, alternative: str) -> str:
    """Return a document with the alternative text of a picture.

    Example:
    >>> described("![](pictures/a.svg) ![b](b.svg)", "a.svg", "A unit.")
    '![A unit.](pictures/a.svg) ![b](b.svg)'
    """

    def anew(found: re.Match[str]) -> str:
        options = {"break_long_words": False, "break_on_hyphens": False}
        image = f"![{alternative}]({found[1]})"
        ways = (textwrap.wrap(image, width, **options) for width in range(120, 60, -1))
        fits = (lines for lines in ways if not any(MARKED.match(line) for line in lines))
        return "\n".join(next(fits, [image]))

    return re.sub(rf"!\[[^\]]*\]\(((?:[\w./]*/)?{re.escape(picture)})\)", anew, text)


def _within(words: list[str]) -> int:
    """Run a command in this process, and return its exit code."""
    from cnnzoo import cli

    try:
        cli.main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else bool(end.code)
    return 0


def _environment() -> dict[str, str]:
    """Return the environment of a process that finds this tree's cnnzoo."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))}


def _printed(command: list[str]) -> int:
    """Run a command in a process of its own, as a reader does, print what it prints, and return its exit code."""
    with subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
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
    parser.add_argument("documents", nargs="*", type=lambda text: Path(text).resolve(), default=COURSE)
    parser.add_argument("--smoke", action="store_true", help="cut every training to seconds")
    parser.add_argument("--keep", action="store_true", help="do not train again what was trained there before")
    parser.add_argument("--one-process", action="store_true", help="start TensorFlow once only")
    parser.add_argument(
        "--photographs", type=lambda text: Path(text).resolve(), help="stands where the text has FOLDER"
    )
    parser.add_argument("--pictures", type=lambda text: Path(text).resolve(), help="folder to copy the pictures to")
    options = vars(parser.parse_args())
    folder, documents = options.pop("folder"), options.pop("documents")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.path.insert(0, str(REPOSITORY))
    os.chdir(folder)
    import matplotlib as mpl

    mpl.rcParams["svg.hashsalt"] = "lecture"  # the same names in the same picture
    walk = Walk(**options)
    try:
        for document in documents:
            walk.through(parts(document.read_text("utf-8")), document)
    finally:
        report, names = Path("walked.json"), {document.name for document in documents}
        before = json.loads(report.read_text("utf-8")) if options["keep"] and report.is_file() else []
        others = [each for each in before if each["document"] not in names]
        report.write_text(json.dumps([*others, *walk.done], indent=1, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
