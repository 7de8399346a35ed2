"""Take away from cnnzoo what Python has on POSIX systems alone; other packages keep it, as they have their own ways.

Of what Windows forbids, too: a folder is not opened, and what is open or mapped is neither renamed nor removed. And
text is read and written in no encoding but a stated one: Windows would take another than the file's.

Python runs this at its start where the folder is in its path and `VARIABLE` is set: in a process, and in all that it
starts in turn.
"""

import builtins
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

VARIABLE = "CNNZOO_TESTS_WITHOUT_POSIX"
MODULES = {"fcntl", "resource", "termios", "pty", "pwd", "grp"}
MISSING = {
    os: (
        *(
            "preadv",
            "pread",
            "sysconf",
            "sched_getaffinity",
            "sched_setaffinity",
            "fork",
            "mkfifo",
            "geteuid",
            "killpg",
        ),
        *("nice", "chown", "getuid", "getloadavg", "statvfs", "getpgid", "setsid", "WNOHANG", "O_NONBLOCK"),
    ),
    signal: ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM", "SIGPIPE", "SIGQUIT", "alarm", "pause", "pthread_kill"),
}
OPTIONS = ("pass_fds", "preexec_fn", "process_group")  # of `subprocess.Popen`, which Windows refuses
PACKAGE = Path(__file__).parents[2] / "cnnzoo"
STANDARD = Path(os.__file__).parent


def asks(depth=2):
    """Return whether it is a module of cnnzoo that asks."""
    return _is_own(sys._getframe(depth))


def is_behind(depth=2):
    """Return whether it is cnnzoo that asks, also by what Python's own modules do for it."""
    frame = sys._getframe(depth)
    while frame.f_back and _is_standard(frame.f_code.co_filename):
        frame = frame.f_back
    return _is_own(frame)


def _is_own(frame):
    name = frame.f_globals.get("__name__", "")
    return name.startswith("cnnzoo") or (name == "__main__" and Path(frame.f_code.co_filename).is_relative_to(PACKAGE))


def _is_standard(file):
    """Return whether a file is one of Python's own; what is built in has none."""
    return file.startswith("<frozen") or (Path(file).is_relative_to(STANDARD) and "site-packages" not in file)


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


def moving(original):
    """Return a function that renames or removes a path as `original` does, unless this process has some of it open."""

    def moved(path, *args, **options):
        if not isinstance(path, int) and is_behind():
            for each in (path, *args[:1]):  # what is renamed, and what is replaced
                if used := _used(str(Path(each).resolve())):
                    raise PermissionError(13, "The process cannot access the file because it is being used", used)
        return original(path, *args, **options)

    return moved


def _used(path):
    """Return a file at a path, or below it, that this process has open or mapped."""
    found = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if os.path.lexists(link)]
    with original_io_open("/proc/self/maps", encoding="utf-8") as maps:
        found += [line.rstrip("\n").split(maxsplit=5)[-1] for line in maps if "/" in line]
    return next((each for each in found if each == path or each.startswith(path + os.sep)), None)


class Popen(subprocess.Popen):
    def __init__(self, *args, **options):
        if asks():
            refused = [name for name in OPTIONS if options.get(name)]
            assert not refused, f"{refused} are not supported on this system"
            assert options.get("encoding") or not (options.get("text") or options.get("universal_newlines"))
        super().__init__(*args, **options)


original_import, original_open, original_io_open = builtins.__import__, os.open, builtins.open
if os.environ.get(VARIABLE):  # else somebody collects tests
    for module, names in MISSING.items():
        taken_from(module, names)
    builtins.__import__, os.open, subprocess.Popen = importing, opening, Popen
    for name in ("replace", "rename", "unlink", "remove", "rmdir"):
        setattr(os, name, moving(getattr(os, name)))
    shutil._use_fd_functions = False  # as on Windows, where `rmtree` removes by paths
    warnings.filterwarnings("error", category=EncodingWarning, module=r"cnnzoo\b|__main__$")
