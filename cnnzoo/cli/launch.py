"""Several workers on this machine: start them, show what they print, and end them together."""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import TextIO

from cnnzoo.errors import InputError

FAREWELL = 20.0  # seconds in which the workers may end by themselves once one has died
PAUSE = 0.1  # seconds between two looks at the workers
LAUNCHER = "CNNZOO_LAUNCHER"  # the variable that tells a member who started it


@dataclasses.dataclass(frozen=True)
class Member:
    """One of several processes that work together.

    Attributes:
        name: what its lines begin with.
        environment: what is set for it alone.
        share: `(index, count)`: which part of this machine's cores it gets; `None` for all.
    """

    name: str
    environment: dict[str, str]
    share: tuple[int, int] | None = None


def run_workers(arguments: list[str], count: int) -> int:
    """Run `cnnzoo` with the same arguments in several processes that train as one, and wait for all of them.

    Each gets a `TF_CONFIG` of its own, a share of this machine's cores, and a prefix before each line that it prints.
    An interrupt or a request to end is passed on to all. When one fails, the others get some seconds to say why they
    stop, and are ended then.

    Args:
        arguments: what stands behind `cnnzoo` on the command line.
        count: number of workers; ≥ 2.

    Returns:
        The exit code: 0, or that of the first worker that failed.

    Raises:
        InputError: no such number of workers, or the process is itself one of several.
    """
    if count < 2:
        raise InputError(f"--workers must be at least 2, not {count}; leave it out to train in one process")
    if "TF_CONFIG" in os.environ:
        raise InputError("--workers starts workers on this machine, but TF_CONFIG says that this is one already")
    members = [
        Member(f"worker {index}", {"TF_CONFIG": config}, (index, count)) for index, config in enumerate(_configs(count))
    ]
    return run_together(arguments, members)


def run_together(arguments: list[str], members: Sequence[Member]) -> int:
    """Run `cnnzoo` with the same arguments in several processes, and wait for all of them; see `run_workers`.

    Args:
        arguments: what stands behind `cnnzoo` on the command line.
        members: the processes.

    Returns:
        The exit code: 0, or that of the first member that failed.
    """
    workers = [_started(arguments, member) for member in members]
    printers = [
        threading.Thread(target=_shown, args=(stream, member.name, target), daemon=True)
        for member, worker in zip(members, workers, strict=True)
        for stream, target in ((worker.stdout, sys.stdout), (worker.stderr, sys.stderr))
    ]
    for printer in printers:
        printer.start()
    before = {name: signal.signal(name, lambda number, _: _tell(workers, number)) for name in PASSED_ON}
    try:
        return _ended(workers, [member.name for member in members])
    finally:
        for worker in workers:
            worker.kill()
        for printer in printers:
            printer.join()
        for name, handler in before.items():
            signal.signal(name, handler)


PASSED_ON = (signal.SIGINT, signal.SIGTERM)


def without_option(arguments: Sequence[str], option: str) -> list[str]:
    """Return arguments without an option and its value.

    Example:
    >>> without_option(["train", "a", "--workers", "2", "--smoke"], "--workers")
    ['train', 'a', '--smoke']
    >>> without_option(["train", "a", "--workers=2"], "--workers")
    ['train', 'a']
    """
    kept, skip = [], False
    for argument in arguments:
        if not skip and argument != option and not argument.startswith(f"{option}="):
            kept.append(argument)
        skip = argument == option
    return kept


def end_with_launcher() -> None:
    """Let this process, if `run_together` started it, end as soon as that process is gone, killed perhaps."""
    launcher = os.environ.get(LAUNCHER)
    if launcher is None:
        return

    def watch() -> None:
        while os.getppid() == int(launcher):
            time.sleep(PAUSE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that are free now.

    Example:
    >>> len(set(free_ports(2)))
    2
    """
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _configs(count: int) -> list[str]:
    """Return the `TF_CONFIG` of each worker, at ports that are free now."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(count)]}
    return [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}) for index in range(count)]


def _started(arguments: list[str], member: Member) -> subprocess.Popen:
    own = {**member.environment, LAUNCHER: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
    worker = subprocess.Popen(  # noqa: S603 (this very program)
        [sys.executable, "-m", "cnnzoo", *arguments],
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # an interrupt at the terminal comes from here, once
    )
    if member.share and hasattr(os, "sched_setaffinity"):
        index, count = member.share
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(worker.pid, cores[index % len(cores) :: count] or cores)
    return worker


def _shown(stream: TextIO, name: str, target: TextIO) -> None:
    """Print what a worker writes, line by line."""
    for line in stream:
        print(f"[{name}] {line}", end="", file=target, flush=True)


def _tell(workers: list[subprocess.Popen], number: int) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.send_signal(number)


def _ended(workers: list[subprocess.Popen], names: list[str]) -> int:
    """Wait until all have ended well, or one has failed and the others have had time to stop."""
    while not any(codes := [worker.poll() for worker in workers]):
        if None not in codes:
            return 0
        time.sleep(PAUSE)
    failed = [(code, index) for index, code in enumerate(codes) if code]
    # Whoever was killed, or refused its input, is the cause; what ends with 1 has only lost another one.
    code, index = min(failed, key=lambda each: (each[0] > 0, -each[0]))
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    print(f"cnnzoo: {names[index]} {how}; the others are ended, too", file=sys.stderr, flush=True)
    deadline = time.monotonic() + FAREWELL
    while time.monotonic() < deadline and any(worker.poll() is None for worker in workers):
        time.sleep(PAUSE)
    return code if code > 0 else 128 - code
