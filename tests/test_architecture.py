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


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_strictly_down(path):
    room = room_of(path)
    assert room in FLOOR, f"{room} stands on no floor"
    for target in imports_of(path):
        if target != room:
            assert FLOOR[target] < FLOOR[room], f"{room} must not import {target}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nets_know_keras_alone(path):
    """Layers, models and callbacks run on every backend; a faster path may load TensorFlow in its own function."""
    rooms = {
        "layers",
        "losses",
        "metrics",
        "models",
        "callbacks",
        "weights",
        "optimizers",
        "analysis",
        "pretraining",
        "plots",
    }
    if room_of(path) in rooms:
        names = {
            name.split(".")[0]
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        }
        assert "tensorflow" not in names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 320


def test_public_names_are_there():
    import cnnzoo

    for name in cnnzoo.__all__:
        assert getattr(cnnzoo, name) is not None
    assert set(cnnzoo.__all__) <= set(dir(cnnzoo))
    with pytest.raises(AttributeError, match="no attribute 'alexnett'"):
        _ = cnnzoo.alexnett
