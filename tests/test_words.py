"""The field's words, and Keras' American spelling, in identifiers, options, keys and names of files."""

import ast
import re
from pathlib import Path

from cnnzoo.cli import RENAMED

ROOT = Path(__file__).parent.parent
FOLDERS = ["cnnzoo", "tests", "benchmarks", "recipes", "docs", "deploy", "saved_models"]

# Words, or the beginnings of words, that are not the field's, and what to say instead.
INSTEAD = {
    "judg…": "evaluate",
    "earned": "completed",
    "begun": "started",
    "asked": "requested, or the name of the configuration",
    "meeting": "rendezvous",
    "whole file": "atomic write",
    "place in": "worker info, or position",
    "side by side": "in shards, or compared",
    "in slices": "batch shards",
    "seen by": "receptive field",
    "sight": "receptive field",
    "strongest": "top activations",
    "maximis…": "maximize",
    "mistakes": "misclassified",
    "class figures": "precision and recall",
    "Tuned": "TuningResult",
    "Subject": "exported model, run data",
    "Shallow": "LayerAutoencoder",
    "colour…": "color",
    "quantis…": "quantize",
    "normalis…": "normalize",
    "licence…": "license",
    "cpus as": "logical cpus",
}
# Old options and keys that are answered by a message that names the new ones.
ANSWERED = {
    *((file, old) for file in ("cnnzoo/cli/__init__.py", "tests/integration/cli/test_cli.py") for old in RENAMED),
    ("cnnzoo/weights/shipped_models.py", "licence"),
}
_PARTS = [
    re.compile(r"(?<!\S)" + re.escape(word).replace("…", "") + ("" if word.endswith("…") else r"(?!\S)"))
    for word in INSTEAD
]


def parts_of(name):
    """Return the words of a name, apart: `fine_tuned` is `fine tuned`, `TunedModel` is `Tuned Model`.

    Names in capitals and camel case read as they are written, all others in small letters.
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", apart.lower() if name.isupper() else apart).strip()


def names_in(path):
    """Return the identifiers, the options of the command line and the keys in a file of Python, with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.Attribute):
            yield node.attr, line
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or "", line
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, line
        elif isinstance(node, ast.alias):
            yield node.asname or node.name, line
        elif isinstance(node, ast.Dict):
            yield from ((key.value, line) for key in node.keys if isinstance(key, ast.Constant))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            yield node.slice.value, line
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"--\S+", node.value):
            yield node.value, line


def test_names_are_in_the_fields_words():
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 300
    named = [(path, name, line) for path in files for name, line in names_in(path) if isinstance(name, str)]
    named += [(path, path.stem, 0) for path in files]
    refused = {name for name in {name for _, name, _ in named} if any(part.search(parts_of(name)) for part in _PARTS)}
    found = {
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, name, line in named
        if name in refused and (str(path.relative_to(ROOT)), name) not in ANSWERED and path != Path(__file__)
    }
    assert found == set()


def prose_of(path):
    """Return the lines of a document without its code, each with its number."""
    in_block = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            in_block = not in_block
        elif not in_block:
            yield number, re.sub(r"`[^`]*`", "", line).lower()


# Words that identifiers may have no part of, and sentences may: `a question asked`, `place in an image`.
IN_SENTENCES = {"asked", "meeting", "place in", "Subject", "Shallow", "Tuned", "cpus as"}


def test_documents_are_in_the_fields_words():
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    words = [word.replace("…", "") for word in INSTEAD if word not in IN_SENTENCES]
    pattern = re.compile(
        rf"(?<!\w)({'|'.join(words)})(?!\w)|(?<!\w)({'|'.join(w for w in words if w + '…' in INSTEAD)})"
    )
    found = {
        f"{path.relative_to(ROOT)}:{number} {match[0]}"
        for path in documents
        for number, line in prose_of(path)
        for match in pattern.finditer(line)
    }
    assert found == set()


def test_what_is_looked_for_is_found():
    bad = ["judge_all", "_earned", "in_slices", "SEEN_BY", "Tuned", "TunedModel", "colourful", "--cpus-as", "LICENCE"]
    good = [
        "fine_tuned",
        "learned",
        "masked_array",
        "from_tensor_slices",
        "insight",
        "subject_to",
        "color",
        "shallow_copy",
    ]
    assert all(any(part.search(parts_of(name)) for part in _PARTS) for name in bad)
    assert not any(part.search(parts_of(name)) for name in good for part in _PARTS)
