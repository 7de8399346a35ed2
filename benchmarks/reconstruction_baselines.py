"""What linear codes keep of MNIST's test images: the baselines of an autoencoder.

    python benchmarks/reconstruction_baselines.py --data-dir FOLDER

Principal components with 2 and 30 numbers and logistic PCA with 30, fitted to the 60,000 training images.
Hinton and Salakhutdinov (2006) print 13.87 for the principal components and 8.01 for logistic PCA. It ends with
the nearest-neighbor accuracy of the first two principal components, on 500 digits of each class.
"""

import argparse
import os
import platform
import time
from pathlib import Path

from reconstruction_codes import compare_codes, logistic_pca

from cnnzoo import data
from cnnzoo.analysis import codes_2d, pca


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="TFDS folder with MNIST (default: TFDS_DATA_DIR)")
    parser.add_argument("--seeds", type=int, default=1, help="logistic PCA with seeds 0 … SEEDS − 1")
    options = parser.parse_args()
    source = data.load("mnist", data_dir=options.data_dir)
    train, test = source.train.images, source.test.images
    fits = {"PCA, 2": lambda: pca(train, 2), "PCA, 30": lambda: pca(train, 30)}
    for seed in range(options.seeds):
        fits[f"logistic PCA, 30, seed {seed}"] = lambda seed=seed: logistic_pca(train, 30, seed=seed)
    coders = {}
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    for name, fit in fits.items():
        start = time.perf_counter()
        coders[name] = fit()
        print(f"{name}: fitted in {time.perf_counter() - start:.1f} s", flush=True)
    print(compare_codes(coders.values(), train, test, bits=(32, 8, 4)).to_markdown())
    codes = codes_2d(coders["PCA, 2"], test, source.test.labels)
    accuracy = codes.neighbor_accuracy()
    print(f"{codes.name}, 2 numbers: accuracy {accuracy:.1%} by 5 neighbors, of {len(codes.labels):,} images")


if __name__ == "__main__":
    main()
