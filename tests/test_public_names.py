"""The names that cnnzoo hands on: there, listed once, and never hidden behind a module of the same name."""

import inspect
import pkgutil

import pytest

import cnnzoo
from tests import stub

PACKAGES = [
    name
    for _, name, is_package in pkgutil.walk_packages(cnnzoo.__path__, "cnnzoo.")
    if is_package and not name.startswith("cnnzoo.cli")
]


def test_public_names_are_there():
    for name in cnnzoo.__all__:
        assert getattr(cnnzoo, name) is not None
    assert dir(cnnzoo) == sorted([*cnnzoo.__all__, "__version__"])
    assert not hasattr(cnnzoo, "server")
    with pytest.raises(AttributeError, match="no attribute 'alexnett'"):
        _ = cnnzoo.alexnett


def test_the_stub_has_the_names_and_no_others():
    """`python tests/stub.py` writes it."""
    assert stub.PATH.read_text(encoding="utf-8") == stub.stub()


@pytest.mark.parametrize("package", ["cnnzoo", *PACKAGES])
def test_no_function_hides_a_module(package):
    """`cnnzoo.alexnet` is the function, `cnnzoo.models.alexnet` the module."""
    found = __import__(package, fromlist=["_"])
    modules = {name for _, name, _ in pkgutil.iter_modules(found.__path__)}
    hidden = {name for name in modules & {*vars(found)} if not inspect.ismodule(getattr(found, name))}
    assert hidden == set()
