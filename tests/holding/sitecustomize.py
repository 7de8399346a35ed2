"""The part of `tests/hold.py` that runs in the process which is to be held.

Python imports a module of this name at its start. The function is looked for when its module is imported, and not
before: no process starts differently for it.
"""

import functools
import importlib.machinery
import importlib.util
import itertools
import json
import os
import signal
import socket
import sys
from pathlib import Path

VARIABLE = "CNNZOO_TESTS_HOLD"


def stop_here(port):
    """Say to the test which process has come, and wait until it says to go on, or ends."""
    connection = socket.create_connection(("127.0.0.1", port))
    try:
        connection.sendall(f"{os.getpid()}\n".encode())
        told = connection.recv(1)
    except ConnectionError:
        told = b""
    if not told:
        os._exit(1)
    connection.close()


def put_around(module, point):
    """Put a function in the place of the one to stop at that calls it."""
    *owners, name = point["name"].split(".")
    owner = functools.reduce(getattr, owners, module)
    function = getattr(owner, name)
    calls = itertools.count(1)

    @functools.wraps(function)
    def around(*args, **kwargs):
        counts = not point["about"] or any(point["about"] in str(each) for each in (*args, *kwargs.values()))
        here = counts and next(calls) == point["call"]
        if here and not point["after"]:
            stop_here(point["port"])
        result = function(*args, **kwargs)
        if here and point["after"]:
            stop_here(point["port"])
        return result

    setattr(owner, name, around)


class Finder:
    """Finds the module of the point as the other finders do, and changes it as soon as it has been executed."""

    def __init__(self, point):
        self.point = point

    def find_spec(self, name, path=None, target=None):
        if name != self.point["module"]:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            put_around(module, self.point)

        spec.loader.exec_module = exec_module
        return spec


def run_the_machines_own():
    """Run the module of this name that this one stands in front of, if there is one."""
    elsewhere = [entry for entry in sys.path if Path(entry) != Path(__file__).parent]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def start():
    """Prepare the point of which the environment tells."""
    run_the_machines_own()
    # A shell that runs the tests in its background has interrupts ignored, by all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    point = json.loads(os.environ[VARIABLE])
    if point["module"] in sys.modules:
        put_around(sys.modules[point["module"]], point)
    else:
        sys.meta_path.insert(0, Finder(point))


if VARIABLE in os.environ:
    start()
