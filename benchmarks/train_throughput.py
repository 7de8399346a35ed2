"""Training speed of the textbook LeNet: a run of cnnzoo, plain Keras on arrays, PyTorch eager and compiled.

    pip install -e '.[torch]' && python benchmarks/train_throughput.py

All train the same net (61,706 parameters) in float32, at batch 128, with the same optimizer, on the
same 60,000 images of 28×28 pixels, made up: only speed is measured. Each contender lives in a
process of its own and waits its turn; turns are interleaved, and the medians are of the turns.

- cnnzoo: what `cnnzoo train` does, from uint8 pixels, preprocessing in every batch.
- keras: `model.fit(x, y, batch_size=128)` on float arrays that are padded and scaled beforehand.
- torch eager and compiled: a loop over random batches of float tensors in memory, padded and scaled
  beforehand; fastest of what was tried (no DataLoader, `set_to_none`, one `torch.compile` of the net).
"""

import argparse
import os
import platform
import statistics
import sys
import time

from turns import compared, serve

BATCH, EXAMPLES = 128, 60_000
CONTENDERS = ("cnnzoo", "keras", "torch eager", "torch compiled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--optimizer", choices=("sgd", "adam"), default="sgd", help="sgd is what lenet compiles with")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        train_epoch = _contender(options.contender, options.optimizer)
        serve(lambda: _report(train_epoch))
    else:
        _compare(options.rounds, options.optimizer)


def _compare(rounds: int, optimizer: str) -> None:
    common = ["--optimizer", optimizer]
    commands = {name: [sys.executable, __file__, "--contender", name, *common] for name in CONTENDERS}
    turns = compared(commands, rounds, warm_ups=2)
    speeds = {name: [turn["images"] for turn in each] for name, each in turns.items()}
    print(f"{platform.machine()}, {os.cpu_count()} cores, batch {BATCH}, {optimizer}, {rounds} interleaved turns")
    ours = statistics.median(speeds["cnnzoo"])
    for name, values in speeds.items():
        median = statistics.median(values)
        print(
            f"{name:15s} {median:7,.0f} images/s (from {min(values):,.0f} to {max(values):,.0f})"
            f"{'' if name == 'cnnzoo' else f'   cnnzoo is {ours / median:.2f} times as fast'}"
        )


def _report(train_epoch) -> dict:
    began = time.perf_counter()
    images = train_epoch()
    return {"images": images / (time.perf_counter() - began)}


def _contender(name: str, optimizer: str):
    if name == "cnnzoo":
        return _cnnzoo(optimizer)
    return _keras(optimizer) if name == "keras" else _torch(optimizer, compiled=name == "torch compiled")


def _images():
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (EXAMPLES, 28, 28, 1), "uint8"), rng.integers(0, 10, EXAMPLES, "int32")


def _padded():
    import numpy as np

    images, labels = _images()
    return np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)]).astype("float32") * (1.275 / 255) - 0.1, labels


def _optimizer(name: str):
    import keras

    return keras.optimizers.SGD(0.01, momentum=0.9) if name == "sgd" else keras.optimizers.Adam()


def _cnnzoo(optimizer: str):
    import keras

    import cnnzoo
    from cnnzoo import data, distribute
    from cnnzoo.runtime import steps_per_execution_for

    distribute.configure_threads(BATCH)  # as `cnnzoo train` does
    shards = distribute.batch_shards_for(BATCH)
    split = data.Split(*_images())
    model = cnnzoo.lenet()
    steps, together = steps_per_execution_for(data.steps_per_epoch(split, BATCH), 32)
    distribute.set_batch_shards(model, shards)
    model.compile(
        _optimizer(optimizer),
        model.loss,
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        steps_per_execution=together,
    )
    preprocess = cnnzoo.models.preprocessing("lenet", model)
    batches = data.train_pipeline(split, BATCH, preprocess=preprocess, steps=steps)

    def train_epoch():
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
        return steps * BATCH

    return train_epoch


def _keras(optimizer: str):
    import keras
    from keras import layers

    images, labels = _padded()
    model = keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(_optimizer(optimizer), "sparse_categorical_crossentropy", metrics=["accuracy"])

    def train_epoch():
        model.fit(images, labels, batch_size=BATCH, verbose=0)
        return EXAMPLES

    return train_epoch


def _torch(optimizer: str, *, compiled: bool):
    import torch
    from torch import nn

    images, labels = (torch.from_numpy(array) for array in _padded())
    images, labels = images.permute(0, 3, 1, 2).contiguous(), labels.long()
    net = nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )
    rule = (
        torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
        if optimizer == "sgd"
        else torch.optim.Adam(net.parameters())
    )
    forward, loss = torch.compile(net) if compiled else net, nn.CrossEntropyLoss()

    def train_epoch():
        order = torch.randperm(EXAMPLES)
        for start in range(0, EXAMPLES - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            rule.zero_grad(set_to_none=True)
            loss(forward(images[batch]), labels[batch]).backward()
            rule.step()
        return EXAMPLES // BATCH * BATCH

    return train_epoch


if __name__ == "__main__":
    main()
