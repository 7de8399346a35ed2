"""The house stands: imports go strictly down, and a newcomer finds things by their names."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cnnzoo"

FLOORS = [
    {"errors"},
    {"files"},
    {"launch", "layers", "losses", "metrics", "optimizers", "quiet", "steps", "weights"},
    {"models", "callbacks", "data", "recipe", "run", "distribute"},
    {"analysis", "serving", "pretraining"},
    {"plots", "training", "server"},
    {"studies", "reports"},
    {"tuning"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cnnzoo":
            parts = node.module.split(".")[1:]
            yield from [parts[0]] if parts else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("cnnzoo."))


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


# Layers, models and callbacks run on every backend; a faster path may load TensorFlow in its own function.
KERAS_ALONE = {
    *("layers", "losses", "metrics", "models", "callbacks", "weights", "optimizers", "analysis", "pretraining", "plots")
}


def loaded_at_once(path):
    """Return the packages that a module imports when it is itself imported."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def test_every_room_stands_on_a_floor():
    assert {room_of(path) for path in MODULES} <= set(FLOOR)


def test_imports_go_strictly_down():
    pairs = {(room_of(path), target, path.name) for path in MODULES for target in imports_of(path)}
    upwards = {pair for pair in pairs if pair[0] != pair[1] and FLOOR[pair[1]] >= FLOOR[pair[0]]}
    assert upwards == set()


def test_nets_know_keras_alone():
    knowing = {path.name for path in MODULES if room_of(path) in KERAS_ALONE and "tensorflow" in loaded_at_once(path)}
    assert knowing == set()


def test_files_are_short():
    assert {path.name for path in MODULES if len(path.read_text().splitlines()) > 320} == set()


def test_public_names_are_there():
    import cnnzoo

    for name in cnnzoo.__all__:
        assert getattr(cnnzoo, name) is not None
    assert set(cnnzoo.__all__) <= set(dir(cnnzoo))
    with pytest.raises(AttributeError, match="no attribute 'alexnett'"):
        _ = cnnzoo.alexnett
