"""The tests at the ends of the ranges of versions that pyproject.toml allows.

`nox -s lowest` has the oldest Python, TensorFlow, Keras and NumPy, `nox -s highest` the newest of everything, and
`nox -s nightly` what TensorFlow and Keras will be. After `--` come pytest's arguments, by default none: the unit tier.
Each has an environment of its own, of 3 GB.
"""

import re
import tomllib
from pathlib import Path

import nox

nox.options.sessions = ["lowest", "highest"]

DEPENDENCIES = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
BOUNDS = dict(re.findall(r"^(tensorflow|keras|numpy)>=([\d.]+)", "\n".join(DEPENDENCIES), re.MULTILINE))


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """The oldest versions of Python, TensorFlow, Keras and NumPy."""
    session.install("-e", ".[test]", *(f"{name}=={version}" for name, version in BOUNDS.items()))
    session.run("pytest", *session.posargs)


@nox.session(python="3.13")
def highest(session: nox.Session) -> None:
    """The newest versions of all packages."""
    session.install("--upgrade", "--upgrade-strategy", "eager", "-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python="3.13")
def nightly(session: nox.Session) -> None:
    """Last night's TensorFlow and Keras."""
    session.install("-e", ".[test]")
    session.run("pip", "uninstall", "--yes", "--quiet", "tensorflow", "keras")
    session.install("--pre", "--upgrade", "tf-nightly", "keras-nightly")
    session.run("pytest", *session.posargs)
