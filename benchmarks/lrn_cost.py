"""What local response normalisation costs in a training step of alexnet.

    python benchmarks/lrn_cost.py

`cnnzoo.alexnet()` and `cnnzoo.alexnet(lrn=None)` take turns in one process, in float32, on one made-up
batch that lies in memory. The cost is the difference of the medians, in per cent of the whole step with
normalisation. For comparison the same net with TensorFlow's own operation takes its turns, too.
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
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    nets = _nets(options.batch)
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
        cost = "" if name == "without" else f"   normalisation is {1 - bare / median:.1%} of the step"
        print(f"{name:12s} {median:6.0f} ms a step (from {min(values):.0f} to {max(values):.0f}){cost}")


def _nets(batch: int):
    import numpy as np
    import tensorflow as tf

    import cnnzoo
    from cnnzoo.layers import LocalResponseNormalization

    class TensorFlowsOwn(LocalResponseNormalization):
        def call(self, images, training=None):
            return tf.nn.local_response_normalization(images, self.size // 2, self.k, self.alpha, self.beta)

    def with_tensorflows_own():
        model = cnnzoo.alexnet()
        for name in ("norm1", "norm2"):
            layer = model.get_layer(name)
            layer.__class__ = TensorFlowsOwn  # the same net, the other computation
        return model

    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, 227, 227, 3)).astype("float32") * 50
    labels = rng.integers(0, 1000, batch, "int32")
    untuned = tf.data.Options()
    untuned.autotune.enabled = False  # its thread would let a fit end only at the next of its doubling pauses
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat().with_options(untuned)
    models = {"cnnzoo": cnnzoo.alexnet(), "tensorflow": with_tensorflows_own(), "without": cnnzoo.alexnet(lrn=None)}

    def training(model):
        return lambda: model.fit(batches, steps_per_epoch=STEPS, shuffle=False, verbose=0)

    return {name: training(model) for name, model in models.items()}


if __name__ == "__main__":
    main()
