"""Speed with more devices: measured on this machine, and by arithmetic for machines that are not available.

    python benchmarks/scaling.py                            # the arithmetic
    python benchmarks/scaling.py --measure lenet5_mnist     # one process, two replicas, two workers, interleaved

It measures the epochs of `cnnzoo train` from the second one on, in rounds with one run of each. Two replicas share this
machine's cores, as two workers do: the result is the cost of distribution, not the gain of more machines.

The arithmetic: a step takes its time on one device, then the gradients are summed over all devices by a ring, in which
each device sends and receives 2(n − 1)/n of them. Nothing overlaps, which is the worst case: a step on n devices takes
t + 2(n − 1)/n · bytes / bandwidth + 2(n − 1) · latency, and n devices are worth n · t / (that). Between machines a ring
over all devices runs at the speed of its slowest link; it enters and leaves each machine once.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

OPTIONS = {
    "one process": ["--strategy", "default"],
    "2 replicas": ["--logical-cpus", "2"],
    "2 workers": ["--workers", "2"],
}

# model: images in a step of one device
BATCH_SIZES = {"alexnet": 128, "lenet5": 128}
BACKWARD = 3  # a training step computes about three times what the forward pass does
# The peak, and the fraction of it that a step reaches, are assumptions; they are printed with the table.
PEAK, REACHED = 312e12, 0.3  # FLOP/s in bfloat16, from the data sheet of the A100
MIN_STEP = 1e-3  # seconds; a step of a small net takes that long on any device: its operations must be launched
LINKS = {  # devices per host, hosts, bytes/s in one direction, seconds per message
    "8 GPUs, NVLink": (8, 1, 300e9, 5e-6),
    "8 GPUs, PCIe 4": (8, 1, 25e9, 10e-6),
    "4 hosts of 8, 100 Gb/s": (8, 4, 12.5e9, 30e-6),
    "4 hosts of 8, 10 Gb/s": (8, 4, 1.25e9, 50e-6),
    "4 hosts of 1, 10 Gb/s": (1, 4, 1.25e9, 50e-6),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", metavar="RECIPE", help="measure this recipe instead")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("options", nargs="*", help="options of `cnnzoo train`, after --")
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.rounds, options.options)
    else:
        compute()


def measure(recipe: str, rounds: int, options: list[str]) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in OPTIONS}
    images = 0
    for _ in range(rounds):
        for name, strategy in OPTIONS.items():
            with tempfile.TemporaryDirectory() as folder:
                run = Path(folder) / "run"
                command = [sys.executable, "-m", "cnnzoo", "train", recipe, "--workdir", str(run), *strategy, *options]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                epochs, images = epochs_of(run)
                seconds[name] += epochs
    print(f"{platform.machine()}, {os.cpu_count()} cores, {recipe}, {rounds} interleaved rounds, without first epochs")
    alone = statistics.median(seconds["one process"])
    for name, values in seconds.items():
        speeds = [images / value for value in values]
        print(
            f"{name:12s} {statistics.median(speeds):9,.0f} images/s (from {min(speeds):,.0f} to {max(speeds):,.0f})"
            f"   {alone / statistics.median(values):.2f} times one process"
        )


def epochs_of(folder: Path) -> tuple[list[float], float]:
    """Return the seconds of each epoch but the first, and the number of images in an epoch."""
    from cnnzoo import Run

    run = Run(folder)
    history, metrics = run.history_rows, run.metrics
    images = metrics["images_per_second"] * metrics["train_seconds"] / len(history)
    return [row["seconds"] for row in history[1:]], images


def compute() -> None:
    import cnnzoo
    from cnnzoo.weights import count_parameters

    peak, min_step = PEAK / 1e12, 1e3 * MIN_STEP
    print(f"assumed: {peak:.0f} TFLOP/s at {REACHED:.0%}, a step of {min_step:.0f} ms or more; float32 gradients")
    for name, batch in BATCH_SIZES.items():
        model = cnnzoo.create(name)
        weights = count_parameters(model.trainable_weights)
        products = cnnzoo.conv_report(model).totals.multiply_adds
        per_image = 2 * BACKWARD * products / (PEAK * REACHED)
        alone = max(MIN_STEP, per_image * batch)
        print(
            f"\n{name}: {weights:,} gradients, {4 * weights / 1e6:,.1f} MB; {products:,} multiply-adds per image; "
            f"{batch} images per device take {1e3 * alone:.1f} ms"
        )
        for link, (devices, hosts, bandwidth, latency) in LINKS.items():
            count = devices * hosts
            summed = 2 * (count - 1) / count * 4 * weights / bandwidth + 2 * (count - 1) * latency
            worth = count * alone / (alone + summed)
            speed = count * batch / (alone + summed)
            efficiency = f"{worth:5.1f} of {count:2d} devices ({worth / count:.0%})"
            needed = 4 * summed / per_image if 4 * summed > MIN_STEP else 1  # a step four times as long as the sum
            print(
                f"  {link:24s} sum {1e3 * summed:7.2f} ms   worth {efficiency:23s} {speed:9,.0f} images/s"
                f"   80% from {needed:,.0f} images per device"
            )


if __name__ == "__main__":
    main()
