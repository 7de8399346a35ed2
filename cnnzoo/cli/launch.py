"""Start several workers on this machine, print their output, and end them together."""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import TextIO

import psutil

from cnnzoo.checks import refusal
from cnnzoo.errors import InputError
from cnnzoo.runtime import GPU_SHARE, own_group, temporary_files_in

GRACE_PERIOD = 20.0  # seconds in which the other workers may end by themselves after one has failed
POLL_INTERVAL = 0.1  # seconds between two checks of the workers
LAUNCHER = "CNNZOO_LAUNCHER"  # environment variable with the id of the process that started a member
FORWARDED_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclasses.dataclass(frozen=True)
class Member:
    """One of several processes that work together.

    Attributes:
        name: the prefix of the lines that it prints.
        environment: its own environment variables.
        share: `(index, count)`: it runs on part `index` of `count` parts of this machine's cores and GPUs; `None` for
            all of them.
    """

    name: str
    environment: dict[str, str]
    share: tuple[int, int] | None = None


def run_workers(arguments: list[str], count: int) -> int:
    """Run `cnnzoo` with the same arguments in several processes that train together, and wait for all of them.

    Each has its own `TF_CONFIG`, a part of this machine's cores and GPUs, and a prefix before each line that it prints.
    SIGINT and SIGTERM are forwarded to all. When one fails, the others have some seconds to stop by themselves and
    print why, and are killed then.

    Args:
        arguments: the arguments of `cnnzoo` on the command line.
        count: number of workers; ≥ 2.

    Returns:
        The exit code: 0, or that of the first worker that failed.

    Raises:
        InputError: fewer than 2 workers, or this process is a worker itself.
    """
    if count < 2:
        raise refusal("--workers", "an integer of at least 2; leave it out to train in one process", count)
    if "TF_CONFIG" in os.environ:
        raise InputError("--workers starts workers on this machine, but TF_CONFIG says that this is one already")
    members = [
        Member(f"worker {index}", {"TF_CONFIG": config}, (index, count)) for index, config in enumerate(_configs(count))
    ]
    return run_together(arguments, members)


def run_together(arguments: list[str], members: Sequence[Member]) -> int:
    """Run `cnnzoo` with the same arguments in several processes, and wait for all of them; see `run_workers`.

    Args:
        arguments: the arguments of `cnnzoo` on the command line.
        members: the processes.

    Returns:
        The exit code: 0, or that of the first member that failed.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        return _run_together(arguments, members, temporary_files_in(temporary))


def _run_together(arguments: list[str], members: Sequence[Member], variables: dict[str, str]) -> int:
    workers = [_start(arguments, member, variables) for member in members]
    printers = [
        threading.Thread(target=_print_lines, args=(stream, member.name, target), daemon=True)
        for member, worker in zip(members, workers, strict=True)
        for stream, target in ((worker.stdout, sys.stdout), (worker.stderr, sys.stderr))
    ]
    for printer in printers:
        printer.start()
    handlers = {each: signal.signal(each, lambda number, _: _forward(number, workers)) for each in FORWARDED_SIGNALS}
    try:
        return _wait(workers, [member.name for member in members])
    finally:
        for worker in workers:
            worker.kill()
        for printer in printers:
            printer.join()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def is_member() -> bool:
    """Return whether this process is one of those that `run_together` started: it has the launcher's arguments."""
    return LAUNCHER in os.environ


def end_with_launcher() -> None:
    """End this process, if `run_together` started it, as soon as the launcher does not run anymore."""
    launcher = os.environ.get(LAUNCHER)
    if launcher is None:
        return

    try:
        started_by = psutil.Process(int(launcher))
    except psutil.NoSuchProcess:
        os._exit(1)

    def watch() -> None:
        # On Windows a process keeps the number of the one that has started it.
        while os.getppid() == started_by.pid and started_by.is_running():
            time.sleep(POLL_INTERVAL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def free_ports(count: int) -> list[int]:
    """Return TCP ports of this machine that no program uses now.

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
    """Return the `TF_CONFIG` of each worker."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(count)]}
    return [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}) for index in range(count)]


def _start(arguments: list[str], member: Member, variables: dict[str, str]) -> subprocess.Popen:
    variables = {
        **variables,
        **member.environment,
        LAUNCHER: str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    if member.share:
        variables[GPU_SHARE] = "{}/{}".format(*member.share)
    worker = subprocess.Popen(  # noqa: S603 (this very program)
        [sys.executable, "-m", "cnnzoo", *arguments],
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",  # what C libraries write is in any encoding
        **own_group(),  # it receives an interrupt at the terminal from here, once
    )
    if member.share and hasattr(os, "sched_setaffinity"):
        index, count = member.share
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(worker.pid, cores[index % len(cores) :: count] or cores)
    return worker


def _print_lines(stream: TextIO, name: str, target: TextIO) -> None:
    """Print each line of a worker's stream with its name."""
    with stream:
        for line in stream:
            print(f"[{name}] {line}", end="", file=target, flush=True)


def _forward(number: int, workers: list[subprocess.Popen]) -> None:
    for worker in workers:
        if worker.poll() is None:
            if sys.platform == "win32":
                worker.send_signal(signal.CTRL_BREAK_EVENT)  # Windows delivers no other to another group
            else:
                worker.send_signal(number)


def _wait(workers: list[subprocess.Popen], names: list[str]) -> int:
    """Wait until all workers have succeeded, or one has failed and the others have had time to stop."""
    while not any(codes := [worker.poll() for worker in workers]):
        if None not in codes:
            return 0
        time.sleep(POLL_INTERVAL)
    failed = [(code, index) for index, code in enumerate(codes) if code]
    # The cause is a worker that was killed (< 0) or refused its input (2); one that lost another worker ends with 1.
    code, index = min(failed, key=lambda each: (each[0] > 0, -each[0]))
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    print(f"cnnzoo: {names[index]} {how}; the others are ended, too", file=sys.stderr, flush=True)
    deadline = time.monotonic() + GRACE_PERIOD
    while time.monotonic() < deadline and any(worker.poll() is None for worker in workers):
        time.sleep(POLL_INTERVAL)
    return code if code > 0 else 128 - code
