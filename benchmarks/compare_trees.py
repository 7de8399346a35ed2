"""Speed of this tree against another one, an earlier commit: the same contender of a benchmark, in turns.

    git worktree add /tmp/before COMMIT && python3.11 -m venv /tmp/before-env
    /tmp/before-env/bin/pip install -e '/tmp/before[serve]'
    python benchmarks/compare_trees.py /tmp/before --python /tmp/before-env/bin/python [--only train serving]

Each tree runs its own copy of the benchmark, in a process of its own and with its own environment. Turns are
interleaved; printed are the medians of the turns with their range, and the ratio of the medians. `serving` needs wrk;
each tree serves its own `saved_models/lenet5_mnist`. `--one-core` gives `autoencoder` and `pretraining` one thread and
counts its processor time, which other work on the machine hardly changes.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import serving_throughput
from turns import compared, serve

# of each benchmark: its file, what selects cnnzoo's part, turns to warm up, and the measures in a turn's report
BENCHMARKS = {
    "train": ("train_throughput.py --contender cnnzoo", 2, "images"),
    "autoencoder": ("autoencoder_throughput.py --contender cnnzoo", 1, "images"),
    "alexnet": ("alexnet_throughput.py --contender cnnzoo", 1, "training"),
    "pretraining": ("pretraining_throughput.py --contender cached --images 20000 --epochs 3", 1, "whole - start"),
    "pipeline": ("pipeline_throughput.py --contender cnnzoo", 2, "seconds"),
    "serving": ("", 1, "images"),
}
ONE_CORE = {"autoencoder", "pretraining"}
LESS_IS_BETTER = {"whole - start", "seconds"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the other tree")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="the other tree's interpreter")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    parser.add_argument("--one-core", action="store_true", help="one thread, and its processor time")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    before, now = options.before.resolve(), Path(__file__).resolve().parent.parent
    if options.port:
        _serve(before, options.python, options.port)
        return
    if options.one_core and not ONE_CORE.issuperset(options.only):
        parser.error(f"--one-core is for --only {' '.join(sorted(ONE_CORE))}. Received: {' '.join(options.only)}")
    more = ["--one-core"] * options.one_core
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.rounds} interleaved turns, medians and range")
    for name in options.only:
        trees = {"before": (before, options.python.absolute(), 18081), "now": (now, Path(sys.executable), 18082)}
        commands = {which: _command(name, *tree) + more for which, tree in trees.items()}
        _, warm_ups, measure = BENCHMARKS[name]
        turns = compared(commands, options.rounds, warm_ups)
        _show(name, measure, {which: [_value(turn, measure) for turn in each] for which, each in turns.items()})


def _command(name: str, tree: Path, python: Path, port: int) -> list[str]:
    if name == "serving":  # the load is this tree's, the server the other's
        return [sys.executable, __file__, str(tree), "--python", str(python), "--port", str(port)]
    file, *arguments = BENCHMARKS[name][0].split()
    return ["env", f"PYTHONPATH={tree}", str(python), str(tree / "benchmarks" / file), *arguments]


def _value(turn: dict[str, float], measure: str) -> float:
    """Return a measure, or the difference of two."""
    first, *subtracted = measure.split(" - ")
    return turn[first] - sum(turn[each] for each in subtracted)


def _show(name: str, measure: str, values: dict[str, list[float]]) -> None:
    medians = {which: statistics.median(each) for which, each in values.items()}
    ratio = medians["now"] / medians["before"]
    figures = ", ".join(
        f"{which} {medians[which]:,.4g} ({min(each):,.4g} to {max(each):,.4g})" for which, each in values.items()
    )
    speed = 1 / ratio if measure in LESS_IS_BETTER else ratio
    print(f"{name:12s} {measure}: {figures}; {speed:.3f} times as fast", flush=True)


def _serve(tree: Path, python: Path, port: int) -> None:
    """Serve a tree's LeNet-5, and report the rate of pixels in binary of each turn."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, 28, 28, 1)).astype("float32")
    serving_throughput.PORT = port
    folder = tree / "saved_models/lenet5_mnist"
    # -P: without the folder that it is run in, which is this tree.
    command = [str(python), "-P", "-m", "cnnzoo", "serve", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(tree)}) as server:
        serving_throughput.wait_for(f"http://127.0.0.1:{port}/v1/models/{folder.name}")
        _, path, body, headers = serving_throughput.bodies(folder.name, pixels)["binary pixels"]
        serve(lambda: {"images": serving_throughput.under_load(path, body, headers, 3, 4)[0]})
        server.kill()


if __name__ == "__main__":
    main()
