"""Train and export the models of this folder anew, each by its recipe and judged on the test images.

    python saved_models/rebuild.py [NAME …] [--runs FOLDER]

About an hour on two cores. A run that is there already, in FOLDER/NAME, is gone on with, or exported as it is. The
version before goes when the new one stands.
"""

import argparse
import shutil
from pathlib import Path

import cnnzoo

# Recipe → the type of its weights in the file: the large ones in half precision.
MODELS = {
    "lenet5_mnist": "float32",
    "lenet_fashion_mnist": "float32",
    "cuda_convnet_cifar10": "float32",
    "deep_autoencoder_mnist": "float16",
    "stacked_denoising_mnist": "float16",
}
HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default all")
    parser.add_argument("--runs", type=Path, default=Path("runs/saved_models"))
    parser.add_argument("--data-dir", help="where TFDS keeps its data")
    options = parser.parse_args()
    for name in options.names or MODELS:
        if name not in MODELS:
            parser.error(f"there is no {name!r} in this folder; there are {', '.join(MODELS)}")
        run = cnnzoo.train(name, workdir=options.runs / name, resume=None, data_dir=options.data_dir)
        folder = HERE / name
        before = list(folder.iterdir()) if folder.is_dir() else []
        version = cnnzoo.export(
            run, folder, weights_dtype=MODELS[name], judge=True, warmup=True, data_dir=options.data_dir
        )
        for entry in before:
            shutil.rmtree(entry)
        print(version, next(entry.test for entry in cnnzoo.weights.list() if entry.folder == version))


if __name__ == "__main__":
    main()
