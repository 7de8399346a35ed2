"""Test log-likelihood of a restricted Boltzmann machine on binarized MNIST: cnnzoo and the package rbms at equal time.

    pip install -e '.[torch]' && pip install --no-deps rbms==0.5.0 h5py
    python benchmarks/rbm_likelihood.py --seconds 300 --seeds 3

One machine of 500 binary hidden units each, trained by 100 persistent chains of one Gibbs step, batches of 100, plain
gradient ascent with a rate that falls linearly to 0. Pixels are 1 from half of the brightest gray on (threshold 0.5),
so that likelihoods are of fixed binary images, and comparable with none of stochastic binarization. The last sixth of
the training images is held out.

First each contender's settings are chosen by the mean log-likelihood of the held-out images, after as many seconds of
training: the rate of both, and of rbms whether its gradient is centered, as it is by default. Then each is trained
with every seed, in turns, a process for each training, and evaluated on the test images, which chose nothing.

- cnnzoo: `LayerwisePretraining(method="rbm", persistent=True)`, in an autoencoder whose output biases start at the
  log-odds of the pixels, as rbms' visible biases do. Its epochs are as many as fit into the seconds by the two epochs
  of a short training before. Tracing counts, the pseudo-likelihood after each epoch does not.
- rbms: the steps of its own training loop, without its files and with one permutation of the images an epoch, until the
  seconds are over, and at least as many as cnnzoo's training of the same turn took. It divides each gradient by its
  norm, so that its rates are no other's.

log Z is cnnzoo's `annealed_importance_sampling` from the machine with the pixels' means on, of both; the exact value is
in the mean larger, and the likelihood smaller, the more so the fewer `--ais-steps` there are. "within" are the
likelihoods by log Z at plus and minus three standard errors of Z over the chains.

Other programs on the same cores slow threads down that wait for each other, PyTorch's most: run it alone.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autoencoder_throughput import use
from rbm_throughput import rbms_training

HIDDEN, BATCH, THRESHOLD = 500, 100, 128  # of grays from 0 to 255
CONTENDERS = ("cnnzoo", "rbms")
RATES = {"cnnzoo": (0.02, 0.05, 0.1, 0.2), "rbms": (0.01, 0.03, 0.1, 0.3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="of each training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=60_000, help="training images, of which a sixth is held out")
    parser.add_argument("--test-images", type=int, default=10_000)
    parser.add_argument("--hidden", type=int, default=HIDDEN)
    parser.add_argument("--data", default="mnist", help="a data set of cnnzoo.data.load, of gray images")
    parser.add_argument("--rates", type=float, nargs="+", help="to choose from; by default those of each contender")
    parser.add_argument("--ais-steps", type=int, default=10_000)
    parser.add_argument("--chains", type=int, default=100, help="of annealed importance sampling")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--centered", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        _train(options)
    else:
        _compare(options)


def _compare(options: argparse.Namespace) -> None:
    train, held_out, test = images_of(options)
    what = f"{train.shape[1]}-{options.hidden}, {len(train):,} training images of {options.data}, binary at 0.5"
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {options.threads} threads, {what}, {options.seconds:g} s each"
    )
    with tempfile.TemporaryDirectory() as folder:
        chosen = _chosen(options, Path(folder), train, held_out)
        found: dict[str, list] = {name: [] for name in CONTENDERS}
        for seed in range(options.seeds):
            seconds = options.seconds
            for name in CONTENDERS:
                machine, report = _trained(options, Path(folder), name, seed, seconds, **chosen[name])
                seconds = max(seconds, report["seconds"])
                found[name].append(likelihood_of(machine, train, test, options, seed))
                mean, low, high = found[name][-1]
                print(
                    f"{name:7s} seed {seed}: test {mean:.2f} nats, within {low:.2f} to {high:.2f}, "
                    f"after {report['seconds']:.1f} s, {report['steps']:,} steps",
                    flush=True,
                )
    for name, each in found.items():
        means = [mean for mean, _, _ in each]
        spread = f" ± {statistics.stdev(means):.2f}" if len(means) > 1 else ""
        settings = ", ".join(f"{key} {value}" for key, value in chosen[name].items())
        print(
            f"{name:7s} mean test log-likelihood {statistics.mean(means):.2f}{spread} nats, n={len(means)}; {settings}"
        )


def _chosen(options: argparse.Namespace, folder: Path, train, held_out) -> dict[str, dict]:
    """Return the settings of each contender that are best on the held-out images, with a seed that is used no more."""
    grids = {name: [{"rate": rate} for rate in options.rates or RATES[name]] for name in CONTENDERS}
    grids["rbms"] = [{**each, "centered": centered} for each in grids["rbms"] for centered in (True, False)]
    chosen = {}
    for name, grid in grids.items():
        scores = []
        for settings in grid:
            machine, _ = _trained(options, folder, name, options.seeds, options.seconds, **settings)
            mean, *_ = likelihood_of(machine, train, held_out, options, options.seeds)
            scores.append(mean)
            told = ", ".join(f"{key} {value}" for key, value in settings.items())
            print(f"{name:7s} {told}: held-out {mean:.2f} nats", flush=True)
        chosen[name] = grid[scores.index(max(scores))]
    return chosen


def _trained(options: argparse.Namespace, folder: Path, name: str, seed: int, seconds: float, **settings):
    """Train a contender in a process of its own, and return its machine and what it reports."""
    import numpy as np

    import cnnzoo

    path = folder / "machine.npz"
    command = [sys.executable, __file__, "--contender", name, "--seed", seed, "--seconds", seconds, "--to", path]
    command += ["--rate", settings["rate"], *(["--centered"] if settings.get("centered") else [])]
    command += [f"--{name}={getattr(options, name)}" for name in ("images", "hidden", "data", "threads")]
    ended = subprocess.run([str(each) for each in command], stdout=subprocess.PIPE, text=True, check=True)
    with np.load(path) as file:
        machine = cnnzoo.RestrictedBoltzmannMachine(*(file[each] for each in ("kernel", "visible", "hidden")))
    return machine, json.loads(ended.stdout.splitlines()[-1])


def likelihood_of(machine, train, images, options: argparse.Namespace, seed: int) -> tuple[float, float, float]:
    """Return the mean log-likelihood of images in nats, and the ends between which the error of log Z leaves it.

    Args:
        machine: a `cnnzoo.RestrictedBoltzmannMachine`.
        train: training images, whose means the chains start from.
        images: binary array `(images, visible)`.
        options: with `ais_steps` and `chains`.
        seed: seed of the chains.
    """
    from cnnzoo import analysis

    common = {"steps": options.ais_steps, "chains": options.chains, "seed": seed}
    estimate = analysis.annealed_importance_sampling(machine, base=train, **common)
    energy = float(analysis.free_energy(machine, images).mean(dtype="float64"))
    return -energy - estimate.log_z, -energy - estimate.high, -energy - estimate.low


def images_of(options: argparse.Namespace):
    """Return training, held-out and test images as float32 rows of 0 and 1."""
    import cnnzoo

    source = cnnzoo.data.load(options.data)
    rows = [
        (split.images[:most].reshape(min(most, len(split)), -1) >= THRESHOLD).astype("float32")
        for split, most in ((source.train, options.images), (source.test, options.test_images))
    ]
    held_out = len(rows[0]) // 6
    return rows[0][:-held_out], rows[0][-held_out:], rows[1]


def _train(options: argparse.Namespace) -> None:
    import numpy as np

    if options.contender == "cnnzoo":  # before TensorFlow starts, by which MNIST is read
        _set_threads(options.threads)
    images, *_ = images_of(options)
    arrays, report = {"cnnzoo": _cnnzoo, "rbms": _rbms}[options.contender](images, options)
    np.savez(options.to, **dict(zip(("kernel", "visible", "hidden"), arrays, strict=True)))
    print(json.dumps(report), flush=True)


def _set_threads(threads: int) -> None:
    import cnnzoo

    use(threads)
    if threads > 1:
        cnnzoo.distribute.configure_threads(BATCH)  # as `cnnzoo train` does


def _cnnzoo(images, options: argparse.Namespace):
    import keras

    import cnnzoo

    steps = len(images) // BATCH

    def trained(epochs: int):
        keras.utils.set_random_seed(options.seed)
        pretraining = cnnzoo.LayerwisePretraining(
            images,
            method="rbm",
            persistent=True,
            epochs=epochs,
            batch_size=BATCH,
            optimizer=lambda total: keras.optimizers.SGD(
                keras.optimizers.schedules.PolynomialDecay(options.rate, total, 0.0)
            ),
            seed=options.seed,
            verbose=0,
        )
        pretraining.pretrain(_autoencoder(images, options.hidden))
        [(name, machine)] = pretraining.machines.items()
        return machine, pretraining.history[name]["seconds"]

    _, (first, second) = trained(2)
    machine, seconds = trained(max(1, int((options.seconds - (first - second)) / second)))
    report = {"seconds": sum(seconds), "steps": steps * len(seconds)}
    return (machine.kernel, machine.visible_bias, machine.hidden_bias), report


def _autoencoder(images, hidden: int):
    """Return an autoencoder of one layer, whose output biases are the log-odds of the pixels."""
    import keras
    import numpy as np

    means = images.mean(axis=0, dtype="float64").clip(1e-4, 1 - 1e-4)
    bias = keras.initializers.Constant(np.log(means / (1 - means)).astype("float32"))
    small = keras.initializers.RandomNormal(stddev=0.01)
    model = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Dense(hidden, "sigmoid", kernel_initializer=small, name="hidden"),
            keras.layers.Dense(images.shape[1], "sigmoid", bias_initializer=bias, name="output"),
        ]
    )
    model.compile("sgd", "mse", steps_per_execution=32)
    return model


def _rbms(images, options: argparse.Namespace):
    import torch

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    common = {"rate": options.rate, "batch_size": BATCH, "centered": options.centered}
    _, update = rbms_training(images[: 2 * BATCH], options.hidden, **common)
    for _ in range(5):  # PyTorch compiles the package's functions in the first steps
        update()
    machine, update = rbms_training(images, options.hidden, **common)
    began, steps = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < options.seconds:
        first = steps % (len(images) // BATCH) * BATCH
        if first == 0:
            order = torch.randperm(len(images))
        update(order[first : first + BATCH], options.rate * (1 - passed / options.seconds))
        steps += 1
    arrays = [each.numpy() for each in (machine.weight_matrix, machine.vbias, machine.hbias)]
    return arrays, {"seconds": passed, "steps": steps}


if __name__ == "__main__":
    main()
