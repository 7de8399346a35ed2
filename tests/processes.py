"""Processes of their own, for the tests that need one."""

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATIENCE = 600  # seconds; no test waits so long, unless what it waits for never comes
PAUSE = 0.05  # seconds between two looks at what another process does


def environment(**variables):
    """Return this process' environment, in which Python finds this very cnnzoo, with further variables.

    A variable that is given as `None` is left out.
    """
    found = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **variables}
    return {name: value for name, value in found.items() if value is not None}


def start(arguments, cwd=None, streams=None, **variables):
    """Start Python with arguments, such as `["-m", "cnnzoo", "list"]`, and further environment variables.

    Its streams are pipes of text, unless others are given, as `subprocess.Popen` takes them.
    """
    command = [sys.executable, *map(str, arguments)]
    streams = streams or {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=environment(**variables), preexec_fn=_take_interrupts, **streams)


def _take_interrupts():
    """Undo what a shell does to all that it starts in its background: it lets them ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(arguments, cwd=None, **variables):
    """Run Python to its end, and return its exit status and what it wrote."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment(**variables), capture_output=True, text=True, check=False)


def ended(process):
    """Wait for the end of a process, and return what it wrote to its streams."""
    return process.communicate(timeout=PATIENCE)


def finished(processes):
    """Return what each process wrote to its streams, and refuse those that failed."""
    written = [ended(process) for process in processes]
    for process, (_, errors) in zip(processes, written, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return written


def children(process):
    """Return the numbers of the processes that a process, given by its number, has started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return {int(number) for number in listed.stdout.split()}


def is_gone(process):
    """Return whether a process has ended, or does so soon; given by its number, since it need be no child of this."""
    return until(lambda: _state(process)[:1] in ("", "Z"))  # Z: nobody has asked yet how it ended


def _state(process):
    return subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False).stdout


def until(condition):
    """Return whether a condition comes true, as soon as it does."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return found


def free_ports(count):
    """Return ports of this machine at which nobody listens, and which nobody else is given while this process lives.

    They stay bound: then the kernel hands them out to nobody, other tests and clients included. Who sets SO_REUSEADDR,
    as servers do, can listen there all the same, since this process does not.
    """
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(("127.0.0.1", 0))
        atexit.register(each.close)
    return [each.getsockname()[1] for each in sockets]
