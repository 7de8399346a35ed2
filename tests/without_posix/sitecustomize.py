"""Take away from cnnzoo what Python has on POSIX systems alone; other packages keep it, as they have their own ways.

Python runs this at its start where the folder is in its path and `VARIABLE` is set: in a process, and in all that it
starts in turn.
"""

import builtins
import os
import signal
import subprocess
import sys
from pathlib import Path

VARIABLE = "CNNZOO_TESTS_WITHOUT_POSIX"
MODULES = {"fcntl", "resource", "termios", "pty", "pwd", "grp"}
MISSING = {
    os: ("preadv", "pread", "sysconf", "sched_getaffinity", "sched_setaffinity", "fork", "mkfifo", "geteuid", "killpg"),
    signal: ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM", "SIGPIPE"),
}
OPTIONS = ("pass_fds", "preexec_fn", "process_group")  # of `subprocess.Popen`, which Windows refuses


def asks(depth=2):
    """Return whether it is a module of cnnzoo that asks."""
    return sys._getframe(depth).f_globals.get("__name__", "").startswith("cnnzoo")


def taken_from(module, names):
    had = {name: getattr(module, name) for name in names}
    for name in names:
        delattr(module, name)

    def found(name):
        if name not in had or asks():
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r} on this system")
        return had[name]

    module.__getattr__ = found


def importing(name, *args, **options):
    if name in MODULES and asks():
        raise ModuleNotFoundError(f"No module named {name!r} on this system")
    return original_import(name, *args, **options)


def opening(path, *args, **options):
    if asks() and not isinstance(path, int) and Path(path).is_dir():
        raise PermissionError(13, "Permission denied", path)
    return original_open(path, *args, **options)


class Popen(subprocess.Popen):
    def __init__(self, *args, **options):
        if asks():
            refused = [name for name in OPTIONS if options.get(name)]
            assert not refused, f"{refused} are not supported on this system"
        super().__init__(*args, **options)


original_import, original_open = builtins.__import__, os.open
if os.environ.get(VARIABLE):  # else somebody collects tests
    for module, names in MISSING.items():
        taken_from(module, names)
    builtins.__import__, os.open, subprocess.Popen = importing, opening, Popen
