"""Speed of alexnet_owt, training and inference: as cnnzoo ships it, written in plain Keras, and PyTorch eager.

    pip install -e '.[torch]' && python benchmarks/alexnet_throughput.py

All run the same net (61,100,840 parameters) in float32 at batch 32, on one made-up batch that lies in
memory; training is by momentum 0.9 with weight decay 0.0001. Each contender lives in a process of its
own and waits its turn; turns are interleaved, and the medians are of the turns.

- cnnzoo: `cnnzoo.alexnet_owt()` as it arrives, `model.fit` and `model.predict`.
- keras: the same layers written by hand, `keras.optimizers.SGD(weight_decay=…)`, `fit` and `predict`.
- torch eager: the same layers in `torch.nn`, `torch.optim.SGD(weight_decay=…)`, a plain loop.

The machine's rate of matrix products (SGEMM) is measured in the same turns, by each library on
2048×2048 matrices; the fastest library's median counts. A training step multiplies and adds three times
as often as a forward pass, less once for conv1, whose input needs no gradient; one multiply-add is two
operations.
"""

import argparse
import os
import platform
import statistics
import sys

from turns import compared, seconds, serve

BATCH, TRAIN_STEPS, INFERENCE_STEPS, SIDE = 32, 8, 8, 2048
CONTENDERS = ("cnnzoo", "keras", "torch eager")
MEASURES = ("training", "inference", "sgemm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        works = {"cnnzoo": _cnnzoo, "keras": _keras, "torch eager": _torch}[options.contender]()
        serve(lambda: _report(*works))
    else:
        commands = {name: [sys.executable, __file__, "--contender", name] for name in CONTENDERS}
        _show(compared(commands, options.rounds), options.rounds)


def _show(turns: dict[str, list[dict]], rounds: int) -> None:
    median = {
        (name, measure): statistics.median(turn[measure] for turn in turns[name])
        for name in CONTENDERS
        for measure in MEASURES
    }
    sgemm = max(median[name, "sgemm"] for name in CONTENDERS)
    forward, training = _operations()
    print(f"{platform.machine()}, {os.cpu_count()} cores, batch {BATCH}, float32, {rounds} interleaved turns")
    lr_multipliers = ", ".join(f"{name} {median[name, 'sgemm']:.0f}" for name in CONTENDERS)
    print(f"SGEMM {sgemm:.0f} GFLOP/s ({lr_multipliers})")
    for measure, operations in (("training", training), ("inference", forward)):
        for name in CONTENDERS:
            speeds = [turn[measure] for turn in turns[name]]
            speed = median[name, measure]
            ratio = median["cnnzoo", measure] / speed
            print(
                f"{measure:9s} {name:12s} {speed:6.1f} images/s (from {min(speeds):.1f} to {max(speeds):.1f}), "
                f"{speed * operations / sgemm / 1e9:.0%} of SGEMM"
                f"{'' if name == 'cnnzoo' else f'   cnnzoo is {ratio:.2f} times as fast'}"
            )


def _operations() -> tuple[int, int]:
    """Return the floating-point operations of one image: forward, and in a training step."""
    import cnnzoo

    report = cnnzoo.conv_report("alexnet_owt")
    forward = report.totals.multiply_adds
    return 2 * forward, 2 * (3 * forward - report["conv1"].multiply_adds)


def _report(train, infer, multiply) -> dict:
    return {
        "training": TRAIN_STEPS * BATCH / seconds(train),
        "inference": INFERENCE_STEPS * BATCH / seconds(infer),
        "sgemm": statistics.median(2 * SIDE**3 / seconds(multiply) / 1e9 for _ in range(9)),
    }


def _batch():
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.normal(size=(BATCH, 224, 224, 3)).astype("float32"), rng.integers(0, 1000, BATCH, "int32")


def _on_tensorflow(model):
    import tensorflow as tf

    images, labels = _batch()
    untuned = tf.data.Options()
    untuned.autotune.enabled = False  # its thread would let a fit end only at the next of its doubling pauses
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat().with_options(untuned)
    matrix = tf.random.normal((SIDE, SIDE))
    product = tf.function(lambda: tf.matmul(matrix, matrix))

    def train():
        model.fit(batches, steps_per_epoch=TRAIN_STEPS, shuffle=False, verbose=0)

    def infer():
        model.predict(batches, steps=INFERENCE_STEPS, verbose=0)

    return train, infer, lambda: product().numpy()


def _cnnzoo():
    import cnnzoo

    return _on_tensorflow(cnnzoo.alexnet_owt())


def _keras():
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((224, 224, 3)),
            layers.ZeroPadding2D(2),
            layers.Conv2D(64, 11, 4, activation="relu"),
            layers.MaxPooling2D(3, 2),
            layers.Conv2D(192, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(3, 2),
            layers.Conv2D(384, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(3, 2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(4096, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(4096, activation="relu"),
            layers.Dense(1000, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=1e-4)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return _on_tensorflow(model)


def _torch():
    import torch
    from torch import nn

    images, labels = (torch.from_numpy(array) for array in _batch())
    images, labels = images.permute(0, 3, 1, 2).contiguous(), labels.long()
    net = nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(inplace=True)),
        *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 1000)),
    )
    rule = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
    loss, matrix = nn.CrossEntropyLoss(), torch.randn(SIDE, SIDE)

    def train():
        net.train()
        for _ in range(TRAIN_STEPS):
            rule.zero_grad(set_to_none=True)
            loss(net(images), labels).backward()
            rule.step()

    def infer():
        net.eval()
        with torch.inference_mode():
            for _ in range(INFERENCE_STEPS):
                net(images)

    return train, infer, lambda: matrix @ matrix


if __name__ == "__main__":
    main()
