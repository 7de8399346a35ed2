"""Layer-wise pretraining with cached activations, without, and in PyTorch: speed, and with --memory peak memory.

    pip install -e '.[torch]' && python benchmarks/pretraining_throughput.py [--hidden 5] [--memory]

All pretrain the stacked autoencoder of Vincent et al. 2010, three logistic layers of 1,000 units, masking 0.1, 0.2
and 0.3, at batch 256 with Adam on cross-entropy, on random images of 784 pixels. Each contender
runs in a process of its own and waits its turn; turns are interleaved, and medians are of the turns.

- cached: `LayerwisePretraining(cache="memory")`.
- uncached: `cache=False`, which runs the layers below again on every batch.
- torch: the usual loop, in which the layers below run again in every epoch under `no_grad`, with `torch.optim.Adam`.
- torch fused: the same with `Adam(fused=True)`.

bfloat16 is Keras' `mixed_bfloat16`, and `torch.autocast`: weights and their update stay float32 in both. Before the
first turn cnnzoo sets TensorFlow's threads for shards of the batch, as `cnnzoo train` does.

In the same turn each contender also pretrains on a single batch a layer; `start` is the time of that: building,
tracing, compiling. It is a constant of the run, and is taken off for the speeds, but not for the line `whole`.

The gain that the multiply-adds allow: training a layer of m inputs and n units takes 5mn for an image, forward and
backward without the gradient of the input; without a cache come the layers below, once an image and epoch; with
one they come once an image. `--one-core` counts the processor time of one thread, for machines that others use.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from turns import answer, compared, seconds, serve

BATCH, PIXELS, UNITS = 256, 784, 1000
CONTENDERS = ("cached", "uncached", "torch", "torch fused")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=3, help="hidden layers")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=5, help="epochs a layer")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--one-core", action="store_true", help="one thread, and its processor time")
    parser.add_argument("--memory", action="store_true", help="peak memory by kind of cache, instead of speed")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender and options.memory:
        _measure_memory(options)
    elif options.contender:
        _serve(options)
    elif options.memory:
        _compare_memory(options)
    else:
        _compare(options)


def _command(options: argparse.Namespace, contender: str) -> list[str]:
    flags = [flag for flag in ("--one-core", "--memory") if getattr(options, flag[2:].replace("-", "_"))]
    numbers = [f"--{name}={getattr(options, name)}" for name in ("hidden", "images", "epochs")]
    return [
        *(sys.executable, __file__, "--contender", contender, "--precision", options.precision),
        *numbers,
        *flags,
    ]


def _line(options: argparse.Namespace, rest: str) -> str:
    shape = f"{options.hidden}×{UNITS}, {options.images:,} images, {options.epochs} epochs a layer"
    return f"{platform.machine()}, {os.cpu_count()} cores, {shape}, batch {BATCH}, {options.precision}, {rest}"


def _compare(options: argparse.Namespace) -> None:
    commands = {name: _command(options, name) for name in options.contenders}
    _show(compared(commands, options.rounds, warm_ups=0), options)  # each warms up at its start


def _show(turns: dict[str, list[dict]], options: argparse.Namespace) -> None:
    cores = "processor time of one core" if options.one_core else "seconds"
    print(_line(options, f"{cores}, {options.rounds} interleaved turns"))
    first = options.contenders[0]
    net = {name: [turn["whole"] - turn["start"] for turn in turns[name]] for name in turns}
    for name in turns:
        whole, start = (statistics.median(turn[part] for turn in turns[name]) for part in ("whole", "start"))
        seconds = statistics.median(net[name])
        pace = options.images * options.epochs * options.hidden / seconds
        print(
            f"{name:12s} {seconds:6.1f} s (from {min(net[name]):.1f} to {max(net[name]):.1f}), {pace:7,.0f} images/s; "
            f"whole {whole:.1f} s, of which start {start:.1f} s"
            f"{'' if name == first else f'   {first} is {seconds / statistics.median(net[first]):.2f} times as fast'}"
        )
    allowed = _operations(options, cached=False) / _operations(options, cached=True)
    print(f"the multiply-adds allow the cache a gain of {allowed:.3f}")
    if {"cached", "uncached"} <= set(turns) and allowed > 1:  # one hidden layer has nothing below it
        gain = statistics.median(net["uncached"]) / statistics.median(net["cached"])
        print(f"measured {gain:.3f}, that is {(gain - 1) / (allowed - 1):.0%} of it")


def _operations(options: argparse.Namespace, *, cached: bool) -> float:
    """Return the multiply-adds of a run, for one image and epoch."""
    layers = [PIXELS * UNITS] + [UNITS * UNITS] * (options.hidden - 1)
    below = sum(layers[:-1]) / options.epochs if cached else sum(sum(layers[:n]) for n in range(len(layers)))
    return 5 * sum(layers) + below


def _serve(options: argparse.Namespace) -> None:
    clock = time.process_time if options.one_core else time.perf_counter
    threads = 1 if options.one_core else os.cpu_count()
    pretrain = _torch(options, threads) if options.contender.startswith("torch") else _cnnzoo(options, threads)
    images = _images(options.images)
    pretrain(images[:BATCH], 1)  # imports and the libraries' own start

    def report() -> dict:
        return {
            "start": seconds(lambda: pretrain(images[:BATCH], 1), clock),
            "whole": seconds(lambda: pretrain(images, options.epochs), clock),
        }

    serve(report)


def _compare_memory(options: argparse.Namespace) -> None:
    print(_line(options, "peak memory of the process"))
    peaks = {}
    for name in ("uncached", "folder", "cached"):
        ended = subprocess.run(_command(options, name), stdout=subprocess.PIPE, text=True, check=True)
        peaks[name] = answer(ended.stdout.splitlines())["peak"]
        print(f"{name:10s} {peaks[name] / 2**20:,.0f} MiB, {peaks[name] / peaks['uncached']:.2f} of uncached")


def _measure_memory(options: argparse.Namespace) -> None:
    _cnnzoo(options, os.cpu_count())(_images(options.images), options.epochs)
    print(json.dumps({"peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


def _images(count: int):
    import numpy as np

    return np.random.default_rng(0).random((count, PIXELS), "float32")


def _corruption(hidden: int) -> list[float]:
    return [min(0.1 * number, 0.3) for number in range(1, hidden + 1)]


def _cnnzoo(options: argparse.Namespace, threads: int):
    import keras
    import tensorflow as tf

    import cnnzoo

    if threads == 1:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    else:
        cnnzoo.distribute.configure_threads(BATCH)  # as `cnnzoo train` does

    def pretrain(images, epochs):
        keras.utils.clear_session()  # which forgets the policy, too
        keras.config.set_dtype_policy("mixed_bfloat16" if options.precision == "bfloat16" else "float32")
        model = cnnzoo.stacked_autoencoder(units=(UNITS,) * options.hidden)
        model.compile(model.optimizer, model.loss, steps_per_execution=16)
        with tempfile.TemporaryDirectory() as folder:
            cnnzoo.LayerwisePretraining(
                images.reshape(-1, 28, 28, 1),
                epochs=epochs,
                corruption=_corruption(options.hidden),
                cache={"cached": "memory", "uncached": False, "folder": folder}[options.contender],
                batch_size=BATCH,
                verbose=0,
            ).pretrain(model)

    return pretrain


def _torch(options: argparse.Namespace, threads: int):
    import torch
    from torch import nn

    torch.set_num_threads(threads)

    def pretrain(images, epochs):
        images, below, width = torch.from_numpy(images), nn.Sequential(), PIXELS
        for rate in _corruption(options.hidden):
            encoder, decoder = nn.Sequential(nn.Linear(width, UNITS), nn.Sigmoid()), nn.Linear(UNITS, width)
            weights = [*encoder.parameters(), *decoder.parameters()]
            rule = torch.optim.Adam(weights, 1e-3, fused=options.contender == "torch fused")
            loss = nn.BCEWithLogitsLoss()
            for _ in range(epochs):
                order = torch.randperm(len(images))
                for start in range(0, len(images) - BATCH + 1, BATCH):
                    rule.zero_grad()
                    with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bfloat16"):
                        with torch.no_grad():
                            activations = below(images[order[start : start + BATCH]])
                        logits = decoder(encoder(activations * (torch.rand_like(activations) >= rate)))
                    loss(logits.float(), activations.float()).backward()
                    rule.step()
            below.extend(encoder)
            width = UNITS

    return pretrain


if __name__ == "__main__":
    main()
