"""What each way that is not Keras' or NumPy's own gains: a whole training step with it and without it, in turns.

    python benchmarks/own_ways.py [--only adam momentum pooling normalization kernels rows] [--rounds 7]

- adam, momentum: updates by one operation of TensorFlow (`cnnzoo/optimizers/fused.py`), or written out.
- pooling: the gradient of `cnnzoo.layers.AveragePooling2D`, or of Keras' layer, in the textbook LeNet.
- normalization: `LocalResponseNormalization` compiled into one pass, or operation by operation, in AlexNet.
- kernels: the gradient of dense kernels by one product (`cnnzoo/distribute/kernel_gradients.py`), or shard by shard.
- rows: `cnnzoo.files.read_rows`, or a memory map, from a file that the system has not kept in memory.

Both forms live in one process, and a turn is one training of each. The processor time of all threads counts, since the
machine may be shared; of rows, which wait for the disk, the clock. `kernels` runs alone: it sets TensorFlow's threads.
"""

import argparse
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from unittest import mock

NETS = {  # of each way: the net, images in a batch, and steps in a turn
    "adam": ("deep_autoencoder", 256, 30),
    "momentum": ("alexnet_owt", 32, 3),
    "pooling": ("lenet", 128, 200),
    "normalization": ("alexnet", 32, 3),
    "kernels": ("deep_autoencoder", 256, 30),
}
WAYS = (*NETS, "rows")
ROWS = {155_000: 400, 3_000: 4_000}  # bytes of an image, and how many are read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.rounds} interleaved turns, medians and range")
    for way in options.only:
        if way == "kernels" and len(options.only) > 1:
            subprocess.run([sys.executable, __file__, "--only", way, "--rounds", str(options.rounds)], check=True)
        elif way == "rows":
            for size, count in ROWS.items():
                _compare(f"rows of {size:,} bytes", _row_readers(size, count), options.rounds, time.perf_counter)
        else:
            _compare(way, _trainings(way), options.rounds, time.process_time)


def _compare(way: str, works: dict, rounds: int, clock) -> None:
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            began = clock()
            work()
            if turn:  # the first one traces and compiles
                times[name].append(1000 * (clock() - began))
    own, other = (statistics.median(each) for each in times.values())
    figures = ", ".join(f"{statistics.median(t):,.0f} ms ({min(t):,.0f} to {max(t):,.0f})" for t in times.values())
    print(f"{way:22s} {' against '.join(times)}: {figures}; without it {other / own - 1:+.1%}", flush=True)


def _trainings(way: str) -> dict:
    """Return a function for each form that trains its net for some steps."""
    import cnnzoo
    from cnnzoo import distribute

    name, batch, steps = NETS[way]
    if way == "kernels":
        distribute.configure_threads(batch)  # as `cnnzoo train` does
    own, other = (cnnzoo.create(name) for _ in range(2))
    images, targets = _batch(own, batch)
    for model in (own, other):
        model.compile(_optimizer(way), model.loss)
        if way == "kernels":
            distribute.set_batch_shards(model, distribute.batch_shards_for(batch))
    without = _without(way, other)

    def trained(model):
        for _ in range(steps):
            model.train_on_batch(images, targets)

    def trained_without():
        with without:  # what counts is the first turn, in which the step is traced
            trained(other)

    return {"cnnzoo's": lambda: trained(own), "without": trained_without}


def _optimizer(way: str):
    from cnnzoo.optimizers import Adam, ClassicSGD

    return ClassicSGD(0.01, momentum=0.9, weight_decay=1e-4) if way in ("momentum", "normalization") else Adam(1e-3)


def _without(way: str, model):
    """Return the context in which a step is traced the other way."""
    import keras

    from cnnzoo.distribute import kernel_gradients
    from cnnzoo.layers import local_response_normalization
    from cnnzoo.optimizers import fused

    if way == "pooling":
        for layer in model.layers:
            if isinstance(layer, keras.layers.AveragePooling2D):
                layer.__class__ = keras.layers.AveragePooling2D  # the same net, the other gradient
        return contextlib.nullcontext()
    if way == "normalization":
        return mock.patch.object(local_response_normalization, "_one_pass", lambda formula: formula)
    if way == "kernels":
        return mock.patch.object(kernel_gradients, "_is_plain", return_value=False)
    return mock.patch.object(fused, "is_available", return_value=False)


def _batch(model, batch: int):
    import numpy as np

    rng = np.random.default_rng(0)
    images = rng.random((batch, *model.input_shape[1:]), "float32")
    classes = model.output_shape[1:]
    return images, images if len(classes) == 3 else rng.integers(0, *classes, batch, "int32")


def _row_readers(size: int, count: int) -> dict:
    """Return a function for each form that reads rows in random order, after the system has forgotten them."""
    import numpy as np

    from cnnzoo.files import read_rows

    file = tempfile.TemporaryFile(dir=".")  # noqa: SIM115 (it lives as long as the functions); not in memory
    file.write(np.random.default_rng(0).integers(0, 256, (count, size), "uint8").tobytes())
    file.flush()
    os.fsync(file.fileno())
    order = np.random.default_rng(1).permutation(count)

    def forgotten():
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def read():
        forgotten()
        for start in range(0, count, 32):
            read_rows(file, order[start : start + 32], (size,), "uint8")

    def mapped():
        forgotten()
        rows = np.memmap(file, "uint8", "r", shape=(count, size))
        for start in range(0, count, 32):
            np.array(rows[order[start : start + 32]])

    return {"read_rows": read, "memory map": mapped}


if __name__ == "__main__":
    main()
