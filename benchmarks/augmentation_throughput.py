"""The cost of each augmentation, alone and relative to the training step of the model that it is for.

    python benchmarks/augmentation_throughput.py

Made-up images of 28×28 pixels, padded to 32×32, in batches of 128 for LeNet-5, and of 256×256 pixels, cropped for
AlexNet (`alexnet_owt`, 224 pixels, and `alexnet`, 227), in batches of 32. Each augmentation is timed in a pipeline
without a model, as images/s on all cores, in interleaved rounds; its cost is the time of a batch minus that with
"none". The models' training steps are timed in the same process, before and after, as `fit` runs them.
"""

import argparse
import os
import platform
import statistics

from turns import seconds

LENET, ALEXNET = (32, 32, 1), (227, 227, 3)
SMALL = ("none", "affine", "elastic", "affine_elastic", "shift", "noise", "masking", "salt_and_pepper")
LARGE = ("none", "flip", "alexnet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    import cnnzoo
    from cnnzoo import data, distribute

    distribute.configure_threads(128)  # as `cnnzoo train` does
    shards = distribute.batch_shards_for(128)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.rounds} interleaved rounds")
    small, large = data.fake((28, 28, 1), n=4096), data.fake((256, 256, 3), n=256)
    report("lenet5", step(cnnzoo.lenet5(), 128, 40, shards), SMALL, small.train, LENET, 128, 100, options.rounds)
    for name, side in (("alexnet_owt", 224), ("alexnet", 227)):
        model = cnnzoo.create(name, classes=10)
        report(name, step(model, 32, 4, 1), LARGE, large.train, (side, side, 3), 32, 30, options.rounds)


def report(net, net_step, names, split, shape, batch, count, rounds) -> None:
    """Time some augmentations in turns, and print each with its cost relative to the model's step."""
    pipelines = {name: pipeline(net, split, name, shape, batch) for name in names}
    times = {name: [] for name in names}
    for iterator in pipelines.values():
        take(iterator, count)
    for _ in range(rounds):
        for name, iterator in pipelines.items():
            times[name].append(seconds(lambda iterator=iterator: take(iterator, count)) / count)
    print(f"\n{net}: {1e3 * net_step:.1f} ms a step of {batch} images of {shape[0]}×{shape[1]}")
    alone = statistics.median(times["none"])
    for name, each in times.items():
        speeds = sorted(batch / one for one in each)
        cost = statistics.median(each) - alone
        print(
            f"  {name:16s} {statistics.median(speeds):9,.0f} images/s (from {speeds[0]:,.0f} to {speeds[-1]:,.0f})"
            f"   {1e3 * cost:6.2f} ms a batch, {cost / net_step:5.1%} of the step"
        )


def pipeline(net, split, name, shape, batch):
    """Return an endless iterator of augmented batches."""
    from cnnzoo import data, models
    from cnnzoo.data.augmentation import augmentation

    def preprocess(images):
        return models.family(net).preprocess_input(images, input_shape=shape)

    if name != "alexnet" and shape[0] > 32:  # only the crops make the images as small as the model's input
        part = split.images[:, : shape[0], : shape[1]]
        split = data.Split(part, split.labels)
    return iter(data.train_pipeline(split, batch, preprocess=preprocess, augment=augmentation(name, shape)))


def take(iterator, count) -> None:
    for _ in range(count):
        next(iterator)


def step(model, batch, steps, shards) -> float:
    """Return the seconds of a training step on one batch in memory: the median of five fits."""
    import numpy as np
    import tensorflow as tf

    from cnnzoo.distribute import set_batch_shards

    set_batch_shards(model, shards)
    model.compile(model.optimizer, model.loss, steps_per_execution=steps)
    images = np.random.default_rng(0).random((batch, *model.input_shape[1:]), "float32")
    off = tf.data.Options()
    off.autotune.enabled = False
    batches = tf.data.Dataset.from_tensors((images, np.arange(batch) % 10)).repeat().with_options(off)

    def fit():
        model.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)

    fit()
    return statistics.median(seconds(fit) / steps for _ in range(5))


if __name__ == "__main__":
    main()
