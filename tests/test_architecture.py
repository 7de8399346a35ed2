"""Imports go strictly down, in no circle, and a newcomer finds things by their names."""

import ast
import graphlib
import io
import tokenize
from pathlib import Path

import cnnzoo

PACKAGE = Path(cnnzoo.__file__).parent

# From the ground up. A room imports from the floors below its own; `__init__` and `__main__` stand outside.
FLOORS = [
    {"errors", "keras_internals", "versions"},
    {"files", "runtime", "checks", "targets", "tensorflow_errors"},
    {"layers", "optimizers", "weights", "losses", "metrics", "variational", "boltzmann"},
    {"experiments", "models", "data", "distribute", "callbacks"},
    {"serving", "analysis", "pretraining"},
    {"training", "plots", "browser"},
    {"tuning", "reports"},
    {"cli"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
OUTSIDE = {"__init__", "__main__"}

# They run on every backend of Keras; a faster path may load TensorFlow inside of its own function.
KERAS_ALONE = {
    *("layers", "losses", "metrics", "targets", "variational", "boltzmann", "models", "callbacks", "weights"),
    *("optimizers", "analysis", "pretraining", "plots"),
}

PATHS = {}  # dotted name → file
for path in sorted(PACKAGE.rglob("*.py")):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    PATHS[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path


def room_of(module):
    """Return the room of a module; `cnnzoo` itself, the package's own names, is the room `__init__`."""
    return [*module.split("."), "__init__"][1]


def imports_of(module, typing=True):
    """Return the modules of the package that a module imports, anywhere in it, and the lines where it does."""
    tree = ast.parse(PATHS[module].read_text())
    skipped = set()
    for node in ast.walk(tree):
        if not typing and isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            skipped |= {id(each) for each in ast.walk(node)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {(alias.name, node.lineno) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively, in line {node.lineno}"
            found |= {(f"{node.module}.{alias.name}", node.lineno) for alias in node.names}
    return {(_module(name), line) for name, line in found if name.split(".")[0] == "cnnzoo"}


def _module(name):
    """Return the module that an imported name is, or comes from."""
    while name not in PATHS:
        name = name.rpartition(".")[0]
    return name


def test_every_room_stands_on_a_floor_and_imports_go_strictly_down():
    upwards = {
        f"{PATHS[module]}:{line} imports {target}"
        for module in PATHS
        if room_of(module) not in OUTSIDE
        for target, line in imports_of(module)
        if room_of(module) != room_of(target) and FLOOR.get(room_of(target), 99) >= FLOOR[room_of(module)]
    }
    assert upwards == set()


def test_no_imports_go_in_a_circle():
    """Between files, too. A package's names are taken from its files, which do not take them from the package."""
    graph = {module: {target for target, _ in imports_of(module, typing=False)} - {module} for module in PATHS}
    graphlib.TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle


def test_nets_know_keras_alone():
    knowing = {
        module
        for module in PATHS
        for node in ast.parse(PATHS[module].read_text()).body
        if room_of(module) in KERAS_ALONE
        and isinstance(node, ast.Import | ast.ImportFrom)
        and "tensorflow" in {name.split(".")[0] for name in _named(node)}
    }
    assert knowing == set()


def _named(node):
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]


def test_the_house_is_measured(capsys):
    """Nothing is pinned: the figures are for whoever looks, `pytest -n0 -s tests/test_architecture.py`."""
    rooms = {path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__"}
    rooms |= set(PACKAGE.glob("*.py"))
    lines = sum(len(path.read_text().splitlines()) for path in PATHS.values())
    code = sum(code_lines(path.read_text()) for path in PATHS.values())
    with capsys.disabled():
        print(f"\n{len(FLOORS)} levels, {len(rooms)} packages, {len(PATHS)} files, {lines:,} lines, {code:,} of code")
    assert code_lines('"""A docstring\nof two lines."""\n\n# a comment\nx = """two\nlines"""\n') == 2


def code_lines(text):
    """Return the number of lines that are neither docstrings, comments nor blank."""
    documented = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            documented |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    empty = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    written = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in empty:
            written |= set(range(token.start[0], token.end[0] + 1))
    return len(written - documented)
