"""Contenders that take turns: each lives in a process of its own, and works only when it is told to."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path


def compared(commands: Mapping[str, list[str]], rounds: int, warm_ups: int = 1) -> dict[str, list[dict]]:
    """Start the contenders, let each warm up alone, and return what they report of each of the interleaved turns."""
    processes = {}
    for name, command in commands.items():
        processes[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(warm_ups):
            _turn(processes[name])
    turns: dict[str, list[dict]] = {name: [] for name in processes}
    for _ in range(rounds):
        for name, process in processes.items():
            turns[name].append(_turn(process))
    for process in processes.values():
        process.stdin.close()
        process.wait()
    return turns


def serve(report: Callable[[], dict]) -> None:
    """Take a turn for every line of the standard input: work, and print the result."""
    for _ in sys.stdin:
        print(json.dumps(report()), flush=True)


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how long a piece of work takes."""
    began = clock()
    work()
    return clock() - began


def report(train: Callable[[], object], examples: int, clock: Callable[[], float] = time.perf_counter) -> dict:
    """Return how many images a second a piece of training takes, and how long per second its threads had no core."""
    waited, began = _waiting(), time.perf_counter()
    trained = seconds(train, clock)
    return {"images": examples / trained, "waited": (_waiting() - waited) / (time.perf_counter() - began)}


def answer(lines: Iterable[str]) -> dict:
    """Return the first report among the lines that a contender prints."""
    for line in lines:
        if line.startswith("{"):
            return json.loads(line)
    raise SystemExit("a contender ended early")


def _turn(process: subprocess.Popen) -> dict:
    process.stdin.write("go\n")
    process.stdin.flush()
    return answer(process.stdout)


def _waiting() -> float:
    """Return the seconds that this process' threads were ready to run and had no core, where Linux counts them."""
    threads = Path("/proc/self/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="utf-8").split()[1]) for thread in threads) / 1e9
