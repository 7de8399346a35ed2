"""What is imported is declared, the ends of the ranges are one truth, and versions are those of what is loaded."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import cnnzoo
from cnnzoo.versions import OLDEST, OLDEST_PYTHON, check_versions, version_of, versions_of

PACKAGE = Path(cnnzoo.__file__).parent
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Where an extra is asked for by its own message, or belongs to a command of its own.
EXTRAS = {"serving/server/": ("serve",), "serving/": ("export", "serve"), "tuning/": ("tune",)}
# Backends of Keras are imported by who has chosen them.
BACKENDS = {"jax", "torch"}
# What no module imports by name: Keras' callback does, TFDS does, and TFDS' builders do.
FOR_OTHERS = {"tensorboard", "tensorflow-metadata", "googleapis-common-protos", "importlib-resources"}
# What modules are installed as, where that is another name.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "google": "protobuf",
    "grpc": "grpcio",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
}


def name_of(requirement):
    """Return the normalized name of a requirement, or of a distribution."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def range_of(name, requirements):
    """Return the versions that a list of requirements allows of a distribution, as written there."""
    [found] = [each for each in requirements if name_of(each) == name]
    return re.sub(r"^[\w.-]+(\[[\w-]+\])?", "", found)


def declared(*extras):
    requirements = [*PROJECT["dependencies"]]
    for extra in extras:
        requirements += PROJECT["optional-dependencies"][extra]
    return {name_of(requirement) for requirement in requirements}


def imported_by(path):
    """Return the distributions of other packages that a module imports, anywhere in it."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module.split(".")[0])
    others = modules - {*sys.stdlib_module_names, "cnnzoo"} - BACKENDS
    return {name_of(DISTRIBUTIONS.get(module, module)) for module in others}


def test_every_distribution_that_is_imported_is_declared():
    missing = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        extras = next((extras for room, extras in EXTRAS.items() if file.startswith(room)), ())
        if undeclared := imported_by(path) - declared(*extras):
            missing[file] = undeclared
    assert missing == {}


def test_every_distribution_that_is_declared_is_imported_or_for_others():
    imported = set().union(*map(imported_by, PACKAGE.rglob("*.py")))
    assert declared() - imported == FOR_OTHERS


def test_the_oldest_versions_are_those_that_are_declared():
    for name, oldest in OLDEST.items():
        assert range_of(name, PROJECT["dependencies"]).split(",")[0] == ">=" + ".".join(map(str, oldest))
    assert PROJECT["requires-python"].split(",")[0] == ">=" + ".".join(map(str, OLDEST_PYTHON))


def test_what_goes_with_tensorflow_has_its_range():
    wanted = range_of("tensorflow", PROJECT["dependencies"])
    assert range_of("tensorflow", PROJECT["optional-dependencies"]["gpu"]) == wanted
    assert range_of("tensorflow-serving-api", PROJECT["optional-dependencies"]["serve"]) == wanted


@pytest.mark.parametrize(
    ("module", "version", "words"),
    [
        (tf, "2.17.1", r"cnnzoo needs TensorFlow 2\.18\.1 or later\. Found: TensorFlow 2\.17\.1; try pip install"),
        (tf, "2.9.0-dev20220101", r"Found: TensorFlow 2\.9\.0-dev20220101"),
        (keras, "3.12.4", r"cnnzoo needs Keras 3\.13 or later\. Found: Keras 3\.12\.4"),
        (np, "1.26.3", r"cnnzoo needs NumPy 1\.26\.4 or later\. Found: NumPy 1\.26\.3"),
    ],
)
def test_what_is_too_old_is_refused_with_the_version_found(module, version, words, monkeypatch):
    monkeypatch.setattr(module, "__version__", version)
    with pytest.raises(ImportError, match=words):
        check_versions()


@pytest.mark.parametrize("version", ["3.13.0", "3.16.0.dev2026102704", "10.0", "unknown"])
def test_newer_versions_and_those_that_say_nothing_are_let_in(version, monkeypatch):
    monkeypatch.setattr(keras, "__version__", version)
    check_versions()


def test_the_version_is_that_of_the_module_whatever_it_is_installed_as(tmp_path, monkeypatch):
    for name in ("keras_nightly-3.99.0.dev1", "tensorflow_cpu-2.99.0"):
        folder = tmp_path / f"{name}.dist-info"
        folder.mkdir()
        distribution, version = name.split("-")
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    with monkeypatch.context() as alone:
        alone.setattr(sys, "path", [str(tmp_path)])
        assert (version_of("keras"), version_of("tensorflow")) == (keras.__version__, tf.__version__)
        alone.delitem(sys.modules, "keras")
        alone.delitem(sys.modules, "tensorflow")
        with pytest.raises(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version("keras")
        assert (version_of("keras"), version_of("tensorflow")) == ("3.99.0.dev1", "2.99.0")
        assert versions_of("keras", "no_such_module") == {"keras": "3.99.0.dev1", "no_such_module": None}
