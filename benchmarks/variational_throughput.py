"""Training speed of variational_autoencoder: as `cnnzoo train` trains it, and PyTorch eager and compiled.

    pip install -e '.[torch]' && python benchmarks/variational_throughput.py
    python benchmarks/variational_throughput.py --samples 50

All train the same net, 784-200-200-50 and back with tanh (425,284 parameters), in float32 at batch 200 with Adam at
0.001, on as many images as MNIST's in memory, which are made up: only speed is measured. Each batch is drawn anew, and
each of its pixels: white with the probability that its gray says. With `--samples 50` the loss is the
importance-weighted bound of 50 codes for each image. Each contender lives in a process of its own and waits its turn;
turns are interleaved, and the medians are of the turns, each of which is an epoch.

- cnnzoo: `cnnzoo.variational_autoencoder()`, its optimizer, `cnnzoo.data.train_pipeline` from uint8 pixels with
  dynamic binarization, as many steps at a time and shards of the batch as in `cnnzoo train`, `fit`.
- torch eager and compiled: `torch.nn`, fused Adam, `torch.bernoulli` of float tensors, cross-entropy of logits, a plain
  loop; compiled is all from the drawing of pixels to the loss.

On a machine that others use too, seconds measure their work. `waited` says how long the threads were ready
and had no core, per second. `--one-core` gives each contender one thread and counts its processor time,
which does not hold the waiting: images per second of one core.
"""

import argparse
import itertools
import math
import os
import platform
import statistics
import sys
import time

from autoencoder_throughput import EXAMPLES, made_up_images, use
from turns import compared, report, serve

BATCH, STEPS, PARAMETERS = 200, 300, 425_284
WIDTHS, CODE = (784, 200, 200), 50
CONTENDERS = ("cnnzoo", "torch eager", "torch compiled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--samples", type=int, default=1, help="codes for each image; above 1 importance-weighted")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps in a turn, at most {STEPS}")
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
    make = {"cnnzoo": _cnnzoo, "torch eager": _torch, "torch compiled": _torch_compiled}[options.contender]
    train = make(options.samples, options.steps, threads)
    serve(lambda: report(train, options.steps * BATCH, clock))


def _compare(options: argparse.Namespace) -> None:
    common = ["--samples", str(options.samples), "--steps", str(options.steps)]
    common += ["--one-core"] if options.one_core else []
    commands = {name: [sys.executable, __file__, "--contender", name, *common] for name in options.contenders}
    turns = compared(commands, options.rounds)
    cores = "one core's processor time" if options.one_core else f"{os.cpu_count()} cores"
    print(
        f"{platform.machine()}, {cores}, batch {BATCH}, codes for each image: {options.samples}, "
        f"{options.rounds} interleaved turns of {options.steps} steps"
    )
    first = options.contenders[0]
    ours = statistics.median(turn["images"] for turn in turns[first])
    for name in turns:
        speeds = [turn["images"] for turn in turns[name]]
        speed, waited = statistics.median(speeds), statistics.median(turn["waited"] for turn in turns[name])
        print(
            f"{name:15s} {speed:7,.0f} images/s (from {min(speeds):,.0f} to {max(speeds):,.0f}), "
            f"waited {waited:.2f} s/s"
            f"{'' if name == first else f'   {first} is {ours / speed:.2f} times as fast'}"
        )


def _cnnzoo(samples: int, steps: int, threads: int):
    import numpy as np

    import cnnzoo
    from cnnzoo import data, distribute
    from cnnzoo.data.augmentation import Augmentation
    from cnnzoo.data.binarization import with_draws
    from cnnzoo.runtime import steps_per_execution_for

    use(threads)
    if threads > 1:
        distribute.configure_threads(BATCH)  # as `cnnzoo train` does
    recipe = cnnzoo.load_recipe("vae_mnist")
    model = cnnzoo.variational_autoencoder(samples=samples)
    _check(model.count_params())
    _, together = steps_per_execution_for(steps, recipe.steps_per_execution)
    model.compile(model.optimizer, model.loss, metrics=[cnnzoo.metrics.SquaredError()], steps_per_execution=together)
    distribute.set_batch_shards(model, distribute.batch_shards_for(BATCH))
    split = data.Split(made_up_images(), np.zeros(EXAMPLES, "int32"))
    preprocess = cnnzoo.models.preprocessing("variational_autoencoder", model)
    batches = data.train_pipeline(
        split, BATCH, preprocess=preprocess, augment=with_draws(Augmentation()), steps=steps, labels=False
    )

    def train():
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    return train


def _torch_compiled(samples: int, steps: int, threads: int):
    return _torch(samples, steps, threads, compiled=True)


def _torch(samples: int, steps: int, threads: int, *, compiled: bool = False):
    import torch

    torch.set_num_threads(threads)
    images = torch.from_numpy(made_up_images().reshape(EXAMPLES, WIDTHS[0]).astype("float32") / 255)
    net = torchs_bound(samples)
    _check(sum(weight.numel() for weight in net.parameters()))
    rule = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    loss = torch.compile(net) if compiled else net

    def train():
        order = torch.randperm(EXAMPLES)
        for step in range(steps):
            rule.zero_grad(set_to_none=True)
            loss(images[order[step * BATCH : (step + 1) * BATCH]]).backward()
            rule.step()

    return train


def torchs_bound(samples: int):
    """Return a PyTorch module from gray images, `(batch, 784)`, to the negated bound of binary ones in nats."""
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

    def hidden(widths):
        return [each for pair in itertools.pairwise(widths) for each in (nn.Linear(*pair), nn.Tanh())]

    class Bound(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(*hidden(WIDTHS))
            self.mean, self.log_variance = nn.Linear(WIDTHS[-1], CODE), nn.Linear(WIDTHS[-1], CODE)
            self.decoder = nn.Sequential(*hidden((CODE, *WIDTHS[:0:-1])), nn.Linear(WIDTHS[1], WIDTHS[0]))

        def forward(self, grays):
            images = torch.bernoulli(grays)
            features = self.encoder(images)
            distribution = self.mean(features), self.log_variance(features)
            return self.of_one(images, *distribution) if samples == 1 else self.of_several(images, *distribution)

        def of_one(self, images, mean, log_variance):
            logits = self.decoder(mean + torch.exp(log_variance / 2) * torch.randn_like(mean))
            divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
            return (cross_entropy(logits, images, reduction="sum") + divergence) / len(images)

        def of_several(self, images, mean, log_variance):
            noise = torch.randn(samples, *mean.shape)
            codes = mean + torch.exp(log_variance / 2) * noise
            logits = self.decoder(codes)
            likelihood = -cross_entropy(logits, images.expand_as(logits), reduction="none").sum(-1)
            ratio = (noise.square() + log_variance - codes.square()).sum(-1) / 2  # log p(code) − log q(code | image)
            return math.log(samples) - torch.logsumexp(likelihood + ratio, dim=0).mean()

    return Bound()


def _check(parameters: int) -> None:
    assert parameters == PARAMETERS, f"{parameters:,} parameters"


if __name__ == "__main__":
    main()
