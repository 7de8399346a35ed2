"""Training speed of a restricted Boltzmann machine: cnnzoo, PyTorch, and the packages rbms and scikit-learn.

    pip install -e '.[torch]' && pip install --no-deps rbms==0.5.0 h5py
    python benchmarks/rbm_throughput.py

All train 784-500 by chains of one Gibbs step, on as many images as MNIST's, which are made up: only speed is measured.
Turns are interleaved, each contender in a process of its own; medians are of the turns, each of which is an epoch.

- cnnzoo: `LayerwisePretraining(method="rbm")` at batch 100, with the momentum and decay of 2006, as many steps at a
  time and shards of the batch as in `cnnzoo train`. Its start, building and tracing, is measured in each turn by a run
  of one batch, and taken off; the pseudo-likelihood after the epoch is not.
- torch: the same update written out in PyTorch, `addmm` into the velocities, no autograd.
- cnnzoo persistent: persistent chains by plain gradient descent at batch 100.
- rbms: the package for PyTorch, which is that, by its own `BBRBM`, `fit_batch_pcd` and `SGD(maximize=True)`, as its
  training loop has them, without the files that the loop writes at every step. Its gradient is not centered here, which
  is the faster of its two; it divides it by its norm. A batch is drawn as in its loop, by a permutation of all images.
- rbms in order: the same without that permutation at each step: one an epoch.
- cnnzoo at 10: persistent chains by plain gradient descent at batch 10.
- BernoulliRBM: scikit-learn's, which is that, at its default batch size, 10.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from functools import partial

from autoencoder_throughput import use
from turns import compared, serve

VISIBLE, HIDDEN, BATCH, SMALL = 784, 500, 100, 10
CONTENDERS = ("cnnzoo", "torch", "cnnzoo persistent", "rbms", "rbms in order", "cnnzoo at 10", "BernoulliRBM")
# What each is compared with.
PAIRS = {
    "torch": "cnnzoo",
    "rbms": "cnnzoo persistent",
    "rbms in order": "cnnzoo persistent",
    "BernoulliRBM": "cnnzoo at 10",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--one-core", action="store_true", help="one thread, and its processor time")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        _serve(options)
    else:
        _compare(options)


def _serve(options: argparse.Namespace) -> None:
    threads = 1 if options.one_core else os.cpu_count()
    clock = time.process_time if options.one_core else time.perf_counter
    make = {
        "cnnzoo": _cnnzoo,
        "torch": _torch,
        "cnnzoo persistent": partial(_cnnzoo, persistent=True, optimizer="sgd"),
        "rbms": _rbms,
        "rbms in order": partial(_rbms, in_order=True),
        "cnnzoo at 10": partial(_cnnzoo, batch_size=SMALL, persistent=True, optimizer="sgd"),
        "BernoulliRBM": _sklearn,
    }
    train = make[options.contender](_images(options.images), threads)

    def report() -> dict:
        began = clock()
        train(BATCH)
        start = clock() - began
        train(options.images)
        return {"images": (options.images - BATCH) / (clock() - began - 2 * start)}

    serve(report)


def _compare(options: argparse.Namespace) -> None:
    common = ["--images", str(options.images), *(["--one-core"] if options.one_core else [])]
    commands = {name: [sys.executable, __file__, "--contender", name, *common] for name in options.contenders}
    turns = compared(commands, options.rounds)
    cores = "one core's processor time" if options.one_core else f"{os.cpu_count()} cores"
    print(f"{platform.machine()}, {cores}, {VISIBLE}-{HIDDEN}, {options.images:,} images, {options.rounds} turns")
    medians = {name: statistics.median(turn["images"] for turn in turns[name]) for name in turns}
    for name, speed in medians.items():
        speeds = [turn["images"] for turn in turns[name]]
        other = PAIRS.get(name)
        ratio = f"   {other} is {medians[other] / speed:.2f} times as fast" if other in medians else ""
        print(f"{name:17s} {speed:8,.0f} images/s (from {min(speeds):,.0f} to {max(speeds):,.0f}){ratio}")


def _images(count: int):
    """Return images of which most pixels are black, as those of digits are."""
    import numpy as np

    generator = np.random.default_rng(0)
    white = generator.random((count, VISIBLE), "float32") < 0.2
    return generator.random((count, VISIBLE), "float32") * white


def _cnnzoo(images, threads: int, **options):
    import keras

    import cnnzoo

    use(threads)
    size = options.pop("batch_size", BATCH)
    if threads > 1:
        cnnzoo.distribute.configure_threads(size)  # as `cnnzoo train` does

    def train(count: int) -> None:
        keras.utils.clear_session()
        model = cnnzoo.stacked_autoencoder(units=(HIDDEN,))
        model.compile(model.optimizer, model.loss, steps_per_execution=32)
        cnnzoo.LayerwisePretraining(
            images[:count].reshape(-1, 28, 28, 1), method="rbm", epochs=1, batch_size=size, verbose=0, **options
        ).pretrain(model)

    return train


def _sklearn(images, threads: int):
    import threadpoolctl
    from sklearn.neural_network import BernoulliRBM

    threadpoolctl.threadpool_limits(threads)

    def train(count: int) -> None:
        BernoulliRBM(n_components=HIDDEN, batch_size=SMALL, n_iter=1, random_state=0).fit(images[:count])

    return train


def _torch(images, threads: int):
    import torch

    torch.set_num_threads(threads)
    images = torch.from_numpy(images)
    kernel, visible_bias, hidden_bias = 0.1 * torch.randn(VISIBLE, HIDDEN), torch.zeros(VISIBLE), torch.zeros(HIDDEN)
    weights = kernel, visible_bias, hidden_bias
    velocities = [torch.zeros_like(each) for each in weights]

    def train(count: int) -> None:
        with torch.no_grad():
            order = torch.randperm(count)
            for start in range(0, count - BATCH + 1, BATCH):
                step(images[order[start : start + BATCH]], *weights, velocities)

    return train


def _rbms(images, threads: int, in_order: bool = False):
    import torch

    torch.set_num_threads(threads)

    def train(count: int) -> None:
        _, update = rbms_training(images[:count], HIDDEN, rate=0.01)
        order = torch.randperm(count)
        for start in range(0, count - BATCH + 1, BATCH):
            update(order[start : start + BATCH] if in_order else None)

    return train


def rbms_training(images, hidden: int, *, rate: float, batch_size: int = BATCH, centered: bool = False, chains=None):
    """Return a machine of the package rbms, and the update of its training loop, with persistent chains.

    Args:
        images: float32 array `(images, visible)`, binary, whose means the visible biases start at.
        hidden: number of hidden units.
        rate: learning rate.
        batch_size: images in a batch, and chains.
        centered: whether the gradient is the centered one.
        chains: number of chains; `None` for as many as there are images in a batch.

    Returns:
        A `BBRBM`, and a function that changes it by one step. It takes the rows of a batch, or draws them if they are
        `None`, and a learning rate, or takes the first one.
    """
    import numpy as np
    import torch
    from rbms.bernoulli_bernoulli.classes import BBRBM
    from rbms.dataset.dataset_class import RBMDataset
    from rbms.training.pcd import fit_batch_pcd

    count = len(images)
    others = {"labels": np.zeros(count), "weights": np.ones(count), "names": np.arange(count)}
    data = RBMDataset(images, **others, dataset_name="images", is_binary=True, device="cpu")
    machine = BBRBM.init_parameters(hidden, data, torch.device("cpu"), torch.float32)
    machine.init_grad()
    optimizer = torch.optim.SGD(machine.parameters(), lr=rate, maximize=True)
    state = machine.sample_state(machine.init_chains(batch_size if chains is None else chains), 1)

    @torch.no_grad()
    def update(rows=None, now: float = rate) -> None:
        nonlocal state
        optimizer.param_groups[0]["lr"] = now
        rows = torch.randperm(count)[:batch_size] if rows is None else rows
        optimizer.zero_grad(set_to_none=False)
        batch = data.data[rows], data.weights[rows]
        state, _ = fit_batch_pcd(batch, state, machine, gibbs_steps=1, beta=1.0, centered=centered)
        optimizer.step()

    return machine, update


def step(v0, kernel, visible_bias, hidden_bias, velocities, rate: float = 0.1, momentum: float = 0.5) -> None:
    """Change the weights of a machine by CD-1 as in 2006, in PyTorch, in place.

    Args:
        v0: tensor `(batch, visible)`.
        kernel: tensor `(visible, hidden)`.
        visible_bias: tensor `(visible,)`.
        hidden_bias: tensor `(hidden,)`.
        velocities: of the three, changed in place.
        rate: learning rate.
        momentum: momentum.
    """
    import torch

    h0 = torch.sigmoid(torch.addmm(hidden_bias, v0, kernel))
    states = torch.bernoulli(h0)
    v1 = torch.sigmoid(torch.addmm(visible_bias, states, kernel.T))
    h1 = torch.sigmoid(torch.addmm(hidden_bias, v1, kernel))
    of_kernel, of_visible, of_hidden = velocities
    scale = rate / len(v0)
    of_kernel.addmm_(v0.T, h0, beta=momentum, alpha=scale).addmm_(v1.T, h1, alpha=-scale)
    of_kernel.add_(kernel, alpha=-rate * 2e-4)
    of_visible.mul_(momentum).add_((v0 - v1).sum(0), alpha=scale)
    of_hidden.mul_(momentum).add_((h0 - h1).sum(0), alpha=scale)
    for weight, velocity in zip((kernel, visible_bias, hidden_bias), velocities, strict=True):
        weight.add_(velocity)


if __name__ == "__main__":
    main()
