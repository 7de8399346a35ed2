"""README.md, CONTRIBUTING.md and docs/**/*.md: their fenced blocks, and the commands in blocks and in the text.

Most documents are walked, as a reader does (test_walks.py): `WALKED`. The blocks of the others are run one by one, with
what a document takes for granted: `BY_BLOCK`. The course is left out: test_course.py walks it.
"""

import ast
import builtins
import re
import sys

from tests import processes

ROOT = processes.ROOT
sys.path.insert(0, str(ROOT / "docs"))
from walk import Part, agrees, parts  # noqa: E402, F401

GENERATED = {
    "api",
    "commands",
    "models",
    "recipe_keys.md",
    "weights.md",
}  # by docs/_site/generated.py, in docs/reference
COURSE = {"course"}
WRITTEN = [
    path
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if not (GENERATED | COURSE) & {path.name, path.parent.name} and "_site" not in path.parts
]
BY_BLOCK = {
    *("README.md", "CONTRIBUTING.md", "docs/concepts/arithmetic.md", "docs/concepts/layerwise_pretraining.md"),
    *("docs/how_to/devices.md", "docs/how_to/images.md", "docs/how_to/reports.md", "docs/how_to/serve.md"),
    *("docs/how_to/tune.md", "docs/how_to/command_line.md", "docs/results/speed.md"),
}
ALL: dict[str, list[Part]] = {
    path.relative_to(ROOT).as_posix(): parts(path.read_text("utf-8"))
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *WRITTEN)
}
DOCUMENTS = {document: found for document, found in ALL.items() if document in BY_BLOCK}
WALKED = [document for document, found in ALL.items() if document not in BY_BLOCK and any(part.runs for part in found)]
PROGRAMS = {
    "cnnzoo",
    "python",
    "pip",
    "git",
    "pytest",
    "printf",
    ".ci/run",
}  # what the first line of a block of commands calls
VARIABLE = re.compile(r"\w+=\S+\s+")
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


def python_blocks(document: str) -> list[Part]:
    """Return the Python blocks of a document."""
    return [part for part in DOCUMENTS[document] if part.kind == "python"]


def unknown_names(found: list[Part]) -> dict[int, set[str]]:
    """Return the names that Python blocks use and that no block up to them has made, by the block's line."""
    known, unknown = set(dir(builtins)), dict[int, set[str]]()
    for part in found:
        if part.kind != "python" or not part.runs:
            continue
        nodes = [*ast.walk(ast.parse(part.text))]
        names = [node for node in nodes if isinstance(node, ast.Name)]
        known |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        known |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        known |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name}
        imported = [alias for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
        known |= {alias.asname or alias.name.partition(".")[0] for alias in imported}
        if missing := {node.id for node in names} - known:
            unknown[part.line] = missing
    return unknown


def other_blocks(document: str) -> list[Part]:
    """Return the blocks of a document that are neither Python nor commands: what is printed, and drawings."""
    others = [part for part in DOCUMENTS[document] if part.kind not in ("markdown", "python")]
    return [part for part in others if not part.kind.startswith("{") and not _holds_commands(part)]


def commands(document: str) -> dict[str, int]:
    """Return the commands in a document's blocks, without comments, each with its line."""
    found = {}
    for part in ALL[document]:
        if part.kind not in ("", "console", "sh", "bash") or not _holds_commands(part):
            continue
        for number, line in enumerate(part.text.replace("\\\n", "").splitlines(), part.line):
            for command in re.sub(r"\s+#\s.*", "", line).split(" && "):
                found[" ".join(command.split())] = number
    found.pop("", None)
    return found


def docstring_commands() -> set[str]:
    """Return the commands that recipes and scripts state in their docstrings, with the options that are in brackets."""
    found = set()
    for folder in ("recipes", "benchmarks", "docs", "saved_models"):
        for path in (ROOT / folder).glob("*.py"):
            docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
            for line in re.sub(r"\\\n", "", docstring).splitlines():
                if line.startswith(("    cnnzoo ", "    python ")):
                    found.add(" ".join(re.sub(r"\s+#\s.*|[\[\]]|\s…", "", line).split()))
    return found


def inline_code(document: str) -> list[str]:
    """Return what stands as code in the text of a document."""
    text = "\n".join(part.text for part in ALL[document] if part.kind == "markdown")
    return [" ".join(code.split()) for code in INLINE.findall(text)]


def _holds_commands(part: Part) -> bool:
    first = part.text.lstrip()
    while variable := VARIABLE.match(first):
        first = first[variable.end() :]
    return first.split()[0] in PROGRAMS


def run(block: Part, names: dict, cut: dict[str, str] | None = None) -> list:
    """Run a Python block, and return the values of its statements that are expressions, as a notebook shows the last.

    Args:
        block: the block.
        names: the names that it finds and leaves.
        cut: text of the block, which occurs once → what stands for it here, so that it takes seconds.
    """
    text = block.text
    for long, short in (cut or {}).items():
        assert text.count(long) == 1, f"line {block.line}: {long!r} is in it {text.count(long)} times"
        text = text.replace(long, short)
    values, where = [], f"line {block.line}"
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Expr):
            values.append(eval(compile(ast.Expression(statement.value), where, "eval"), names))
        else:
            exec(compile(ast.Module([statement], []), where, "exec"), names)
    return values
