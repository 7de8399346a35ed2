"""The cost of the progress display: the same fit without one, with `Progress`, and with Keras' own bar.

    python benchmarks/progress_overhead.py

All fit the textbook LeNet at batch 128 as `cnnzoo train` does, on 60,000 random images of 28×28 pixels, and write to a
terminal of 80 columns that another process reads. A turn is an epoch; turns are interleaved, and each contender has its
own process. Where other programs use the machine, the ratios of turns show no differences below a few percent, so the
seconds within the methods of `Progress` are measured, too. `--steps-per-execution 1` is the worst case, a return to
Python at every step.
"""

import argparse
import contextlib
import os
import platform
import pty
import statistics
import subprocess
import sys
import time

from turns import compared, seconds, serve

BATCH, EXAMPLES = 128, 60_000
CONTENDERS = ("nothing", "Progress", "Keras' bar")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps-per-execution", type=int, default=32, help="at most so many")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        serve(_contender(options.contender, options.steps_per_execution))
    else:
        _compare(options.rounds, options.steps_per_execution)


def _compare(rounds: int, limit: int) -> None:
    common = ["--steps-per-execution", str(limit), "--contender"]
    turns = compared({name: [sys.executable, __file__, *common, name] for name in CONTENDERS}, rounds, warm_ups=2)
    print(f"{platform.machine()}, {os.cpu_count()} cores, batch {BATCH}, {rounds} interleaved turns of an epoch")
    for name, own in turns.items():
        taken = [turn["seconds"] for turn in own]
        ratios = [turn["seconds"] / other["seconds"] for turn, other in zip(own, turns["nothing"], strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4)
        print(
            f"{name:10s} {statistics.median(taken):6.3f} s (from {min(taken):.3f} to {max(taken):.3f}), "
            f"{statistics.median(ratios):.3f} times as long as nothing in the same round "
            f"(the middle half {low:.3f} to {high:.3f})"
        )
    for key, name in (("wall", "seconds"), ("cpu", "CPU seconds")):
        percentages = [100 * turn[key] / turn["seconds"] for turn in turns["Progress"]]
        median = 1000 * statistics.median(turn[key] for turn in turns["Progress"])
        print(
            f"{name} within Progress: {median:.1f} ms per epoch, "
            f"{statistics.median(percentages):.2f} % (from {min(percentages):.2f} to {max(percentages):.2f})"
        )


def _contender(name: str, limit: int):
    import keras
    import numpy as np

    import cnnzoo
    from cnnzoo import data, distribute
    from cnnzoo.callbacks import Progress, StopOnNaN
    from cnnzoo.runtime import steps_per_execution_for

    class Timed(Progress):
        wall = cpu = 0.0

    for method in ("on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"):
        setattr(Timed, method, _timed(getattr(Progress, method)))

    distribute.configure_threads(BATCH)  # as `cnnzoo train` does
    shards = distribute.batch_shards_for(BATCH)
    rng = np.random.default_rng(0)
    split = data.Split(rng.integers(0, 256, (EXAMPLES, 28, 28, 1), "uint8"), rng.integers(0, 10, EXAMPLES, "int32"))
    model = cnnzoo.lenet()
    steps, steps_per_execution = steps_per_execution_for(data.steps_per_epoch(split, BATCH), limit)
    distribute.set_batch_shards(model, shards)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        model.loss,
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        steps_per_execution=steps_per_execution,
    )
    preprocess = cnnzoo.models.preprocessing("lenet", model)
    batches = data.train_pipeline(split, BATCH, preprocess=preprocess, steps=steps)
    terminal = _terminal()
    options = {"steps_per_epoch": steps, "shuffle": False, "verbose": 1 if name == "Keras' bar" else 0}

    def turn() -> dict:
        progress = Timed(batch_size=BATCH)
        callbacks = [StopOnNaN(), *([progress] if name == "Progress" else [])]
        with contextlib.redirect_stdout(terminal):
            taken = seconds(lambda: model.fit(batches, callbacks=callbacks, **options))
        return {"seconds": taken, "wall": progress.wall, "cpu": progress.cpu}

    return turn


def _timed(method):
    def measured(self, *args, **kwargs):
        began, busy = time.perf_counter(), time.thread_time()
        method(self, *args, **kwargs)
        self.wall += time.perf_counter() - began
        self.cpu += time.thread_time() - busy

    return measured


def _terminal():
    """Return a terminal to write to, which another process reads."""
    os.environ.update(TERM="xterm-256color", COLUMNS="80")
    controller, terminal = pty.openpty()
    subprocess.Popen(["cat"], stdin=controller, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(controller)
    return os.fdopen(terminal, "w")


if __name__ == "__main__":
    main()
