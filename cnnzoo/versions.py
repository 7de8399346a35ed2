"""Versions of Python and of packages: which are too old, and what a run records. Loads no package to ask for one."""

# Python 3.8 and later can read this file, to say that it is too old for the others.
from __future__ import annotations

import importlib.metadata
import re
import sys

OLDEST_PYTHON = (3, 11)
OLDEST = {"tensorflow": (2, 18, 1), "keras": (3, 13), "numpy": (1, 26, 4)}  # as pyproject.toml has them

# What a module is installed as, where that is not its own name alone.
DISTRIBUTIONS = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu", "tensorflow-rocm"),
    "keras": ("keras", "keras-nightly"),
    "keras_tuner": ("keras-tuner",),
    "sklearn": ("scikit-learn",),
    "tensorflow_datasets": ("tensorflow-datasets", "tfds-nightly"),
}


def check_versions() -> None:
    """Check that Python, TensorFlow, Keras and NumPy are not too old.

    A package that is not there, or does not say its version, is not checked.

    Raises:
        ImportError: one of them is too old; the message has the version found.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise ImportError(_too_old("Python", OLDEST_PYTHON, ".".join(map(str, sys.version_info[:3]))))
    for module, oldest in OLDEST.items():
        found = version_of(module)
        numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", found or "")
        if numbers and tuple(int(number or 0) for number in numbers.groups()) < oldest:
            name = {"tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}[module]
            raise ImportError(f"{_too_old(name, oldest, found)}; try pip install --upgrade {module}")


def _too_old(name: str, oldest: tuple[int, ...], found: str | None) -> str:
    return f"cnnzoo needs {name} {'.'.join(map(str, oldest))} or later. Found: {name} {found}"


def version_of(module: str) -> str | None:
    """Return the version of a module: what it says itself if it is loaded, else what is said of its installation.

    TensorFlow and Keras are installed under several names: `tensorflow-cpu`, `keras-nightly`.

    Args:
        module: the name that it is imported by.

    Returns:
        The version, or `None` if it is not installed.

    Example:
    >>> import keras
    >>> version_of("keras") == keras.__version__, version_of("no_such_module")
    (True, None)
    """
    if version := getattr(sys.modules.get(module), "__version__", None):
        return str(version)
    for distribution in DISTRIBUTIONS.get(module, (module,)):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            pass
    return None


def versions_of(*modules: str) -> dict[str, str | None]:
    """Return the versions of modules, by the names that they are mostly installed by.

    Example:
    >>> list(versions_of("keras", "sklearn"))
    ['keras', 'scikit-learn']
    """
    return {DISTRIBUTIONS.get(module, (module,))[0]: version_of(module) for module in modules}
