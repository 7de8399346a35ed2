"""Training speed of deep_autoencoder: as cnnzoo ships it, written in plain Keras, and PyTorch eager and compiled.

    pip install -e '.[torch]' && python benchmarks/autoencoder_throughput.py

All train the same net, 784-1000-500-250-30 and back (2,837,314 parameters), at batch 256 on cross-entropy,
with the same rule, on as many images as MNIST's in memory, from which each batch is drawn anew. Each contender lives
in a process of its own and waits its turn; turns are interleaved, and the medians are of the turns.

- cnnzoo: `cnnzoo.deep_autoencoder()`, `cnnzoo.optimizers`, `cnnzoo.data.train_pipeline` from uint8 pixels, shards of
  the batch at the same time, each on one core, as in `cnnzoo train`, `fit`.
- keras: the same layers written by hand, Keras' optimizer, `fit` on float arrays.
- torch eager and compiled: `torch.nn`, fused optimizer, `BCEWithLogitsLoss`, a plain loop over float tensors;
  in bfloat16 under `torch.autocast`.

bfloat16 is Keras' `mixed_bfloat16`: weights and their update stay float32, as they do under autocast. The machine's
rate of matrix products (SGEMM, float32) is measured in the same turns on 2048×2048 matrices, in processes of their
own; the faster library's median counts. A training step multiplies and adds three times as often as a forward pass,
less once for the first layer, whose input needs no gradient; one multiply-add is two operations.

What has a process of its own is what a user's program has. In one process with the large products PyTorch trains up to
a fifth faster: freeing them raises the size from which glibc's malloc fetches memory anew for every gradient.
MALLOC_MMAP_THRESHOLD_=100000000 MALLOC_TRIM_THRESHOLD_=1000000000 in the environment does the same for all contenders.

On a machine that others use too, seconds measure their work. `waited` says how long the threads were ready
and had no core, per second. `--one-core` gives each contender one thread and counts its processor time,
which does not hold the waiting: images per second of one core.
"""

import argparse
import itertools
import os
import platform
import statistics
import sys
import time

from turns import compared, report, seconds, serve

BATCH, STEPS, EXAMPLES, SIDE = 256, 234, 60_000, 2048  # a turn is an epoch of MNIST
WIDTHS = (784, 1000, 500, 250, 30, 250, 500, 1000, 784)
CONTENDERS = ("cnnzoo", "keras", "torch eager", "torch compiled")
PRODUCTS = ("tensorflow's product", "torch's product")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--optimizer", choices=("adam", "sgd"), default="adam", help="sgd has momentum 0.9")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--one-core", action="store_true", help="one thread, and its processor time")
    parser.add_argument("--contender", choices=CONTENDERS + PRODUCTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        _serve(options)
    else:
        _compare(options)


def _serve(options: argparse.Namespace) -> None:
    threads = 1 if options.one_core else os.cpu_count()
    clock = time.process_time if options.one_core else time.perf_counter
    if options.contender in PRODUCTS:
        multiply = {"tensorflow's product": _tensorflows_product, "torch's product": _torchs_product}
        product = multiply[options.contender](threads)
        serve(lambda: {"sgemm": 2 * SIDE**3 / statistics.median(seconds(product, clock) for _ in range(5)) / 1e9})
    else:
        makers = {"cnnzoo": _cnnzoo, "keras": _keras, "torch eager": _torch, "torch compiled": _torch_compiled}
        train = makers[options.contender](options.optimizer, options.precision, threads)
        serve(lambda: report(train, STEPS * BATCH, clock))


def _compare(options: argparse.Namespace) -> None:
    commands = {}
    for name in (*PRODUCTS, *options.contenders):
        commands[name] = [sys.executable, __file__, "--contender", name]
        commands[name] += ["--optimizer", options.optimizer, "--precision", options.precision]
        commands[name] += ["--one-core"] if options.one_core else []
    turns = compared(commands, options.rounds)
    rates = {name: statistics.median(turn["sgemm"] for turn in turns.pop(name)) for name in PRODUCTS}
    _show(turns, rates, options)


def _show(turns: dict[str, list[dict]], rates: dict[str, float], options: argparse.Namespace) -> None:
    sgemm, operations = max(rates.values()), 2 * multiply_adds()
    cores = "one core's processor time" if options.one_core else f"{os.cpu_count()} cores"
    first = options.contenders[0]
    print(
        f"{platform.machine()}, {cores}, batch {BATCH}, {options.precision}, {options.optimizer}, "
        f"{options.rounds} interleaved turns"
    )
    print(f"SGEMM {sgemm:.0f} GFLOP/s ({', '.join(f'{name} {rate:.0f}' for name, rate in rates.items())})")
    ours = statistics.median(turn["images"] for turn in turns[first])
    for name in turns:
        speeds = [turn["images"] for turn in turns[name]]
        speed, waited = statistics.median(speeds), statistics.median(turn["waited"] for turn in turns[name])
        print(
            f"{name:15s} {speed:7,.0f} images/s (from {min(speeds):,.0f} to {max(speeds):,.0f}), "
            f"{speed * operations / sgemm / 1e9:.0%} of SGEMM, waited {waited:.2f} s/s"
            f"{'' if name == first else f'   {first} is {ours / speed:.2f} times as fast'}"
        )


def multiply_adds() -> int:
    """Return the multiply-adds of one image in a training step."""
    layers = [inputs * outputs for inputs, outputs in itertools.pairwise(WIDTHS)]
    return 3 * sum(layers) - layers[0]


def made_up_images():
    """Return as many gray images as MNIST has for training, of its size."""
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (EXAMPLES, 28, 28, 1), "uint8")


def use(threads: int) -> None:
    """Let TensorFlow have one thread, or all that it wants."""
    import tensorflow as tf

    if threads == 1:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _tensorflows_product(threads: int):
    import tensorflow as tf

    use(threads)
    matrix = tf.random.normal((SIDE, SIDE))
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    return lambda: product().numpy()


def _torchs_product(threads: int):
    import torch

    torch.set_num_threads(threads)
    matrix = torch.randn(SIDE, SIDE)
    return lambda: matrix @ matrix


def _cnnzoo(optimizer: str, precision: str, threads: int):
    import keras
    import numpy as np

    import cnnzoo
    from cnnzoo import data, distribute, optimizers

    use(threads)
    if threads > 1:
        distribute.configure_threads(BATCH)  # as `cnnzoo train` does
    shards = distribute.batch_shards_for(BATCH)
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    model = cnnzoo.deep_autoencoder()
    rule = optimizers.Adam(1e-3) if optimizer == "adam" else optimizers.ClassicSGD(0.01, momentum=0.9)
    distribute.set_batch_shards(model, shards)
    model.compile(rule, model.loss, steps_per_execution=STEPS)
    split = data.Split(made_up_images(), np.zeros(EXAMPLES, "int32"))
    batches = data.train_pipeline(split, BATCH, preprocess=cnnzoo.models.preprocessing("deep_autoencoder", model))
    pairs = batches.map(lambda images, _: (images, images)).with_options(batches.options())

    def train():
        model.fit(pairs, steps_per_epoch=STEPS, shuffle=False, verbose=0)

    return train


def _keras(optimizer: str, precision: str, threads: int):
    import keras

    use(threads)
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    x = inputs = keras.Input((784,))
    for number, width in enumerate(WIDTHS[1:-1]):
        x = keras.layers.Dense(width, activation="linear" if number == 3 else "sigmoid")(x)
    model = keras.Model(inputs, keras.layers.Dense(784, "sigmoid", dtype="float32")(x))
    rule = keras.optimizers.Adam(1e-3) if optimizer == "adam" else keras.optimizers.SGD(0.01, momentum=0.9)
    model.compile(rule, "binary_crossentropy")
    images = made_up_images().reshape(EXAMPLES, 784).astype("float32") / 255

    def train():
        model.fit(images[: STEPS * BATCH], images[: STEPS * BATCH], batch_size=BATCH, verbose=0)

    return train


def _torch_compiled(optimizer: str, precision: str, threads: int):
    return _torch(optimizer, precision, threads, compiled=True)


def _torch(optimizer: str, precision: str, threads: int, *, compiled: bool = False):
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    images = torch.from_numpy(made_up_images().reshape(EXAMPLES, 784).astype("float32") / 255)
    layers = []
    for number, (width, units) in enumerate(itertools.pairwise(WIDTHS)):
        layers += [nn.Linear(width, units), *([] if number in (3, 7) else [nn.Sigmoid()])]
    net = nn.Sequential(*layers)
    if optimizer == "adam":
        rule = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    else:
        rule = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, fused=True)
    forward, loss = torch.compile(net) if compiled else net, nn.BCEWithLogitsLoss()

    def train():
        order = torch.randperm(EXAMPLES)
        for step in range(STEPS):
            batch = images[order[step * BATCH : (step + 1) * BATCH]]
            rule.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                logits = forward(batch)
            loss(logits.float(), batch).backward()
            rule.step()

    return train


if __name__ == "__main__":
    main()
