"""No private name of another package is used but in two modules, which say why: `pytest -n0 -s` prints them."""

import ast
import collections
import importlib
import inspect
from pathlib import Path

import cnnzoo

PACKAGE = Path(cnnzoo.__file__).parent
ALLOWED = {"keras_internals.py", "tuning/tuner_internals.py"}
MODULES = {"keras.src", "tensorflow.python", "keras_tuner.src", "keras_tuner.engine"}
TREES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and not name.endswith("_")


def own_names():
    """Return the private names that the package itself defines: functions, classes, variables and attributes."""
    names = set()
    for node in (node for tree in TREES.values() for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            # What is set on another object than its own is that object's.
            on_itself = isinstance(node, ast.Name) or getattr(node.value, "id", "") in ("self", "cls")
            names |= {node.id if isinstance(node, ast.Name) else node.attr} if on_itself else set()
    return names


def used_in(tree, own):
    """Yield the private names of others that a module imports or reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            paths = [f"{module}.{alias.name}" if module else alias.name for alias in node.names]
            yield from (path for path in paths if any(f"{path}.".startswith(f"{each}.") for each in MODULES))
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own:
            yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr", "setattr"):
            name = getattr(node.args[1], "value", "")
            if isinstance(name, str) and is_private(name) and name not in own:
                yield name


def overridden_in(file):
    """Yield the private names of a class of another package that a class of this module defines or sets again."""
    module = importlib.import_module(f"cnnzoo.{file.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}")
    for node in (node for node in ast.walk(TREES[file]) if isinstance(node, ast.ClassDef)):
        cls = getattr(module, node.name, None)
        others = [
            base for base in getattr(cls, "__mro__", ()) if not base.__module__.startswith(("cnnzoo", "builtins"))
        ]
        theirs = {name for base in others for name in vars(base)}
        sources = "\n".join(_source(base) for base in others)
        for each in ast.walk(node):
            own = (
                isinstance(each, ast.Attribute)
                and isinstance(each.ctx, ast.Store)
                and getattr(each.value, "id", "") == "self"
            )
            name = each.name if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) else each.attr if own else ""
            if is_private(name) and (name in theirs or f"self.{name} " in sources):
                yield name


def _source(cls):
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ""


def test_private_names_of_other_packages_are_in_two_modules_and_few():
    own = own_names()
    found = collections.defaultdict(set)
    for file, tree in TREES.items():
        names = {*used_in(tree, own), *(overridden_in(file) if file not in ("__main__.py", "__init__.py") else ())}
        if names:
            found[file] = names
            print(f"{file}: {', '.join(sorted(names))}")
    assert set(found) <= ALLOWED
    assert sum(map(len, found.values())) <= 10
