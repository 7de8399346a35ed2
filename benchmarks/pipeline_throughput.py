"""LeNet-5's input pipeline alone: cnnzoo's against TFDS', and how long a training step waits for it.

    python benchmarks/pipeline_throughput.py --data mnist     # or cifar10; needs TFDS' data set
    python benchmarks/pipeline_throughput.py --wait           # the fraction of LeNet-5's training step, on MNIST

Shuffled, in batches of 128; MNIST is padded to 32×32 and scaled for LeNet-5, CIFAR-10 scaled to [0, 1]. Each
contender runs in a process of its own, in turns; a turn is five epochs, and the first turn, which reads the
files, does not count.

- cnnzoo: `cnnzoo.data.train_pipeline`, from the uint8 array that `cnnzoo.data.load` decoded once.
- tfds: `tfds.load` with its auto-cache, then `map`, `shuffle` of all examples, `batch`, `prefetch`, with autotuning: in
  the order of TFDS' own tutorial. tfds batched: the same, padded and scaled by whole batches.

With `--wait`, LeNet-5 is trained in turns on the pipeline and on one batch in memory, repeated. Printed are the time
that its steps wait for the next batch, and the total cost of the data, by waiting and by competing with the model for
the cores.
"""

import argparse
import os
import platform
import statistics
import sys

from turns import compared, seconds, serve

BATCH = 128
EPOCHS = 5  # in a turn: the buffers that are full at its start must not count
CONTENDERS = ("cnnzoo", "tfds", "tfds batched")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("mnist", "cifar10"), default="mnist")
    parser.add_argument("--data-dir", help="TFDS' folder (default: TFDS_DATA_DIR)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        epoch = _fit(options) if options.wait else _pipeline(options)
        serve(epoch)
        return
    names = ("pipeline", "one batch") if options.wait else CONTENDERS
    own = ["--data", options.data, *(["--wait"] if options.wait else [])]
    own += ["--data-dir", options.data_dir] if options.data_dir else []
    commands = {name: [sys.executable, __file__, "--contender", name, *own] for name in names}
    turns = compared(commands, options.rounds, warm_ups=2)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.data}, batch {BATCH}, {options.rounds} turns")
    times = {name: [turn["seconds"] for turn in each] for name, each in turns.items()}
    images = (60_000 if options.data == "mnist" else 50_000) // BATCH * BATCH
    first = statistics.median(times[names[0]])
    for name, values in times.items():
        speeds = sorted(images / value for value in values)
        ratio = "" if name == names[0] else f"   {names[0]} is {statistics.median(values) / first:.2f} times as fast"
        print(
            f"{name:13s} {statistics.median(speeds):9,.0f} images/s (from {speeds[0]:,.0f} to {speeds[-1]:,.0f}){ratio}"
        )
    if options.wait:
        for name, each in turns.items():
            waits = [turn["waited"] / turn["seconds"] for turn in each]
            print(f"waiting, {name}: {statistics.median(waits):.1%} (from {min(waits):.1%} to {max(waits):.1%})")
        fractions = [1 - other / one for one, other in zip(times["pipeline"], times["one batch"], strict=True)]
        print(
            f"data in all: {statistics.median(fractions):.1%} (turns from {min(fractions):.1%} to {max(fractions):.1%})"
        )


def _source(options):
    from cnnzoo import data

    return data.load(options.data, data_dir=options.data_dir)


def _pipeline(options):
    import tensorflow as tf

    from cnnzoo import data, models

    if options.contender != "cnnzoo":
        batches = _tfds(options)
    else:
        split = _source(options).train
        scaled = models.lenet.preprocess_input if options.data == "mnist" else _to_unit
        batches = data.train_pipeline(split, BATCH, preprocess=scaled)
    steps, iterator = (60_000 if options.data == "mnist" else 50_000) // BATCH, iter(batches)

    def epochs():
        for _ in range(EPOCHS * steps):
            last = next(iterator)
        tf.debugging.assert_all_finite(last[0], "")

    return lambda: {"seconds": seconds(epochs) / EPOCHS}


def _to_unit(images):
    import tensorflow as tf

    return tf.cast(images, "float32") / 255


def _tfds(options):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def scaled(images, labels):
        images = _to_unit(images)
        if options.data == "mnist":
            sides = [[2, 2], [2, 2], [0, 0]]
            images = tf.pad(images, sides if images.shape.rank == 3 else [[0, 0], *sides])
        return images, labels

    examples = tfds.load(
        options.data, split="train", data_dir=options.data_dir or os.environ.get("TFDS_DATA_DIR"), as_supervised=True
    )
    count = 60_000 if options.data == "mnist" else 50_000
    if options.contender == "tfds":
        examples = examples.map(scaled, num_parallel_calls=tf.data.AUTOTUNE)
    batches = examples.shuffle(count).batch(BATCH, drop_remainder=True)
    if options.contender == "tfds batched":
        batches = batches.map(scaled, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE).repeat()


def _fit(options):
    import tensorflow as tf

    import cnnzoo
    from cnnzoo import data, distribute, models

    distribute.configure_threads(BATCH)  # as `cnnzoo train` does
    shards = distribute.batch_shards_for(BATCH)
    split = _source(options).train
    model = cnnzoo.lenet5()
    distribute.set_batch_shards(model, shards)
    model.compile(model.optimizer, model.loss)
    batches = data.train_pipeline(split, BATCH, preprocess=models.preprocessing("lenet5", model))
    steps = data.steps_per_epoch(split, BATCH)
    if options.contender == "one batch":
        off = tf.data.Options()
        off.autotune.enabled = False
        batches = tf.data.Dataset.from_tensors(next(iter(batches))).repeat().prefetch(8).with_options(off)
    iterator = iter(batches)

    @tf.function
    def epoch():
        """Train as `fit` does with many steps an execution, and sum the time until each batch is there."""
        waited = tf.constant(0.0, "float64")
        for _ in tf.range(steps):
            # The first layer's kernel is updated last: until then the model does not wait.
            with tf.control_dependencies([tf.identity(model.trainable_variables[0].value)]):
                start = tf.timestamp()
            batch = next(iterator)
            with tf.control_dependencies(tf.nest.flatten(batch)):
                waited += tf.timestamp() - start
            model.train_step(batch)
        return waited

    def turn():
        waits = []
        return {"seconds": seconds(lambda: waits.append(float(epoch()))), "waited": waits[0]}

    return turn


if __name__ == "__main__":
    main()
