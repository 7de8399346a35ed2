"""Scripts of the repository, run in this process, or up to the point where they have read their arguments."""

import argparse
import contextlib
import os
import runpy
import sys
from unittest import mock

import pytest

from tests.processes import ROOT


class Read(Exception):  # noqa: N818 (no error)
    """A script has read its arguments."""


def run_script(name, *arguments):
    """Run a script, as `python NAME ARGUMENTS` does."""
    with _as_a_program(ROOT / name, arguments):
        runpy.run_path(str(ROOT / name), run_name="__main__")


def parsed_arguments(name, arguments):
    """Return what a script reads from its arguments, of which it must know all; one without a parser takes none."""
    parse = argparse.ArgumentParser.parse_args

    def read(self, *given):
        raise Read(parse(self, *given))

    if "ArgumentParser" not in (ROOT / name).read_text("utf-8"):
        assert not arguments
        return argparse.Namespace()
    with mock.patch.object(argparse.ArgumentParser, "parse_args", read), pytest.raises(Read) as end:
        run_script(name, *arguments)
    return end.value.args[0]


@contextlib.contextmanager
def _as_a_program(path, arguments):
    here = {"argv": [str(path), *map(str, arguments)], "path": [str(path.parent), *sys.path]}
    with mock.patch.dict(os.environ), mock.patch.multiple(sys, **here):
        yield
