"""What AlexNet's own layers cost in a training step: normalization, and the two columns.

    python benchmarks/alexnet_layers.py
    python benchmarks/alexnet_layers.py --native-groups

`cnnzoo.alexnet()` and `cnnzoo.alexnet(lrn=None)` take turns in one process, in float32, on one made-up
batch that lies in memory. The cost of normalization is the difference of the medians, in per cent of the
whole step with it. For comparison the same net with TensorFlow's own operation takes its turns, too, and on
request the same net with TensorFlow's own grouped convolutions.
"""

import argparse
import os
import platform
import statistics
import time

STEPS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--native-groups", action="store_true", help="with TensorFlow's grouped convolutions, too")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    nets = _nets(options.batch, options.native_groups)
    for train in nets.values():
        train()  # start and warm up
    times: dict[str, list[float]] = {name: [] for name in nets}
    for _ in range(options.rounds):
        for name, train in nets.items():
            began = time.perf_counter()
            train()
            times[name].append((time.perf_counter() - began) / STEPS * 1000)
    print(f"{platform.machine()}, {os.cpu_count()} cores, batch {options.batch}, {options.rounds} interleaved turns")
    bare = statistics.median(times["without"])
    for name, values in times.items():
        median = statistics.median(values)
        cost = (
            "" if name in ("without", "native groups") else f"   normalization is {1 - bare / median:.1%} of the step"
        )
        print(f"{name:13s} {median:6.0f} ms a step (from {min(values):.0f} to {max(values):.0f}){cost}")


def _nets(batch: int, native_groups: bool):
    import keras
    import numpy as np
    import tensorflow as tf

    import cnnzoo
    from cnnzoo.layers import LocalResponseNormalization

    class TensorFlowsOwn(LocalResponseNormalization):
        def call(self, images, training=None):
            return tf.nn.local_response_normalization(images, self.size // 2, self.k, self.alpha, self.beta)

    def changed(kind: type, *names: str):
        model = cnnzoo.alexnet()
        for name in names:
            model.get_layer(name).__class__ = kind  # the same net, the other computation
        return model

    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, 227, 227, 3)).astype("float32") * 50
    labels = rng.integers(0, 1000, batch, "int32")
    untuned = tf.data.Options()
    untuned.autotune.enabled = False  # its thread would let a fit end only at the next of its doubling pauses
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat().with_options(untuned)
    models = {
        "cnnzoo": cnnzoo.alexnet(),
        "tensorflow": changed(TensorFlowsOwn, "norm1", "norm2"),
        "without": cnnzoo.alexnet(lrn=None),
    }
    if native_groups:
        models["native groups"] = changed(keras.layers.Conv2D, "conv2", "conv4", "conv5")

    def training(model):
        return lambda: model.fit(batches, steps_per_epoch=STEPS, shuffle=False, verbose=0)

    return {name: training(model) for name, model in models.items()}


if __name__ == "__main__":
    main()
