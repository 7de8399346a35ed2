"""The cost of looking at the targets in every step, as the losses do.

    python benchmarks/target_checks.py

A loop over batches looks at the targets of each, another one only fetches them; they take turns, and the difference of
their processor times is what a check costs. It is compared with the processor time of a training step, in shards, as
`cnnzoo train` runs it: whole steps with checks and without differ by less than their noise.
"""

import argparse
import os
import platform
import statistics
import time

import numpy as np
from turns import seconds

CHECKS, STEPS = 1000, 20  # in a turn
NETS = (("lenet5", 32), ("lenet5", 128), ("autoencoder", 128), ("deep_autoencoder", 250))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    from cnnzoo import distribute

    distribute.configure_threads(128)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.rounds} interleaved turns, processor time")
    for name, batch in NETS:
        works = contenders(name, batch)
        turns = [[seconds(work, time.process_time) for work in works] for _ in range(options.rounds)]
        checks = [1e6 * (checked - fetched) / CHECKS for checked, fetched, _ in turns]
        step = 1e6 * statistics.median(turn[-1] for turn in turns) / STEPS
        low, median, high = statistics.quantiles(checks, n=4)
        print(
            f"{name:16s} batch {batch:3d}: {median:5.1f} µs (the middle half {low:.1f} to {high:.1f}) of "
            f"{step:6,.0f} µs a step, {median / step:.2%}",
            flush=True,
        )


def contenders(name: str, batch: int):
    """Return functions that look at the targets of many batches, that only fetch them, and that train a net."""
    import tensorflow as tf

    import cnnzoo
    from cnnzoo import distribute, losses, models

    model, shards = cnnzoo.create(name), distribute.batch_shards_for(batch)
    reconstructs = models.reconstructs(name)
    images = np.random.default_rng(0).random((batch, *model.input_shape[1:]), "float32")
    targets = images if reconstructs else (np.arange(batch) % 10).astype("float32")
    off = tf.data.Options()
    off.autotune.enabled = False

    def repeated(values):
        return tf.data.Dataset.from_tensors(values).repeat().with_options(off)

    batches = iter(repeated(targets))

    @tf.function
    def loop(check):
        total = tf.constant(0.0)
        for _ in tf.range(CHECKS):
            parts = tf.split(next(batches), shards)
            total += tf.add_n([check(part) for part in parts])
        return total

    def check(part):
        return losses.zero_if_pixels(part, "loss") if reconstructs else losses.zero_if_labels(part, 10, "loss")

    def fetch(part):
        return 0 * tf.reshape(part, (-1,))[0]

    distribute.set_batch_shards(model, shards)
    model.compile(model.optimizer, model.loss, steps_per_execution=STEPS)
    works = (
        lambda: loop(check),
        lambda: loop(fetch),
        lambda: model.fit(repeated((images, targets)), steps_per_epoch=STEPS, shuffle=False, verbose=0),
    )
    for work in works:
        work()
    return works


if __name__ == "__main__":
    main()
