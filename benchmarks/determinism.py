"""Compare the weights of runs of one recipe and seed: again, on one core, and without oneDNN's kernels.

    python benchmarks/determinism.py
    python benchmarks/determinism.py --recipe stacked_denoising_digits --epochs 3

Each run is a process of its own. Printed is the largest difference of any weight from the first run, and whether all of
them are equal to the bit.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from cnnzoo.experiments.run import Run

COMMAND = "import os; os.sched_setaffinity(0, {cores}); from cnnzoo import cli; cli.main()"


def main() -> None:
    """Train, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", default="lenet5_digits")
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    kinds = {
        f"first, {len(cores)} cores": (cores, {}),
        f"again, {len(cores)} cores": (cores, {}),
        "one core": (cores[:1], {}),
        "one core again": (cores[:1], {}),
        f"without oneDNN, {len(cores)} cores": (cores, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    }
    print(f"{options.recipe}, {options.epochs} epochs")
    runs: dict[str, Run] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (chosen, variables) in kinds.items():
            workdir = Path(folder) / str(len(runs))
            arguments = ["train", options.recipe, "--no-report", "--workdir", str(workdir)]
            subprocess.run(
                [sys.executable, "-c", COMMAND.format(cores=chosen), *arguments, "--epochs", str(options.epochs)],
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables},
                stdout=subprocess.DEVNULL,
                check=True,
            )
            runs[name] = Run(workdir)
        weights = {name: [np.array(weight) for weight in run.model().get_weights()] for name, run in runs.items()}
        first = next(iter(weights))
        for name, values in weights.items():
            against = first if name != "one core again" else "one core"
            pairs = list(zip(values, weights[against], strict=True))
            largest = max(float(np.abs(one - other).max()) for one, other in pairs)
            equal = all(np.array_equal(one, other) for one, other in pairs)
            test = next(iter(runs[name].metrics["test"].items()))
            said = "equal to the bit" if equal else f"weights differ by up to {largest:.1e}"
            print(f"{name:28} against {against:18} {said}; test {test[0]} {test[1]:.4f}")


if __name__ == "__main__":
    main()
